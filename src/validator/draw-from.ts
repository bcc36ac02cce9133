import { decide } from '../policy/decide.ts';
import { EvalQueue, type EvalQueueState } from '../queue/eval-queue.ts';
import type { PolicyContext } from './policy.ts';
import { type Standings, storedAverages } from './standing.ts';
import type { DrawnFrom } from './state-store.ts';

export interface DrawFromParameters extends DrawnFrom {
  context: PolicyContext;
  /** Everybody registered. */
  neurons: { hotkey: string }[];
  standings: Standings;
  /** 0..2^32 - 1, from the hash of a block. */
  seed: number;
}

export interface DrawFromReturnType {
  /** One seed for every training run of the epoch, 0..65535. */
  epochSeed: number;
  /** Who is evaluated, in this order. */
  hotkeys: string[];
  /** The queue after the draw. */
  queue: EvalQueueState;
}

/** Draws the miners of an epoch. Pure: who draws again from the same draws the same. */
export function drawFrom(parameters: DrawFromParameters): DrawFromReturnType {
  const { queue: stored, dropped, places, context, neurons, standings, seed } = parameters;
  const { policy, ...deciding } = context;
  const queue = stored === null ? new EvalQueue({ seed: 0 }) : new EvalQueue({ state: stored });
  if (dropped !== null) queue.postpone(dropped);
  const next = queue.next({
    hotkeys: [...context.miners.keys()],
    registered: neurons.map(({ hotkey }) => hotkey),
    weights: storedAverages(standings),
    places,
    seed,
    draw: (drawing) => decide(policy, 'draw', { ...drawing, ...deciding }),
  });
  return { ...next, queue: queue.toJSON() };
}

/** The queue once the epoch that it drew is finished: whoever could not be evaluated comes earlier. */
export function queueAfter(stored: unknown, postponed: string[]): EvalQueueState {
  const queue = new EvalQueue({ state: stored });
  queue.postpone(postponed);
  return queue.toJSON();
}
