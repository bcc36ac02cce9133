// What a validator does in an epoch: draw, score, compare, weigh, keep its state.

export type { RowsFacts } from '../dataset/check-rows.ts';
export type { FlockOffErrorFacts } from '../errors/facts.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorOf,
  type FlockOffErrorParameters,
  isCode,
} from '../errors/flock-off-error.ts';
export type { LockedPart, PartFault } from '../evaluation-sets/locked-file.ts';
export type { ListFault, SetFault, TriedSet, UsedPart, UsedSets } from '../evaluation-sets/used-sets.ts';
export {
  type EvaluationSetStore,
  HubEvaluationSetStore,
  type PublishSetParameters,
} from '../hub/evaluation-set-store.ts';
export type { ReadPublicFileParameters } from '../hub/read-public-file.ts';
export { benchmarkCurvePolicy } from '../policy/benchmark-curve.ts';
export {
  type ComputeWeightsParameters,
  type ComputeWeightsReturnType,
  computeWeights,
} from '../policy/compute-weights.ts';
export { dailyWinnerPolicy } from '../policy/daily-winner.ts';
export { openPolicy } from '../policy/open-policy.ts';
export type {
  EpochMoment,
  Intake,
  Policy,
  PolicyDrawParameters,
  PolicyExplainParameters,
  PolicyMiner,
  PolicyScoreParameters,
  PolicyWeighParameters,
  Weighed,
} from '../policy/policy.ts';
export { policyOf } from '../policy/shipped.ts';
export { winRatesPolicy } from '../policy/win-rates.ts';
export {
  type Draw,
  type DrawCandidate,
  type DrawParameters,
  type DrawShares,
  drawByShares,
} from '../queue/draw-by-shares.ts';
export {
  EvalQueue,
  type EvalQueueParameters,
  type EvalQueueState,
  type NextEpochParameters,
  type NextEpochReturnType,
} from '../queue/eval-queue.ts';
export { LeftOutEvidence } from '../schema/left-out-evidence.ts';
export { type BenchmarkCurveRules, type DailyWinnerRules, PolicyChoice, type WinRatesRules } from '../schema/policy.ts';
export type { Submission } from '../schema/submission.ts';
export {
  type BenchmarkCurve,
  ERA_B_CURVE,
  type ScoreBenchmarkParameters,
  scoreBenchmark,
} from '../scoring/benchmark.ts';
export { pickDailyWinner } from '../scoring/daily-winner.ts';
export {
  type Advantage,
  type BeatsBaselineParameters,
  beatsBaseline,
  type Contestant,
  type WinRatesParameters,
  winRates,
} from '../scoring/win-rates.ts';
export { type RunEpochParameters, runEpoch } from '../validator/epoch.ts';
export type { EpochEntry, EpochReport } from '../validator/epoch-report.ts';
export type { RowLossHint } from '../validator/hints.ts';
export {
  type ExportLedgerParameters,
  type ExportLedgerReturnType,
  exportLedger,
} from '../validator/ledger/export-ledger.ts';
export { type ImportLedgerParameters, importLedger } from '../validator/ledger/import-ledger.ts';
export type { LedgerEntry } from '../validator/ledger/ledger.ts';
export type { LedgerHeader } from '../validator/ledger/ledger-header.ts';
export type { LedgerContents } from '../validator/ledger/ledger-schema.ts';
export type { Position } from '../validator/ledger/position.ts';
export type {
  Judgement,
  LeftOut,
  LeftOutRow,
  LeftOutSource,
  RenewedRows,
  ShownDataset,
} from '../validator/ledger/showing.ts';
export { type RunValidatorParameters, runValidator } from '../validator/loop.ts';
export type { Outcome, Postponed } from '../validator/outcome.ts';
export {
  type AuditedReport,
  type AuditFinding,
  type AuditReceiptsParameters,
  type AuditReceiptsReturnType,
  auditReceipts,
} from '../validator/receipts/audit/audit.ts';
export type {
  Receipt,
  ReceiptDataset,
  ReceiptInputs,
  ReceiptSeal,
  UnsignedReceipt,
} from '../validator/receipts/receipt.ts';
export {
  ReceiptFolder,
  type ReceiptFolderParameters,
  type ReceiptStore,
} from '../validator/receipts/receipt-folder.ts';
export { COMPETITIONS as COMPETITIONS_FOLDER } from '../validator/receipts/report-folders.ts';
export type { ReceiptMachine } from '../validator/receipts/this-machine.ts';
export type {
  BaseLoss,
  BeginParameters,
  DatasetScore,
  EvaluateBaseParameters,
  ProbeParameters,
  Scorer,
  ScoreTask,
} from '../validator/scorer.ts';
export type { Blend, BlendPart, SentBlend } from '../validator/shares/blend.ts';
export type { PlayedCompetition } from '../validator/shares/player.ts';
export {
  type CommonState,
  type RunCompetitionsParameters,
  runCompetitions,
} from '../validator/shares/run-competitions.ts';
export { requireShares, type ScheduledShare } from '../validator/shares/schedule.ts';
export type { SentPortion, StandingWeights, StandingWeightsStore } from '../validator/shares/standing-weights.ts';
export type { Served, Standing, Standings } from '../validator/standing.ts';
export { type StateBackup, type StateRepair, ValidatorState } from '../validator/state.ts';
export type {
  BeginEpochParameters,
  Download,
  DrawnFrom,
  EpochStart,
  FileFinding,
  FingerprintStore,
  FinishEpochParameters,
  KeepSinceParameters,
  LatePointer,
  MeasuredScore,
  OpenEpoch,
  PinnedDataset,
  PutBaselineParameters,
  PutDownloadParameters,
  PutFileFindingParameters,
  PutLatePointersParameters,
  PutLedgerParameters,
  PutScoreParameters,
  StateHistory,
  StateStore,
} from '../validator/state-store.ts';
export { TrainerPool, type TrainerPoolParameters } from '../validator/trainer-pool.ts';
export type { RowJudge, Validator, ValidatorEvent } from '../validator/validator.ts';
export type { IsLate } from '../validator/watch-late.ts';
