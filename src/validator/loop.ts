import type { PendingRevealStore } from '../chain/weights/weight-setter.ts';
import { messageOf } from '../errors/flock-off-error.ts';
import { BestEffort } from '../shared/best-effort.ts';
import { systemClock } from '../shared/clock.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { requireNumber } from '../shared/require-number.ts';
import { retry } from '../shared/retry.ts';
import { timed } from '../shared/timed.ts';
import { runEpoch } from './epoch.ts';
import type { EpochReport } from './epoch-report.ts';
import type { Validator } from './validator.ts';
import { type IsLate, type LateWatch, watchLate } from './watch-late.ts';

export interface RunValidatorParameters {
  validator: Validator;
  /** Blocks from the start of one epoch to the start of the next, instead of the competition's. */
  blocksPerEpoch?: number;
  /** Stop after this many epochs. Default: never. */
  epochs?: number;
  /** Called after every epoch. A disk that refuses what it writes is warned of and stops nothing. */
  onReport?: (report: EpochReport) => void | Promise<void>;
  signal?: AbortSignal;
}

const REVEAL_CHECK_MS = 2_000;
const REVEAL_RETRY_MS = 15_000;
const RECEIPT_RETRY_MS = 60_000;

/**
 * Runs epochs until the signal aborts or `epochs` are done. Passing faults are retried for as long as they last, with
 * waits of up to five minutes; the epoch then goes on where it stopped. Committed weights are revealed meanwhile.
 * @throws FlockOffError for a fault that does not pass by itself; the signal's reason when aborted.
 * @example
 * await runValidator({ validator, epochs: 1, onReport: ({ entries }) => console.log(entries.length), signal });
 */
export async function runValidator(parameters: RunValidatorParameters): Promise<void> {
  const validator = withBlocksPerEpoch(parameters.validator, parameters.blocksPerEpoch);
  const { signal } = parameters;
  await loop({
    ...{ ...parameters, validators: [validator], pendingReveals: validator.state.pendingReveals },
    run: async ([isLate]) => [await runEpoch({ validator, isLate, signal })],
  });
}

export interface LoopParameters extends Pick<RunValidatorParameters, 'epochs' | 'onReport' | 'signal'> {
  /** Of one chain and with one weight setter. */
  validators: [Validator, ...Validator[]];
  /** Of the weight setter. */
  pendingReveals: PendingRevealStore;
  /** For what is of all of them. Default: that of the first. */
  logger?: Logger;
  /** What is done again and again, with what was seen of each validator's late datasets. */
  run: (isLate: IsLate[]) => Promise<EpochReport[]>;
}

/** What {@link runValidator} does around its epochs. */
export async function loop(parameters: LoopParameters): Promise<void> {
  const { validators, run, onReport, signal, pendingReveals, epochs = Number.POSITIVE_INFINITY } = parameters;
  const [first] = validators;
  const { clock } = first;
  const logger = safeLogger(parameters.logger ?? first.logger);
  const ofAll = validators.length > 1;
  const bestEffort = new BestEffort((message) => logger.warn(message));
  const done = new AbortController();
  const watches: LateWatch[] = [];
  for (const validator of validators) watches.push(await watchLate(validator));
  const revealing = revealWhileRunning({ ...first, logger }, pendingReveals, done.signal);
  const beside = [revealing, ...validators.map((one) => retryReceipts(one, done.signal))];
  const throughFaults = <T>(work: () => Promise<T>) =>
    retry(work, {
      attempts: Number.POSITIVE_INFINITY,
      baseDelayMs: 5_000,
      maxDelayMs: 300_000,
      signal,
      clock,
      onRetry: (error, attempt, delayMs) => {
        logger.warn(`interrupted: ${messageOf(error)}`, { attempt, delayMs });
        logger.debug(`attempt ${attempt + 1} follows in ${delayMs / 1000} s`);
        first.onEvent?.({ kind: 'interrupted', error, delayMs, ...(ofAll && { ofAll }) });
      },
    });
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const reports = await throughFaults(() =>
        timed(logger, `epoch ${epoch}`, () => run(watches.map(({ isLate }) => isLate))),
      );
      for (const report of reports) await bestEffort.attempt('the report', null, async () => onReport?.(report));
    }
  } finally {
    done.abort();
    await Promise.all(beside);
    await Promise.all(watches.map(({ stop }) => stop()));
  }
}

/** @throws FlockOffError `bad-argument` for what is no number of blocks. */
export function withBlocksPerEpoch(validator: Validator, blocksPerEpoch: number | undefined): Validator {
  if (blocksPerEpoch === undefined) return validator;
  requireNumber('blocksPerEpoch', blocksPerEpoch, { whole: true, least: 1 });
  return { ...validator, competition: { ...validator.competition, blocksPerEpoch } };
}

/** Tries reports again that could not be stored, once more at the end; that they could not has been said. */
async function retryReceipts({ receipts, clock = systemClock }: Validator, done: AbortSignal): Promise<void> {
  if (!receipts) return;
  while (!done.aborted) {
    await clock.sleep({ durationMs: RECEIPT_RETRY_MS, signal: done }).catch(() => {});
    await receipts.retry().catch(() => {});
  }
}

/** Reveals committed weights as their windows open; its faults are logged, and it tries again. */
async function revealWhileRunning(
  validator: Validator & { logger: Logger },
  pendingReveals: PendingRevealStore,
  done: AbortSignal,
): Promise<void> {
  const { weightSetter, subtensor, logger, clock = systemClock } = validator;
  while (!done.aborted) {
    try {
      if ((await pendingReveals.list()).length > 0) {
        const { nextRevealBlock } = await weightSetter.reveal({ signal: done });
        if (nextRevealBlock !== null) {
          logger.debug(`committed weights wait for block ${nextRevealBlock}`);
          await subtensor.waitForBlock({ block: nextRevealBlock - 1, signal: done });
        }
      }
      await clock.sleep({ durationMs: REVEAL_CHECK_MS, signal: done });
    } catch (error) {
      if (done.aborted) return;
      logger.warn(`weights could not be revealed yet: ${messageOf(error)}`);
      await clock.sleep({ durationMs: REVEAL_RETRY_MS, signal: done }).catch(() => {});
    }
  }
}
