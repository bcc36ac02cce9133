// The vocabulary of datasets and the check of their lines and bytes. Nothing here needs Node: it runs in a browser.

export { type CheckBytesParameters, type CheckLineParameters, checkBytes, checkLine } from '../dataset/check-bytes.ts';
export type { Dataset, LineProblem, RowsFacts } from '../dataset/check-rows.ts';
export type { FlockOffErrorFacts } from '../errors/facts.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorOf,
  type FlockOffErrorParameters,
  isCode,
} from '../errors/flock-off-error.ts';
export { Competition, LoraRecipe } from '../schema/competition.ts';
export { DatasetOwners, MAX_OWNERS, MAX_OWNERS_BYTES, OWNERS_FILE } from '../schema/dataset-owners.ts';
export { type DatasetRow, DatasetSchema, type Turn, TurnSchema } from '../schema/dataset-row.ts';
export { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
export { LeftOutEvidence } from '../schema/left-out-evidence.ts';
export { isPinned, MAX_POINTER_BYTES, ModelId, type PinnedModelId, RepoId } from '../schema/model-id.ts';
export { type Checked, Verdict, VerdictReason } from '../schema/verdict.ts';
