import type { BytesSigner } from '../chain/wallet/signed-bytes.ts';
import type { Competition } from '../schema/competition.ts';
import type { Logger } from '../shared/logger.ts';
import type { TrainerFacts } from '../trainer/process/trainer-parameters.ts';

/** What workers must have, as far as it is said. */
export interface WantedDevice {
  device?: 'gpu' | 'cpu';
  /** Of matrix products. */
  precision?: TrainerFacts['precision']['matmul'];
}

export interface FleetParameters {
  /** `redis://host:6379`, `rediss://` over TLS, or `postgres://host/database`. */
  url: string;
  /** In place of the one in the address. */
  password?: string;
  /** Signs jobs, so that workers take no others. */
  hotkey: BytesSigner;
  /** Of the chain, with `0x`: subnets of two chains may have one number. */
  genesisHash: string;
  netuid: number;
  competition: Competition;
  /** What workers load; `sha256` where it must have that content. */
  base: { model: string; revision?: string; sha256?: string };
  /** Public keys of the workers whose results are taken, hex. */
  workers: readonly string[];
  /** Workers that are otherwise get no jobs. Default: most of those that are there decide, weighted by their speed. */
  wanted?: WantedDevice;
  /** Takes a Redis that forgets its jobs when it ends; they are added again. Default false. */
  isVolatile?: boolean;
  /**
   * One in so many results is compared with that of another worker, and all of a worker before it has agreed with one; 0: none
   * but verdicts and the base model's. Default 8.
   */
  recheckOneIn?: number;
  /** How often workers and jobs are looked at besides what the queue tells by itself. Default 5 s. */
  lookMs?: number;
  /** A worker that says nothing for this long is taken to be gone; time in which the queue is out of reach does not count. Default 60 s. */
  aliveMs?: number;
  /**
   * How long workers that are not there are waited for before those that are decide: at first all, later those that took jobs
   * in the epoch before. Default 60 s.
   */
  gatherMs?: number;
  /** Called while no worker is there yet. */
  onWait?: (what: string) => void;
  logger?: Logger;
  signal?: AbortSignal;
}
