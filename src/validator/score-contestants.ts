import { isCode, messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { systemClock } from '../shared/clock.ts';
import { eitherSignal } from '../shared/either-signal.ts';
import { safeLogger } from '../shared/logger.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { retry } from '../shared/retry.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import type { Ledger } from './ledger/ledger.ts';
import { keptRows } from './left-out.ts';
import type { Outcome, Postponed } from './outcome.ts';
import { postponeOnFault, type Step } from './postpone.ts';
import { type Baseline, scoreBaseline } from './score-baseline.ts';
import { scoreDataset } from './score-dataset.ts';
import type { DatasetScore } from './scorer.ts';
import { scorerOf } from './scorer-of.ts';
import type { MeasuredScore } from './state-store.ts';
import type { Validator } from './validator.ts';

export interface ScoreContestantsParameters {
  ledger: Ledger;
  contestants: FetchedDataset[];
  settle: (hotkey: string, outcome: Outcome) => void;
  seed: number;
  block: number;
  /** Why nothing can be measured, a clause; `null` where it can. */
  closed: string | null;
  signal?: AbortSignal;
}

export interface ScoreContestantsReturnType {
  /** `null` where nothing is compared with it, or it was not reached. */
  baseline: Baseline | null;
  /** What losses are made of, by hotkey, in the order of the contestants. */
  measured: Map<string, MeasuredScore>;
}

const UNANSWERABLE = 'nothing was measured: no row of the evaluation set has an answer inside the context';
const AGAIN_MS = 5_000;
const AGAIN_AT_MOST_MS = 60_000;

/**
 * Trains on each contestant's own rows, as many at a time as the scorer takes, and settles each as it is done. Several at a
 * time begin with the largest, so that none of them is what all wait for in the end. Who is not reached before the subnet's
 * epoch ends, where the scorer keeps to that, is postponed at no cost, and what is at work is given up.
 */
export async function scoreContestants(
  validator: Validator,
  { ledger, contestants, settle, seed, block, closed, signal }: ScoreContestantsParameters,
): Promise<ScoreContestantsReturnType> {
  const scorer = scorerOf(validator);
  const measured = new Map<string, MeasuredScore>();
  if (closed !== null)
    for (const { submission } of contestants)
      settle(submission.hotkey, { kind: 'postponed', by: 'validator', message: closed });
  if (contestants.length === 0 || closed !== null) return { baseline: null, measured };
  const stop = new AbortController();
  const late = new AbortController();
  const either = eitherSignal(stop.signal, late.signal, signal);
  const work = { seed, block, signal: either.signal };
  const { clock, logger } = validator;
  const order = scorer.places > 1 ? contestants.toSorted((a, b) => rowsOf(b) - rowsOf(a)) : contestants;
  const timing = scorer.isInTime ? endInTime(validator, late, stop.signal) : undefined;
  try {
    await unlessLate(async () => scorer.begin?.({ seed, signal: work.signal }));
    const baseline = await unlessLate(() =>
      retry(() => scoreBaseline(validator, work.signal), {
        // Without it nobody is scored, and the weights must not wait for it.
        attempts: scorer.isInTime ? Number.POSITIVE_INFINITY : 1,
        ...{ baseDelayMs: AGAIN_MS, maxDelayMs: AGAIN_AT_MOST_MS, signal: work.signal, clock },
        onRetry: (error) => safeLogger(logger).warn(`${messageOf(error)} It is tried again.`),
      }),
    );
    await mapConcurrent(order, scorer.places, async (one) => {
      const { hotkey } = one.submission;
      const score = (await unlessLate(() => scored(one))) ?? notReached(late.signal);
      if (score.kind !== 'ready') return settle(hotkey, score);
      const { lossNatsPerToken, measured: of } = score.value;
      if (of !== null) measured.set(hotkey, of);
      settle(hotkey, { kind: 'scored', lossNatsPerToken });
    });
    const inOrder = contestants.flatMap(({ submission: { hotkey } }) =>
      measured.has(hotkey) ? [[hotkey, measured.get(hotkey)!] as const] : [],
    );
    return { baseline, measured: new Map(inOrder) };
  } catch (error) {
    // A set that others have listed: it measures nothing, and must not end whoever comes to it.
    const isUnanswerable = isCode(error, 'bad-argument') && error.facts.name === 'rows';
    if (!isUnanswerable || !validator.competition.evaluationSets) throw error;
    for (const { submission } of contestants)
      settle(submission.hotkey, { kind: 'postponed', by: 'validator', message: UNANSWERABLE });
    return { baseline: null, measured: new Map() };
  } finally {
    stop.abort();
    either.release();
    await timing;
  }

  function keepOf({ submission }: FetchedDataset): Uint32Array | null {
    return keptRows(ledger.showing(submission.hotkey, submission.pointer));
  }

  function rowsOf(one: FetchedDataset): number {
    return keepOf(one)?.length ?? 0;
  }

  async function scored(one: FetchedDataset): Promise<Step<DatasetScore>> {
    const keep = keepOf(one);
    if (keep === null)
      return { kind: 'postponed', by: 'validator', message: 'its rows could not be compared with those of others' };
    const score = () => scoreDataset(validator, { ...one, keep }, work).catch((error) => postponedIfHidden(one, error));
    return await postponeOnFault(score).catch((error) => {
      // Hours of others' work would end in nothing.
      if (!late.signal.aborted) stop.abort(error);
      throw error;
    });
  }

  /** What workers say of the Hub is looked at: it costs a miner something only where its dataset cannot be read indeed. */
  async function postponedIfHidden({ submission }: FetchedDataset, error: unknown): Promise<Postponed> {
    if (!isCode(error, 'queue-unreachable') || error.facts.url !== 'hub') throw error;
    const { repo, commit } = submission.pointer;
    if (await validator.datasets.isReadable({ repo, commit, signal: work.signal })) throw error;
    return { kind: 'postponed', by: 'hub', message: messageOf(error) };
  }

  /** `null` for what was given up because the time was over. */
  async function unlessLate<T>(step: () => Promise<T>): Promise<T | null> {
    if (late.signal.aborted) return null;
    try {
      return await step();
    } catch (error) {
      if (late.signal.aborted && !signal?.aborted) return null;
      throw error;
    }
  }
}

function notReached({ reason }: AbortSignal): Step<never> {
  return { kind: 'postponed', by: 'validator', message: messageOf(reason) };
}

/**
 * Aborts when it is time for the weights. Where it is time already, as after a restart, the next end is meant; on a chain whose
 * epochs are shorter than what is sent ahead of their ends, there is none.
 */
async function endInTime(
  { subtensor, netuid, blockThreshold, clock = systemClock, ...validator }: Validator,
  late: AbortController,
  signal: AbortSignal,
): Promise<void> {
  const logger = safeLogger(validator.logger);
  let said = false;
  let untilBlock: number | null = null;
  while (!signal.aborted)
    try {
      // Once it is known it stays, however often the chain is asked again.
      untilBlock ??= await findUntilBlock();
      if (untilBlock === null) return;
      await abortable(subtensor.waitForBlock({ block: untilBlock, signal }), signal);
      logger.warn(`block ${untilBlock}: the subnet's epoch ends, and not everybody has been evaluated`);
      return late.abort(
        new Error(`it was not reached before block ${untilBlock}, in which the weights had to be sent`),
      );
    } catch (error) {
      if (signal.aborted) return;
      if (!said) logger.warn(`when the subnet's epoch ends is asked again: ${messageOf(error)}`);
      said = true;
      await clock.sleep({ durationMs: AGAIN_MS, signal }).catch(() => {});
    }

  async function findUntilBlock(): Promise<number | null> {
    let { block, nextEpochBlock } = await subtensor.epoch({ netuid, signal });
    if (block >= nextEpochBlock - blockThreshold) {
      await subtensor.waitForBlock({ block: nextEpochBlock + 1, signal });
      ({ block, nextEpochBlock } = await subtensor.epoch({ netuid, signal }));
    }
    const until = nextEpochBlock - blockThreshold;
    return block >= until || !Number.isFinite(until) ? null : until;
  }
}
