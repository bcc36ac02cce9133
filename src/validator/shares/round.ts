import { positionAt } from '../../chain/subnet/epoch-schedule.ts';
import type { WeightsReceipt } from '../../chain/weights/weight-setter.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { closeEpoch, unweighed, type WeighedEpoch, weighScored } from '../epoch.ts';
import type { EpochReport } from '../epoch-report.ts';
import { type Blend, type BlendPart, blend, givenShares, portionOf } from './blend.ts';
import type { Player } from './player.ts';
import type { Players, WeightsTime } from './players.ts';
import { shareAt } from './schedule.ts';
import { portionIn, type StandingWeights, type StandingWeightsStore, withPortion } from './standing-weights.ts';

export interface RoundParameters {
  players: Players;
  standing: StandingWeightsStore;
  restUid: number | null;
  /** For what is of all of them. */
  logger?: Logger;
  signal?: AbortSignal;
}

/**
 * Waits until it is time for the weights, and sends those of all competitions as one: new ones of each that is through with
 * an epoch, and those that stand of each that is not, or cannot be evaluated by a fault of ours. What is finished is stored,
 * so calling it again after a failure goes on with what is left and sends the same.
 * @throws FlockOffError as `runEpoch`; the fault where no competition can be evaluated.
 */
export async function runRound(parameters: RoundParameters): Promise<EpochReport[]> {
  const { players, standing, restUid } = parameters;
  players.beginRound();
  for (;;) {
    const time = await players.untilWeights();
    const before = await standing.read();
    const weighed = weighThrough(players.all, { time, before, restUid });
    if (weighed.length > 0) return send(weighed, { ...parameters, time, before });
  }
}

/** An epoch that is through, and what its weights were of all that stood on the chain when it began. */
interface ThroughEpoch {
  id: string;
  player: Player;
  weighed: WeighedEpoch;
  portion: number | null;
}

interface WeighParameters {
  time: WeightsTime;
  /** By id. */
  before: Record<string, StandingWeights>;
  restUid: number | null;
}

function weighThrough(players: Player[], { time, before, restUid }: WeighParameters): ThroughEpoch[] {
  return players.flatMap((player) => {
    const scored = player.take();
    if (scored === null) return [];
    const { id } = player;
    const { startBlock } = scored.epoch;
    const stood = portionIn(before[id]?.portions, startBlock);
    // Before this validator has sent any: as the shares were.
    const parts = sharesAt(players, startBlock);
    const portion = stood === undefined ? (portionOf({ parts, restUid }, id) ?? null) : stood;
    try {
      return { id, player, weighed: weighScored(scored, time.end, portion ?? undefined), portion };
    } catch (error) {
      player.fail(error);
      return [];
    }
  });
}

async function send(
  through: ThroughEpoch[],
  { players, standing, restUid, logger, signal, time, before }: RoundParameters & WeighParameters,
): Promise<EpochReport[]> {
  const { end } = time;
  const { validator: first } = players.all[0]!.competition;
  const shares = sharesAt(players.all, end.block);
  // Of one that is not played any more, or not for a while, only what it was of all that stand on the chain is kept.
  const stands: Record<string, StandingWeights> = Object.fromEntries(
    Object.entries(before).map(([id, { portions }]) => [id, { ...NOTHING, portions }]),
  );
  const played = players.all.filter((_, i) => shares[i]!.share > 0);
  const shortest = Math.min(...played.map(({ competition }) => competition.validator.competition.blocksPerEpoch));
  const parts = players.all.map((player, i): BlendPart => {
    const { id } = player;
    const { blocksPerEpoch } = player.competition.validator.competition;
    const now = through.find((one) => one.id === id)?.weighed ?? null;
    const of = { before: before[id] ?? NOTHING, unfinished: unfinishedOf(player), blocksPerEpoch };
    const { from, ...stand } = partOf({ now, ...of, shortest, block: end.block });
    stands[id] = stand;
    const { startBlock, weights, missed } = stand;
    return { ...shares[i]!, from, startBlock, missed, weights };
  });
  const blended = blend({ parts, restUid, neurons: end.neurons });
  safeLogger(logger).info(blendText(blended, players.all));
  const { weights, action } = blended;
  const setting = action === 'keep' ? null : first.weightSetter.set({ weights, signal });
  const receipt = await (setting?.catch((error) => {
    // They are tried again with what there is then, and what is scored already is not to be left out.
    for (const { player, weighed } of through) player.giveBack(unweighed(weighed));
    throw error;
  }) ?? null);
  const countsFrom = receipt && countsFromOf(receipt, time);
  if (receipt) players.sent({ untilBlock: endOfEpochAt(receipt.block, time) });
  const given = givenShares(blended);
  if (action === 'set' && countsFrom !== null)
    for (const { competition: id, share } of given) {
      const portion = portionOf({ parts: given, restUid }, id) ?? null;
      if (share > 0) stands[id]!.portions = withPortion(stands[id]!.portions, { countsFrom, portion });
    }

  // Before any of the epochs is closed: in the next round it weighs what it weighed in this one.
  await standing.write(stands);
  const reports: EpochReport[] = [];
  for (const { weighed, portion } of through)
    reports.push(await closeEpoch(weighed, receipt, { ...blended, portion, countsFrom }));
  return reports;
}

function sharesAt(players: Player[], block: number): Pick<BlendPart, 'competition' | 'share'>[] {
  return players.map(({ id, competition }) => ({ competition: id, share: shareAt(competition.shares, block) }));
}

/**
 * The block from which the chain's consensus follows from what was sent: it comes to a new one where the subnet's epoch ends, by
 * what is revealed by then. What is to be revealed by whoever sent it may be so until the end of its window.
 */
export function countsFromOf(
  { block, mode, revealFromBlock = 0, revealUntilBlock }: Omit<WeightsReceipt, 'uids' | 'values'>,
  { nextEpochBlock, periodBlocks }: Pick<WeightsTime, 'nextEpochBlock' | 'periodBlocks'>,
): number {
  if (mode === 'commit' && revealUntilBlock !== undefined) return revealUntilBlock + 1;
  if (!Number.isFinite(nextEpochBlock)) return Math.max(block, revealFromBlock);
  return Math.max(endOfEpochAt(block, { nextEpochBlock, periodBlocks }), revealFromBlock);
}

/** Of the weights in that block, which may be in a later epoch of the subnet than they were meant for; Infinity where it has none. */
function endOfEpochAt(block: number, { nextEpochBlock, periodBlocks }: Omit<WeightsTime, 'end'>): number {
  return positionAt({ block, epoch: 0, nextEpochBlock, periodBlocks }, block).nextEpochBlock;
}

function unfinishedOf({ state, fault }: Player): PartOfParameters['unfinished'] {
  if (state === 'failed') return 'fault';
  if (state === 'working') return fault === null ? 'late' : 'fault';
  return state === 'looking' ? 'late' : null;
}

const NOTHING: StandingWeights = { startBlock: null, weights: [], missed: 0, missedIn: null };

interface PartOfParameters {
  /** `null` where it is through with no epoch. */
  now: WeighedEpoch | null;
  before: StandingWeights;
  /** Whether it has an epoch that is not through, and why; `null` where none was due. */
  unfinished: 'late' | 'fault' | null;
  /** Of its own. */
  blocksPerEpoch: number;
  /** Blocks of the shortest epoch of those with a share. */
  shortest: number;
  /** Of the weights. */
  block: number;
}

export function partOf({
  now,
  before,
  unfinished,
  blocksPerEpoch,
  shortest,
  block,
}: PartOfParameters): StandingWeights & Pick<BlendPart, 'from'> {
  if (now !== null && now.weighed.action !== 'keep') {
    const { weights } = now.weighed;
    const { startBlock } = now.scored.epoch;
    const from = weights.length > 0 ? 'epoch' : 'nobody';
    return { ...before, from, startBlock, weights, missed: 0, missedIn: null };
  }
  const isPostponed = now !== null && [...now.found.values()].some(({ kind }) => kind === 'postponed');
  const hasWeights = before.weights.length > 0;
  const isNew = before.startBlock === null;
  if (now !== null && (hasWeights || !isPostponed)) {
    // What was missed before the first weights stays: the others' are held up so long once, and not again.
    const missed = isNew ? before.missed : 0;
    return { ...before, from: hasWeights ? 'earlier' : emptyOf(before), missed, missedIn: null };
  }
  // Others wait for the first weights, and their epochs may be shorter. Later on a long training costs nothing.
  const isMissed = isNew
    ? now !== null || unfinished !== null || before.missedIn !== null
    : now !== null || unfinished === 'fault';
  const stands = isMissed ? { ...before, ...missedOnce(before, block, isNew ? shortest : blocksPerEpoch) } : before;
  const isUnknown = isNew && stands.missedIn !== null;
  return { ...stands, from: hasWeights ? 'earlier' : isUnknown ? 'unknown' : emptyOf(before) };
}

function emptyOf({ startBlock }: StandingWeights): 'nobody' | 'empty' {
  return startBlock === null ? 'empty' : 'nobody';
}

/** Once for so many blocks, however often weights are sent meanwhile, or this is done again. */
function missedOnce({ missed, missedIn }: StandingWeights, block: number, length: number) {
  const isNew = missedIn === null || block >= missedIn + length;
  return isNew ? { missed: missed + 1, missedIn: block } : { missed, missedIn };
}

function blendText({ parts, action, restUid }: Blend, players: Player[]): string {
  const said = parts.map(({ competition, share, from, startBlock, missed }) => {
    const whose = {
      epoch: `weights of its epoch of block ${startBlock}`,
      earlier: `weights of its epoch of block ${startBlock} stand${missed > 0 ? `, it could not be evaluated ${missed} times since` : ''}`,
      nobody: 'nobody is worth any',
      unknown: `it is not known yet, ${missed} times`,
      empty: 'nobody has any yet',
    }[from];
    const goesOn = players.some(({ id, state }) => id === competition && state === 'working');
    return `competition ${competition} with ${Number((100 * share).toFixed(4))} %: ${whose}${goesOn ? ', and an epoch goes on' : ''}`;
  });
  const rest = restUid === null ? '' : `; the rest to uid ${restUid}`;
  return `${action === 'keep' ? 'no weights are sent: ' : ''}${said.join('; ')}${rest}`;
}
