import { FlockOffError, isCode, messageOf } from '../../errors/flock-off-error.ts';
import { systemClock } from '../../shared/clock.ts';
import { safeLogger } from '../../shared/logger.ts';
import { isTransientError } from '../../shared/retry.ts';
import { drawMiners } from '../draw.ts';
import { type ScoredEpoch, scoreEpoch } from '../epoch.ts';
import { firstBlockAfter, NotDue } from '../epoch-start.ts';
import type { Validator } from '../validator.ts';
import type { IsLate } from '../watch-late.ts';
import { type ScheduledShare, shareAt } from './schedule.ts';
import { whileSetOpens } from './while-set-opens.ts';

/** One of the competitions that a validator plays. */
export interface PlayedCompetition {
  /** With a state, receipts and an evaluation set of its own; chain, subnet and weight setter are those of all. */
  validator: Validator;
  /** What it has of the weights: entries that follow each other, 0 before the first. */
  shares: ScheduledShare[];
}

export type WatchedCompetition = PlayedCompetition & { isLate?: IsLate };

/** A competition whose epoch begins or goes on in this round, and how far it has come. */
export interface Turn {
  competition: WatchedCompetition;
  scored: ScoredEpoch | null;
  /** Why it is not scored yet. */
  fault: unknown;
  /** Whether it is not tried again in this round. */
  isOver: boolean;
}

/** The block before which a competition has no epoch to begin in this round, by id. */
type NotBefore = Map<string, number>;

const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 300_000;
/** Also where it is time for the weights by then. */
const LEAST_ATTEMPTS = 3;

/**
 * The epoch of each competition that has one to play, in turn, up to its losses. What one of them meets or waits for is none
 * of the others' business: at least one is scored.
 * @throws FlockOffError the last fault where none could be scored; `disk`.
 */
export async function playTurns(competitions: WatchedCompetition[], signal?: AbortSignal): Promise<Turn[]> {
  const notBefore: NotBefore = new Map();
  for (;;) {
    const due = await waitUntilDue(competitions, notBefore, signal);
    const turns = await drawForAll(due, notBefore, signal);
    if (turns.length === 0) continue;
    await scoreInTurn(turns, signal);
    if (turns.some(({ scored }) => scored !== null)) return turns;
    for (const { competition, fault } of turns)
      if (fault instanceof NotDue) notBefore.set(idOf(competition), fault.untilBlock);
    if (turns.some(({ fault }) => !(fault instanceof NotDue))) throw faultOfAll(turns, competitions);
  }
}

/** Those that have an epoch to begin or to go on with, once there is one. A competition without a share has none. */
async function waitUntilDue(
  competitions: WatchedCompetition[],
  notBefore: NotBefore,
  signal?: AbortSignal,
): Promise<Turn[]> {
  const { subtensor } = competitions[0]!.validator;
  for (;;) {
    const { block, firsts } = await firstBlocks(competitions, notBefore, signal);
    const due = competitions.filter((_, i) => firsts[i]! <= block);
    if (due.length > 0) return due.map((competition) => ({ competition, scored: null, fault: null, isOver: false }));
    const next = Math.min(...firsts);
    if (!Number.isFinite(next)) throw nobodyHasShare(block);
    await subtensor.waitForBlock({ block: next, signal });
  }
}

/** The block that each waits for, as of now; Infinity for what has no share any more. */
async function firstBlocks(
  competitions: WatchedCompetition[],
  notBefore: NotBefore,
  signal?: AbortSignal,
): Promise<{ block: number; firsts: number[] }> {
  const block = await competitions[0]!.validator.subtensor.waitForBlock({ block: 0, signal });
  const firsts = competitions.map(async (one) =>
    Math.max(notBefore.get(idOf(one)) ?? 0, await firstBlock(one, block, signal)),
  );
  return { block, firsts: await Promise.all(firsts) };
}

async function firstBlock(
  { validator, shares }: PlayedCompetition,
  block: number,
  signal?: AbortSignal,
): Promise<number> {
  if (shareAt(shares, block) === 0) {
    const later = shares.filter(({ fromBlock, share }) => fromBlock > block && share > 0);
    return Math.min(...later.map(({ fromBlock }) => fromBlock));
  }
  if ((await validator.state.openEpoch()) !== null) return 0;
  const history = await validator.state.history();
  return history === null ? 0 : firstBlockAfter(validator, history, signal);
}

/**
 * Before anybody is scored: until the first competition is through, the node may have dropped the state of the block that the
 * others begin with. One for which it has already is left out until its next epoch begins.
 */
async function drawForAll(turns: Turn[], notBefore: NotBefore, signal?: AbortSignal): Promise<Turn[]> {
  const drawn: Turn[] = [];
  for (const turn of turns) {
    // Told when it is its turn.
    const validator = { ...turn.competition.validator, onEvent: undefined };
    try {
      await drawMiners(validator, await validator.state.standings(), signal, { waits: false });
      drawn.push(turn);
    } catch (error) {
      if (error instanceof NotDue) notBefore.set(idOf(turn.competition), error.untilBlock);
      else if (isTransientError(error) || isOfAll(error, signal)) throw error;
      // The same when it is scored.
      else drawn.push(turn);
    }
  }
  return drawn;
}

/** Each in turn; those that fail again after the others, until it is time for the weights. */
async function scoreInTurn(turns: Turn[], signal?: AbortSignal): Promise<void> {
  const { subtensor, netuid, blockThreshold, clock = systemClock } = turns[0]!.competition.validator;
  let untilBlock: number | null = null;
  for (let attempt = 1; ; attempt++) {
    const delayMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
    for (const turn of turns.filter(isLeft)) {
      const { validator, isLate } = turn.competition;
      try {
        turn.scored = await whileSetOpens({ validator, signal }, (bounded) =>
          scoreEpoch({ ...bounded, isLate, waits: false }),
        );
      } catch (error) {
        noteFault(turn, error, signal);
        if (turn.isOver) continue;
        const line = `competition ${idOf(turn.competition)} is interrupted: ${messageOf(error)}`;
        safeLogger(validator.logger).warn(line, { attempt, delayMs });
        validator.onEvent?.({ kind: 'interrupted', error, delayMs });
      }
    }
    if (!turns.some(isLeft)) return;
    const { block, nextEpochBlock } = await subtensor.epoch({ netuid, signal });
    untilBlock ??= nextEpochBlock - blockThreshold;
    if (attempt >= LEAST_ATTEMPTS && (block >= untilBlock || !Number.isFinite(untilBlock))) return;
    await clock.sleep({ durationMs: delayMs, signal });
  }
}

/**
 * What one competition meets, as its own: one that does not pass by itself is told, and it is tried again with the next weights.
 * @throws what is no fault of one.
 */
export function noteFault(turn: Turn, error: unknown, signal: AbortSignal | undefined): void {
  if (isOfAll(error, signal)) throw error;
  turn.fault = error;
  turn.isOver = !isTransientError(error);
  if (!turn.isOver) return;
  const { validator } = turn.competition;
  const line = `competition ${validator.competition.id} cannot be evaluated, and is tried again with the next weights: ${messageOf(error)}`;
  safeLogger(validator.logger).error(line);
}

/** What to throw where no epoch came to anything. As long as others have a share, it is no end: they are due later. */
export function faultOfAll(turns: Turn[], competitions: WatchedCompetition[]): unknown {
  const faults = turns.flatMap(({ fault }) => (fault instanceof FlockOffError ? fault : []));
  const fault = faults.find(isTransientError) ?? faults[0]!;
  const isPlayed = (one: WatchedCompetition) => one.shares.some(({ share }) => share > 0);
  const others = competitions.filter((one) => turns.every(({ competition }) => competition !== one));
  if (fault.transient || !others.some(isPlayed)) return fault;
  return new FlockOffError({ ...fault.toParameters(), transient: true, cause: fault });
}

function isLeft({ scored, isOver }: Turn): boolean {
  return scored === null && !isOver;
}

/** Whether it is no fault of one competition: nothing can be kept, or all is to end. */
function isOfAll(error: unknown, signal: AbortSignal | undefined): boolean {
  const isKnown = error instanceof FlockOffError || error instanceof NotDue;
  return signal?.aborted === true || !isKnown || isCode(error, 'disk');
}

function idOf({ validator }: PlayedCompetition): string {
  return validator.competition.id;
}

function nobodyHasShare(block: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `no competition has a share of the weights from block ${block} on`,
    fix: 'give one of them a share',
    facts: { name: 'shares' },
  });
}
