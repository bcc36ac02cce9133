import type { DatasetCheckerPort } from '../dataset/checker/dataset-checker.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { LoraRecipe } from '../schema/competition.ts';
import type { Logger } from '../shared/logger.ts';
import type { Trainer } from '../trainer/lora-trainer.ts';
import type { FleetWorkerEvent } from './fleet-worker-event.ts';
import type { WorkerSigner } from './worker-key.ts';

/** A trainer that its owner ends. */
export interface WorkerTrainer extends Trainer {
  dispose(): void;
}

/** What a worker is told to load. */
export interface OpenWorkerTrainerParameters {
  base: { model: string; revision?: string; sha256?: string };
  recipe: LoraRecipe;
  signal?: AbortSignal;
}

export interface RunFleetWorkerParameters {
  /** `redis://host:6379`, `rediss://` over TLS, or `postgres://host/database`. */
  url: string;
  /** In place of the one in the address. */
  password?: string;
  /** ss58 address of the validator's hotkey: jobs of others are not taken. */
  validator: string;
  /** Id of the competition, where the validator has queues of several. */
  competition?: string;
  /** Where it has queues of several subnets. */
  netuid?: number;
  /** Of the chain, with `0x`, where it has queues of subnets of several. */
  genesisHash?: string;
  key: WorkerSigner;
  /**
   * Loads the base model that the validator names. Called again when it names another, and for a job that has killed workers;
   * the trainer before is disposed of by then.
   */
  openTrainer(parameters: OpenWorkerTrainerParameters): Promise<WorkerTrainer>;
  datasets: Pick<DatasetStore, 'download'>;
  checker: Pick<DatasetCheckerPort, 'readRows'>;
  /** Folder for datasets and interrupted runs. */
  cacheDir: string;
  /** What this machine is called in the validator's log. Default: its host name. */
  name?: string;
  /** A job whose worker says nothing for this long is given to another one, at the latest after twice that. Default 120 s. */
  lockMs?: number;
  /** How often it says that it is there, and looks whether its job is still wanted. Default 5 s. */
  lookMs?: number;
  onEvent?: (event: FleetWorkerEvent) => void;
  logger?: Logger;
  signal?: AbortSignal;
}
