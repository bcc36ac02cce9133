export { checkerKey } from '../dataset/checker/checker-key.ts';
export {
  type CheckedFile,
  type CheckFileParameters,
  DatasetChecker,
  type DatasetCheckerParameters,
  type DatasetCheckerPort,
  type ReadRowsParameters,
} from '../dataset/checker/dataset-checker.ts';
// Datasets: checking files, finding copies, and the Hub they lie on.

export { type CheckDatasetParameters, checkDataset } from '../dataset/check.ts';
export { type CheckBytesParameters, type CheckLineParameters, checkBytes, checkLine } from '../dataset/check-bytes.ts';
export type { Dataset, LineProblem, RowsFacts } from '../dataset/check-rows.ts';
export {
  type FindOthersRowsParameters,
  type FoundRows,
  findOthersRows,
} from '../dataset/fingerprint/find-others-rows.ts';
export { fingerprintRows } from '../dataset/fingerprint/fingerprint-rows.ts';
export { FINGERPRINT_VERSION } from '../dataset/fingerprint/format.ts';
export type { OthersRow, RowSource } from '../dataset/fingerprint/judged-showing.ts';
export type { RepeatedRow } from '../dataset/fingerprint/repeated-rows.ts';
export type { FingerprintFile, Showing } from '../dataset/fingerprint/showings.ts';
export { loadEvaluationSet } from '../dataset/load-rows.ts';
export { rowHash } from '../dataset/row-hash.ts';
export type { FlockOffErrorFacts } from '../errors/facts.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorOf,
  type FlockOffErrorParameters,
  isCode,
} from '../errors/flock-off-error.ts';
export type {
  DatasetStore,
  DatasetVersion,
  DownloadDatasetParameters,
  FindUploadParameters,
  FoundUpload,
  MakePublicParameters,
  StoredFile,
  UploadDatasetParameters,
  UploadedDataset,
  Visibility,
} from '../hub/dataset-store.ts';
export { HubDatasetStore, type HubDatasetStoreParameters } from '../hub/hub-dataset-store.ts';
export { Competition } from '../schema/competition.ts';
export { DatasetOwners, MAX_OWNERS, MAX_OWNERS_BYTES, OWNERS_FILE } from '../schema/dataset-owners.ts';
export type { DatasetRow } from '../schema/dataset-row.ts';
export { type ParseHubTokenParameters, parseHubToken } from '../schema/hub-token.ts';
export { type Checked, Verdict, VerdictReason } from '../schema/verdict.ts';
export type { Clock, SleepParameters } from '../shared/clock.ts';
export type { Logger } from '../shared/logger.ts';
export { type SecretsOfProcessParameters, secretsOfProcess } from '../shared/process-secrets.ts';
export type { ProxyOption } from '../shared/proxy.ts';
export { Secrets, secretsOfUrl } from '../shared/secrets.ts';
