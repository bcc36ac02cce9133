// What an operator sees of a running validator: its snapshot, metrics, health, what its folders take.

export { type Health, type HealthLimits, judgeHealth } from '../operator/health.ts';
export { HubRequests } from '../operator/hub-requests.ts';
export { type KeepFilesParameters, keepFiles, METRICS_FILES, REPORT_FILES } from '../operator/keep-files.ts';
export { LogFile, type LogFileParameters, logFiles } from '../operator/log-file.ts';
export { ValidatorMetrics, type ValidatorMetricsParameters } from '../operator/metrics.ts';
export { RecordedLog, type RecordedLogParameters } from '../operator/recorded-log.ts';
export { RunningEpoch, snapshotsOf, ValidatorSnapshot } from '../operator/snapshot.ts';
export { placeIn, snapshotText, weightsText } from '../operator/snapshot-text.ts';
export { livenessOf, readStatusFile, StatusFile, type StatusFileParameters } from '../operator/status-file.ts';
export { type ValidatorPagesParameters, validatorPages } from '../operator/validator-pages.ts';
export {
  type ChainListener,
  ValidatorWatch,
  type ValidatorWatchParameters,
  type WatchEvent,
  type WatchedValidator,
  type WatchListener,
} from '../operator/validator-watch.ts';
export { type WatchChainParameters, watchChain } from '../operator/watch-chain.ts';
export { DiskWatch, type DiskWatchParameters, diskUse, type FolderUse } from '../operator/watch-disk.ts';
export { type WebPage, WebServer, type WebServerParameters } from '../operator/web-server.ts';
export { blocksText, bytesText, clockText, durationText } from '../operator/words.ts';
export { type DashboardPagesParameters, dashboardPages } from '../page/dashboard-pages.ts';
export type { Outcome, Postponed } from '../validator/outcome.ts';
export type { ValidatorEvent } from '../validator/validator.ts';
