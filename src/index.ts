export {
  ChainMetadataStore,
  type ChainMetadataStoreParameters,
  type CommitParameters,
  type CommitReturnType,
} from './chain/commitments/chain-metadata-store.ts';
export {
  type CommitTimelockedParameters,
  type CommitTimelockedReturnType,
  commitTimelocked,
  type RevealedCommitment,
  readRevealedCommitments,
} from './chain/commitments/timelocked.ts';
export type { ResolveEndpointsParameters } from './chain/node/networks.ts';
export type {
  ChainValue,
  MapEntry,
  Snapshot,
  StorageRead,
  StorageReads,
  StorageValues,
} from './chain/node/snapshot.ts';
export type { CommitmentRoom } from './chain/subnet/commitments.ts';
export type { EpochPosition } from './chain/subnet/epoch-schedule.ts';
export { type ConnectSubtensorParameters, connectSubtensor, type Subtensor } from './chain/subtensor.ts';
export type { DrandBeacon } from './chain/timelock/drand.ts';
export type { BuildCall } from './chain/transaction/sign.ts';
export type { SubmitParameters } from './chain/transaction/submit.ts';
export type { Certainty, Inclusion } from './chain/transaction/watch.ts';
export {
  type HotkeySigner,
  type OpenHotkeyParameters,
  openHotkey,
  readColdkeyAddress,
  type WalletHotkey,
} from './chain/wallet/hotkey.ts';
export { decodeWalletPassword, encodeWalletPassword, walletPasswordVariable } from './chain/wallet/password.ts';
export type { WalletPassword, WalletPasswordQuestion } from './chain/wallet/unseal.ts';
export { type WalletFiles, type WalletLocation, walletFiles } from './chain/wallet/wallet-files.ts';
export type { NormalisedWeights, WeightEntry } from './chain/weights/normalise.ts';
export {
  type PendingReveal,
  type PendingRevealStore,
  type RevealReport,
  type SetWeightsParameters,
  type WaitingReveal,
  WeightSetter,
  type WeightSetterParameters,
  type WeightsReceipt,
} from './chain/weights/weight-setter.ts';
export { type CheckDatasetParameters, checkDataset, type Dataset, type LineProblem } from './dataset/check.ts';
export {
  type DuplicateCandidate,
  type DuplicateFinding,
  type FindDuplicatesParameters,
  findDuplicates,
} from './dataset/duplicates.ts';
export { loadEvaluationSet } from './dataset/load-rows.ts';
export { rowHash } from './dataset/row-hash.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorParameters,
  isCode,
} from './errors/flock-off-error.ts';
export type {
  DatasetStore,
  DownloadDatasetParameters,
  StoredFile,
  UploadDatasetParameters,
  UploadedDataset,
} from './hub/dataset-store.ts';
export { type CreateHubDatasetStoreParameters, createHubDatasetStore } from './hub/hub-dataset-store.ts';
export {
  type PublishDatasetParameters,
  type PublishDatasetReturnType,
  type PublishStep,
  publishDataset,
} from './miner/publish.ts';
export {
  EvalQueue,
  type EvalQueueState,
  type NextEpochParameters,
  type NextEpochReturnType,
} from './queue/eval-queue.ts';
export { Competition, LoraRecipe } from './schema/competition.ts';
export { type DatasetRow, DatasetSchema, type Turn, TurnSchema } from './schema/dataset-row.ts';
export { parseHubToken } from './schema/hub-token.ts';
export type { Commitment, Metagraph, Neuron, SubnetHyperparameters } from './schema/metagraph.ts';
export { isPinned, MAX_POINTER_BYTES, ModelId, type PinnedModelId, RepoId } from './schema/model-id.ts';
export type { Submission } from './schema/submission.ts';
export { type Checked, Verdict, VerdictReason } from './schema/verdict.ts';
export { type BenchmarkCurve, ERA_B_CURVE, scoreBenchmark } from './scoring/benchmark.ts';
export {
  type ComputeWeightsParameters,
  type ComputeWeightsReturnType,
  computeWeights,
} from './scoring/compute-weights.ts';
export { pickDailyWinner } from './scoring/daily-winner.ts';
export { type Contestant, winRates } from './scoring/win-rates.ts';
export type { Clock } from './shared/clock.ts';
export { type Logger, silentLogger } from './shared/logger.ts';
export {
  type OutageWait,
  type WaitUntilAvailableParameters,
  waitUntilAvailable,
} from './shared/wait-until-available.ts';
export type { MatrixType } from './trainer/engine/graph/graph.ts';
export type { Checkpointing } from './trainer/engine/graph/memory.ts';
export {
  type BackendInfo,
  type BackendName,
  type EvaluateParameters,
  type EvaluationProgress,
  type EvaluationResult,
  type LoadLoraTrainerParameters,
  type LoraAdapter,
  LoraTrainer,
  type Precision,
  type TrainParameters,
  type TrainProgress,
  type TrainResult,
  type WeightStorage,
} from './trainer/lora-trainer.ts';
export type { BaseModelSource } from './trainer/model/base-model.ts';
export { loadLoraAdapter, type SaveLoraAdapterParameters, saveLoraAdapter } from './trainer/model/lora-adapter.ts';
export type { NamedTensor } from './trainer/model/weights.ts';
export type { EngineParameters, TrainerFacts } from './trainer/process/trainer-parameters.ts';
export { type RunEpochParameters, runEpoch } from './validator/epoch.ts';
export { type RunValidatorParameters, runValidator } from './validator/loop.ts';
export type { Outcome } from './validator/outcome.ts';
export type { EpochEntry, EpochReport } from './validator/report.ts';
export type { Standing, Standings } from './validator/standing.ts';
export { type OpenEpoch, type RememberedDataset, type StateRepair, ValidatorState } from './validator/state.ts';
export type { Validator, ValidatorEvent } from './validator/validator.ts';
