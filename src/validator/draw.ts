import { randomInt } from 'node:crypto';
import { EvalQueue } from '../queue/eval-queue.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import type { Submission } from '../schema/submission.ts';
import { safeLogger } from '../shared/logger.ts';
import type { ReadPointer } from './pointers.ts';
import { type Standings, storedAverages } from './standing.ts';
import type { OpenEpoch } from './state-store.ts';
import type { Validator } from './validator.ts';

export interface DrawnEpoch extends OpenEpoch {
  /** The drawn miners' submissions, as committed now. */
  drawn: Submission[];
}

/**
 * Draws the miners of a new epoch from everybody with a valid pointer, or takes up the draw a killed validator left.
 * The draw is stored before it is used.
 */
export async function drawMiners(
  validator: Validator,
  metagraph: Metagraph,
  pointers: Map<string, ReadPointer>,
  standings: Standings,
): Promise<DrawnEpoch> {
  const { state, onEvent, minersPerEpoch, queueSeed = randomInt(2 ** 31) } = validator;
  const logger = safeLogger(validator.logger);
  const submissions = new Map<string, Submission>();
  for (const { hotkey, submission } of pointers.values()) if (submission.ok) submissions.set(hotkey, submission.value);

  const left = await state.openEpoch();
  const epoch = left ?? (await draw());
  const how = left ? 'goes on with the draw that was stored' : `draws from ${submissions.size} valid pointers`;
  logger.debug(`the epoch ${how}: ${epoch.hotkeys.length} miners`, { hotkeys: epoch.hotkeys, seed: epoch.epochSeed });
  onEvent?.({
    kind: 'drawn',
    epochSeed: epoch.epochSeed,
    hotkeys: epoch.hotkeys,
    block: metagraph.block,
    resumed: left !== null,
  });
  return { ...epoch, drawn: epoch.hotkeys.flatMap((hotkey) => submissions.get(hotkey) ?? []) };

  async function draw(): Promise<OpenEpoch> {
    const stored = await state.queue();
    const queue = stored === null ? new EvalQueue({ seed: queueSeed }) : new EvalQueue({ state: stored });
    const next = queue.next({
      hotkeys: [...submissions.keys()],
      registered: metagraph.neurons.map(({ hotkey }) => hotkey),
      weights: storedAverages(standings),
      places: minersPerEpoch,
    });
    const fresh = { ...next, startBlock: metagraph.block };
    await state.beginEpoch({ epoch: fresh, queue: queue.toJSON() });
    return fresh;
  }
}

/** Stores the standings and closes the epoch, all at once. Whoever could not be evaluated comes earlier in the queue. */
export async function finishEpoch({ state }: Validator, standings: Standings, postponed: string[]): Promise<void> {
  const queue = new EvalQueue({ state: await state.queue() });
  queue.postpone(postponed);
  await state.finishEpoch({ standings, queue: queue.toJSON() });
}
