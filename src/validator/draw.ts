import type { Snapshot } from '../chain/node/snapshot.ts';
import { readPulse } from '../chain/timelock/read-pulse.ts';
import type { Submission } from '../schema/submission.ts';
import { safeLogger } from '../shared/logger.ts';
import { drawFrom, queueAfter } from './draw-from.ts';
import { waitsUntilMs } from './epoch-evaluation.ts';
import { findEpochStart } from './epoch-start.ts';
import { type ReadPointer, readPointers } from './pointers.ts';
import { intakeOf, type PolicyContext, policyContext } from './policy.ts';
import type { Standings } from './standing.ts';
import type { FinishEpochParameters, OpenEpoch, StateHistory } from './state-store.ts';
import type { Validator } from './validator.ts';

/** So long an epoch may take: a slow device that meets faults, too, gets to its end. */
export const MOST_EPOCHS = 10;
const PLACES = 32;

export interface DrawnEpoch extends OpenEpoch {
  /** What everybody had committed in the block that the epoch begins with, by hotkey. */
  pointers: Map<string, ReadPointer>;
  /** The drawn miners' submissions. */
  drawn: Submission[];
  history: StateHistory;
  /** What the policy decides by. */
  context: PolicyContext;
}

/**
 * Draws the miners of a new epoch from everybody with a valid pointer, or takes up the draw a killed validator left, with
 * the pointers it was made from. One of many epochs ago, or since its time-locked set can no
 * longer open, is dropped: the others are further, and its weights would be those of long ago. The draw is stored before it is used.
 * @param when `waits`: whether the next epoch is waited for where none can be begun now; else `NotDue` is thrown. Default true.
 */
export async function drawMiners(
  validator: Validator,
  standings: Standings,
  signal?: AbortSignal,
  when: { waits?: boolean } = {},
): Promise<DrawnEpoch> {
  const { state, onEvent, minersPerEpoch, netuid, competition, subtensor } = validator;
  const logger = safeLogger(validator.logger);
  const { excluded } = intakeOf(validator);
  const before = await state.history();
  const left = await state.openEpoch();
  const isDropped = left !== null && (await isLongOver(left));
  // What earlier versions left does not say what it was drawn from.
  const resumed = before !== null && left?.timeMs !== undefined && !isDropped ? { epoch: left, history: before } : null;
  const { epoch, history } = resumed ?? (await draw());
  const pointers = readPointers(epoch, competition, excluded);
  logger.debug(
    `the epoch of block ${epoch.startBlock} ${resumed ? 'goes on with the draw that was stored' : `draws from ${pointers.size} pointers of ${epoch.neurons.length} neurons`}: ${epoch.hotkeys.length} miners`,
    { hotkeys: epoch.hotkeys, seed: epoch.epochSeed, seedBlock: epoch.seedBlock },
  );
  onEvent?.({
    kind: 'drawn',
    epochSeed: epoch.epochSeed,
    hotkeys: epoch.hotkeys,
    block: epoch.startBlock,
    resumed: resumed !== null,
  });
  const submissions = submissionsOf(pointers);
  const context = policyContext(validator, epoch, pointers, history);
  const drawn = epoch.hotkeys.flatMap((hotkey) => submissions.get(hotkey) ?? []);
  return { ...epoch, history, pointers, context, drawn };

  async function isLongOver(epoch: OpenEpoch): Promise<boolean> {
    const { startBlock } = epoch;
    const block = await subtensor.waitForBlock({ block: 0, signal });
    const mostBlocks = MOST_EPOCHS * competition.blocksPerEpoch;
    if (block < startBlock + mostBlocks) return false;
    const { evaluationSets: rule } = competition;
    const waitsMs = rule === undefined || epoch.timeMs === undefined ? null : waitsUntilMs(validator, epoch);
    if (rule !== undefined && waitsMs !== null) {
      // Others, who were not stopped, wait for its set as well: it may take as long from then on.
      const use = (snapshot: Snapshot) => readPulse(snapshot, rule.firstRound);
      const { timeMs, blockTimeMs } = await subtensor.read({ what: 'reading the time of the chain', use, signal });
      if (timeMs <= waitsMs + mostBlocks * blockTimeMs) return false;
    }
    logger.warn(
      `the epoch of block ${startBlock} was not finished, and this is block ${block}: it is dropped, and nobody's share changes by it`,
    );
    return true;
  }

  async function draw(): Promise<{ epoch: OpenEpoch; history: StateHistory }> {
    const { start, seed, genesisHash } = await findEpochStart(validator, before, signal, when);
    if (before === null)
      logger.info(
        `who showed which rows first is known from block ${start.startBlock} on, which is the first one read`,
      );
    const context = policyContext(validator, start, readPointers(start, competition, excluded), before);
    const drawnFrom = { queue: await state.queue(), dropped: left?.hotkeys ?? null, places: minersPerEpoch ?? PLACES };
    const { queue, ...next } = drawFrom({ ...drawnFrom, context, neurons: start.neurons, standings, seed });
    const history: StateHistory = {
      sinceBlock: start.startBlock,
      ledgerFrom: null,
      lastStartBlock: null,
      ...before,
      ...{ genesisHash, netuid, competition: competition.id },
    };
    const epoch = { ...next, ...start, drawnFrom };
    await state.beginEpoch({ epoch, queue, history });
    return { epoch, history };
  }
}

function submissionsOf(pointers: Map<string, ReadPointer>): Map<string, Submission> {
  return new Map(
    [...pointers.values()].flatMap(({ hotkey, submission }) => (submission.ok ? [[hotkey, submission.value]] : [])),
  );
}

/** Stores what the epoch came to and closes it, all at once. Whoever could not be evaluated comes earlier in the queue. */
export async function finishEpoch(
  { state }: Validator,
  { startBlock, history }: DrawnEpoch,
  {
    postponed,
    memory,
    ...reached
  }: Pick<FinishEpochParameters, 'standings' | 'ledger'> & { postponed: string[]; memory: StateHistory['memory'] },
): Promise<void> {
  const queue = queueAfter(await state.queue(), postponed);
  const next = { ...history, lastStartBlock: startBlock, memory };
  await state.finishEpoch({ ...reached, queue, history: next });
}
