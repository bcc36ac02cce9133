import { EvalQueue, type EvalQueueState } from '../../queue/eval-queue.ts';
import { queueAfter } from '../draw-from.ts';
import { type Decided, drawAgain } from './draw-again.ts';
import type { Receipt } from './receipt.ts';

/** When a miner is evaluated next, as far as can be known before the block is there that seeds the draw. */
export type NextEvaluation =
  /** There are places for everybody with a valid pointer. */
  | { kind: 'always' }
  /**
   * `chance` of the next epoch (0..1), by drawing it with seeds of chance; `withinEpochs` at the latest while nobody
   * new registers, since some places go to those who have waited longest; `null` where none do, so that no epoch is the
   * latest.
   */
  | { kind: 'drawn'; chance: number; withinEpochs: number | null }
  /** Its pointer is none, so it takes no part in the draw. */
  | { kind: 'never' }
  /** The policy draws in its own way, or the report does not say what from. */
  | { kind: 'unknown' };

const TRIALS = 32;
const DRAWN_BY_SHARES = ['win-rates', 'benchmark-curve'];

/** When each of them is evaluated next, by hotkey. */
export function nextEvaluations(receipt: Receipt, decided: Decided, hotkeys: string[]): Map<string, NextEvaluation> {
  const { context, pointers } = decided;
  const drawn = DRAWN_BY_SHARES.includes(context.policy.name) ? drawAgain(receipt, decided) : null;
  const { drawnFrom, neurons } = receipt.inputs.epoch;
  const places = drawnFrom?.places ?? 0;
  const forEach = (next: (hotkey: string) => NextEvaluation) =>
    new Map(
      hotkeys.map((one) => [one, pointers.get(one)?.submission.ok ? next(one) : ({ kind: 'never' } as const)] as const),
    );
  if (drawn === null) return forEach(() => ({ kind: 'unknown' }));
  if (context.miners.size <= places) return forEach(() => ({ kind: 'always' }));

  const postponed = receipt.entries.flatMap((entry) => (entry.outcome.kind === 'postponed' ? entry.hotkey : []));
  const queue = queueAfter(drawn.queue, postponed);
  const { policy, ...deciding } = context;
  const registered = neurons.map((one) => one.hotkey);
  const weights = receipt.inputs.weighed.averages;
  const times = new Map<string, number>();
  const stored = new EvalQueue({ state: queue });
  // As the queue sorts them: in order already, that takes no time.
  const candidates = [...context.miners.keys()].sort();
  for (let seed = 1; seed <= TRIALS; seed++) {
    const next = new EvalQueue({ state: stored }).next({
      ...{ hotkeys: candidates, registered, weights, places, seed },
      // A shipped one, which need not be watched.
      draw: (drawing) => policy.draw({ ...drawing, ...deciding }),
    });
    for (const one of next.hotkeys) times.set(one, (times.get(one) ?? 0) + 1);
  }
  return forEach((hotkey) => ({
    kind: 'drawn',
    chance: (times.get(hotkey) ?? 0) / TRIALS,
    withinEpochs: withinEpochs(queue, decided, places, hotkey),
  }));
}

/** Each epoch at least so many of those who have waited longest are evaluated; `null` where none are for that. */
function withinEpochs(
  { lastEvaluated, firstPass }: EvalQueueState,
  { context }: Decided,
  places: number,
  hotkey: string,
): number | null {
  const { topShare = 1 / 4, randomShare = 1 / 2 } = (context.policy.parameters.draw ?? {}) as {
    topShare?: number;
    randomShare?: number;
  };
  const waiting = places - Math.floor(places * topShare) - Math.floor(places * randomShare);
  const others = [...context.miners.keys()].filter((one) => one !== hotkey);
  const unseen = (one: string) => !(one in lastEvaluated);
  // In the first pass everybody is gone through once; places left in its last epoch are not counted on.
  const firstEpochs = firstPass ? Math.ceil([...others, hotkey].filter(unseen).length / places) : 0;
  if (firstPass && unseen(hotkey)) return firstEpochs;
  if (waiting <= 0) return null;
  const since = (one: string) => lastEvaluated[one] ?? -1;
  // Of those who have waited as long chance decides; who is evaluated in the first pass comes after this one.
  const ahead = others.filter((one) => since(one) <= since(hotkey) && !(firstPass && unseen(one))).length;
  return firstEpochs + Math.floor(ahead / waiting) + 1;
}
