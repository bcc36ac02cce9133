import { z } from 'zod';

/** Outcome of one miner in the running epoch. */
const SettledMiner = z.object({
  uid: z.int(),
  kind: z.enum(['scored', 'rejected', 'postponed']),
  /** Of a scored one; else `null`. */
  lossNatsPerToken: z.number().nullable(),
  /** The verdict, or what a postponed one waits for; else `null`. */
  reason: z.string().nullable(),
});

/** What is being done for one miner. */
const Work = z.object({
  uid: z.int(),
  phase: z.enum(['downloading', 'training', 'evaluating']),
  sinceMs: z.number(),
  /** Steps or rows; 0 of 0 where neither is known. */
  done: z.int(),
  of: z.int(),
  /** Of the last step; `null` but while training. */
  lossNatsPerToken: z.number().nullable(),
  gradNorm: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
});

/**
 * The epoch that runs.
 * @example
 * const epoch = RunningEpoch.parse(JSON.parse(text));
 * console.log(placeIn(epoch));
 */
export const RunningEpoch = z.object({
  startBlock: z.int(),
  seed: z.int(),
  sinceMs: z.number(),
  /** Whether it goes on from before a restart. */
  resumed: z.boolean(),
  /** Miners drawn. */
  drawn: z.int(),
  /** Who is trained on, in order; `null` before that is known. */
  scoring: z.array(z.int()).nullable(),
  settled: z.array(SettledMiner),
  work: z.array(Work),
  /** The block that the weights wait for; `null` before they wait. */
  weightsBlock: z.int().nullable(),
});

export type RunningEpoch = z.infer<typeof RunningEpoch>;

/** The last epoch that this process has finished. */
const FinishedEpoch = z.object({
  startBlock: z.int(),
  atMs: z.number(),
  durationMs: z.number(),
  scored: z.int(),
  rejected: z.int(),
  postponed: z.int(),
  baselineLossNatsPerToken: z.number().nullable(),
  /** Best first. */
  miners: z.array(
    z.object({
      uid: z.int(),
      lossNatsPerToken: z.number().nullable(),
      score: z.number().nullable(),
      weight: z.number(),
      reason: z.string().nullable(),
    }),
  ),
  /** Why no weights were sent; `null` when they were. */
  notSent: z.string().nullable(),
});

/** What the epoch waits to have passed; `null` once it goes on. `retryMs` is `null` where it is tried again with the next weights. */
const PassingFault = z
  .object({ code: z.string(), message: z.string(), atMs: z.number(), retryMs: z.number().nullable() })
  .nullable();

/** One of several competitions that are played together. */
const CompetitionSnapshot = z.object({
  competition: z.string(),
  epoch: RunningEpoch.nullable(),
  lastEpoch: FinishedEpoch.nullable(),
  fault: PassingFault,
});

/**
 * What a validator does and has done since its start: plain JSON, times in Unix milliseconds, losses in nats per token.
 * A later version may add names.
 * @example
 * const snapshot = ValidatorSnapshot.parse(await (await fetch('http://127.0.0.1:9100/status')).json());
 * console.log(snapshot.totals.epochs);
 */
export const ValidatorSnapshot = z.object({
  format: z.literal(1),
  /** Of this package. */
  version: z.string(),
  host: z.string(),
  pid: z.int(),
  startedMs: z.number(),
  /** When it was taken. */
  atMs: z.number(),
  /** When the process has ended by itself; `null` while it runs, and after it was killed. */
  endedMs: z.number().nullable(),
  netuid: z.int(),
  /** Id of the competition; of several, with commas between. */
  competition: z.string(),
  hotkey: z.string(),
  /** What trains, in words; `null` until it is loaded. */
  device: z.string().nullable(),
  /** When anything last went on: a step, a file, a block that was waited for. */
  movedMs: z.number(),
  /** `null` until the chain has answered. */
  chain: z
    .object({
      block: z.int(),
      /** First block of the subnet's next epoch; `null` when it runs none. */
      nextEpochBlock: z.int().nullable(),
      /** When `block` was first seen. */
      blockSeenMs: z.number(),
      /** Measured since the start, or what the chain is meant to do. */
      blockTimeMs: z.number(),
    })
    .nullable(),
  /** The subnet and this validator in it; `null` until they were read. `neuron`: `null` where it is not registered. */
  subnet: z
    .object({
      block: z.int(),
      readMs: z.number(),
      neurons: z.int(),
      neuron: z
        .object({
          uid: z.int(),
          validatorTrust: z.number(),
          validatorPermit: z.boolean(),
          stakeWeight: z.number().nullable(),
          lastUpdateBlock: z.int(),
        })
        .nullable(),
    })
    .nullable(),
  /** `null` between epochs. Of several competitions: that of which something was told last. */
  epoch: RunningEpoch.nullable(),
  lastEpoch: FinishedEpoch.nullable(),
  /** Each of several that are played together; missing where one is played. */
  competitions: z.array(CompetitionSnapshot).optional(),
  /** The last that this process has sent. */
  lastWeights: z.object({ block: z.int(), atMs: z.number(), mode: z.string() }).nullable(),
  /** Of several competitions: of any. */
  fault: PassingFault,
  /** Since the start of the process. */
  totals: z.object({
    epochs: z.int(),
    interruptions: z.int(),
    chainFaults: z.int(),
    weights: z.int(),
    epochsWithoutWeights: z.int(),
    trainingSteps: z.int(),
  }),
});
export type ValidatorSnapshot = z.infer<typeof ValidatorSnapshot>;

/**
 * The snapshot of each competition by itself: of one that is played alone, the snapshot.
 * @example
 * for (const { competition, epoch } of snapshotsOf(watch.snapshot())) console.log(competition, epoch?.startBlock);
 */
export function snapshotsOf(snapshot: ValidatorSnapshot): ValidatorSnapshot[] {
  const { competitions, ...all } = snapshot;
  return competitions?.map((one) => ({ ...all, ...one })) ?? [snapshot];
}
