import type { ChainMetadataStore } from '../chain/chain-metadata-store.ts';
import type { Subtensor } from '../chain/subtensor.ts';
import type { WeightSetter } from '../chain/weight-setter.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import type { LoraTrainer, TrainProgress } from '../trainer/lora-trainer.ts';
import type { ValidatorState } from './state.ts';

/** The fixed evaluation set, loaded once. */
export interface EvaluationSet {
  rows: DatasetRow[];
  rowHashes: string[];
  sha256: string;
}

/** What a validator works with. Everything is opened and closed by whoever made it. */
export interface Validator {
  netuid: number;
  competition: Competition;
  subtensor: Subtensor;
  metadata: ChainMetadataStore;
  weightSetter: WeightSetter;
  datasets: DatasetStore;
  trainer: LoraTrainer;
  evaluation: EvaluationSet;
  state: ValidatorState;
  /** Folder for downloaded datasets. */
  cacheDir: string;
  /** Weights are sent once the subnet's epoch ends within this many blocks. */
  blockThreshold: number;
  onEvent?: (event: ValidatorEvent) => void;
  logger?: Logger;
  clock?: Clock;
}

/** What a validator is doing, for progress bars and logs. */
export type ValidatorEvent =
  | { kind: 'drawn'; epochSeed: number; hotkeys: string[]; block: number; resumed: boolean }
  | { kind: 'fetching'; uid: number; repo: string }
  | { kind: 'training'; uid: number; progress: TrainProgress }
  | { kind: 'evaluating'; uid: number; rowsDone: number; rows: number }
  | { kind: 'scored'; uid: number; lossNatsPerToken: number; cached: boolean }
  | { kind: 'rejected'; uid: number; reason: string; message: string }
  | { kind: 'postponed'; uid: number; message: string }
  | { kind: 'waiting'; untilBlock: number; block: number };
