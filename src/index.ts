// The front door: everything of the doors for purposes, and what needs several of them: competitions, and publishing.

export {
  type AdviseEvaluationParameters,
  adviseEvaluation,
  type EvaluationAdvice,
  type LossSpread,
} from './competition/advise-evaluation.ts';
export { competitionLines } from './competition/competition-text.ts';
export { competitionId, contentHash } from './competition/content.ts';
export { CompetitionDocument, CompetitionDraft } from './competition/document.ts';
export {
  type DraftCompetitionParameters,
  type DraftCompetitionReturnType,
  draftCompetition,
} from './competition/draft-competition.ts';
export { type DraftFolder, readDraftFolder } from './competition/draft-folder.ts';
export { type FetchEvaluationParameters, fetchEvaluation, requireBaseModel } from './competition/fetch-evaluation.ts';
export {
  competitionTextToSign,
  type PublishFoundedCompetitionParameters,
  publishFoundedCompetition,
  type TextToSign,
} from './competition/publish-competition.ts';
export {
  type FoundedCompetition,
  type ReadFoundedCompetitionParameters,
  readFoundedCompetition,
} from './competition/read-document.ts';
export { type CompetitionReference, parseCompetitionReference, referenceText } from './competition/reference.ts';
export { type RequireBlockTimeParameters, requireBlockTime } from './competition/require-block-time.ts';
export {
  type RequireCompetitionParameters,
  type RequireCompetitionReturnType,
  requireCompetition,
} from './competition/require-competition.ts';
export { type ReadCompetitionFileParameters, readCompetitionFile } from './competition/rules-file.ts';
export * from './doors/chain.ts';
export * from './doors/dataset.ts';
export * from './doors/operator.ts';
export * from './doors/schema.ts';
export * from './doors/trainer.ts';
export * from './doors/validator.ts';
export type { Announcement } from './evaluation-sets/announcement.ts';
export { type AppendSetParameters, type AppendSetReturnType, appendSet } from './evaluation-sets/append-set.ts';
export {
  type LockSetParameters,
  type LockSetReturnType,
  lockSet,
} from './evaluation-sets/locked-file.ts';
export {
  COMPETITION_FILE,
  type CompetitionStore,
  HubCompetitionStore,
  MAX_COMPETITION_BYTES,
  type PublishCompetitionParameters,
} from './hub/competition-store.ts';
export { readHubToken } from './hub/read-hub-token.ts';
export { type CommitTerms, type CommitTermsParameters, commitTerms } from './miner/preview/commit-terms.ts';
export { type LossTerms, type PlaceAmong, type PlaceAmongParameters, placeAmong } from './miner/preview/place-among.ts';
export {
  type LossesEvent,
  type LossesPreview,
  type PreviewLossesParameters,
  type PreviewTrainer,
  previewLosses,
  type TrainingSample,
} from './miner/preview/preview-losses.ts';
export { type PreviewRowsParameters, previewRows, type RowsPreview } from './miner/preview/preview-rows.ts';
export {
  type PublishDatasetParameters,
  type PublishDatasetReturnType,
  type PublishStep,
  publishDataset,
} from './miner/publish.ts';
export { type ReadSettingsFileParameters, readSettingsFile } from './shared/settings-file.ts';
