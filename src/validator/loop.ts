import { messageOf } from '../errors/flock-off-error.ts';
import { BestEffort } from '../shared/best-effort.ts';
import { systemClock } from '../shared/clock.ts';
import { safeLogger } from '../shared/logger.ts';
import { requireNumber } from '../shared/require-number.ts';
import { retry } from '../shared/retry.ts';
import { timed } from '../shared/timed.ts';
import { runEpoch } from './epoch.ts';
import type { EpochReport } from './report.ts';
import type { Validator } from './validator.ts';
import { watchLate } from './watch-late.ts';

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

/**
 * Runs epochs until the signal aborts or `epochs` are done. Passing faults are retried for as long as they last, with
 * waits of up to five minutes; the epoch then goes on where it stopped. Committed weights are revealed meanwhile.
 * @throws FlockOffError for a fault that does not pass by itself; the signal's reason when aborted.
 */
export async function runValidator(parameters: RunValidatorParameters): Promise<void> {
  const { epochs = Number.POSITIVE_INFINITY, onReport, signal } = parameters;
  const validator = withBlocksPerEpoch(parameters);
  const { clock } = validator;
  const logger = safeLogger(validator.logger);
  const bestEffort = new BestEffort((message) => logger.warn(message));
  const done = new AbortController();
  const revealing = revealWhileRunning(validator, done.signal);
  const { isLate, stop: stopWatching } = watchLate(validator);
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
      },
    });
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const report = await throughFaults(() =>
        timed(logger, `epoch ${epoch}`, () => runEpoch({ validator, isLate, signal })),
      );
      await bestEffort.attempt('the report', null, async () => onReport?.(report));
    }
  } finally {
    done.abort();
    await revealing;
    await stopWatching();
  }
}

function withBlocksPerEpoch({ validator, blocksPerEpoch }: RunValidatorParameters): Validator {
  if (blocksPerEpoch === undefined) return validator;
  requireNumber('blocksPerEpoch', blocksPerEpoch, { whole: true, least: 1 });
  return { ...validator, competition: { ...validator.competition, blocksPerEpoch } };
}

/** Reveals committed weights as their windows open; its faults are logged, and it tries again. */
async function revealWhileRunning(validator: Validator, done: AbortSignal): Promise<void> {
  const { weightSetter, subtensor, state, clock = systemClock } = validator;
  const logger = safeLogger(validator.logger);
  while (!done.aborted) {
    try {
      if ((await state.pendingReveals.list()).length > 0) {
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
