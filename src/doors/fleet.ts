// Scoring on other machines: a validator's fleet, and the workers of one.

export type { BytesSigner } from '../chain/wallet/signed-bytes.ts';
export type { DatasetCheckerPort } from '../dataset/checker/dataset-checker.ts';
export { Fleet } from '../fleet/fleet.ts';
export type { FleetParameters, WantedDevice } from '../fleet/fleet-parameters.ts';
export { runFleetWorker } from '../fleet/fleet-worker.ts';
export type { FleetWorkerEvent } from '../fleet/fleet-worker-event.ts';
export type {
  OpenWorkerTrainerParameters,
  RunFleetWorkerParameters,
  WorkerTrainer,
} from '../fleet/fleet-worker-parameters.ts';
export { type ParseQueueAddressParameters, parseQueueAddress, type QueueAddress } from '../fleet/queue-address.ts';
export type { MachineClass } from '../fleet/wire.ts';
export { WorkerKey, type WorkerSigner } from '../fleet/worker-key.ts';
export type { DatasetStore } from '../hub/dataset-store.ts';
export type { Scorer, ScoreTask } from '../validator/scorer.ts';
