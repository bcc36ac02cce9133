import { safeLogger } from '../../shared/logger.ts';
import { closeEpoch, type WeighedEpoch, waitForEndOfEpoch, weighScored } from '../epoch.ts';
import type { EpochReport } from '../epoch-report.ts';
import { type Blend, type BlendPart, blend, portionOf } from './blend.ts';
import { shareAt } from './schedule.ts';
import type { StandingWeights, StandingWeightsStore } from './standing-weights.ts';
import { faultOfAll, noteFault, playTurns, type Turn, type WatchedCompetition } from './turns.ts';

export interface RoundParameters {
  competitions: WatchedCompetition[];
  standing: StandingWeightsStore;
  restUid: number | null;
  signal?: AbortSignal;
}

/**
 * An epoch of each competition that has one to play, in turn; then the weights of all of them are sent as one. A competition
 * that cannot be evaluated by a fault of ours is tried again until it is time for the weights, and then its last ones stand.
 * What is finished is stored, so calling it again after a failure goes on with what is left and sends the same.
 * @throws FlockOffError as `runEpoch`; the last fault where no competition could be evaluated.
 */
export async function runRound(parameters: RoundParameters): Promise<EpochReport[]> {
  const { competitions, standing, restUid, signal } = parameters;
  const { validator: first } = competitions[0]!;
  const turns = await playTurns(competitions, signal);
  const end = await waitForEndOfEpoch(first, signal);

  const shares = competitions.map(({ validator, shares }) => ({
    ...{ competition: validator.competition.id, share: shareAt(shares, end.block) },
  }));
  const before = await standing.read();
  const weighed = new Map<string, WeighedEpoch>();
  const stands: Record<string, StandingWeights> = {};
  const played = competitions.filter((_, i) => shares[i]!.share > 0);
  const shortest = Math.min(...played.map(({ validator }) => validator.competition.blocksPerEpoch));
  for (const turn of turns) {
    const { id } = turn.competition.validator.competition;
    if (turn.scored === null) continue;
    try {
      weighed.set(id, weighScored(turn.scored, end, portionOf({ parts: shares, restUid }, id)));
    } catch (error) {
      noteFault(turn, error, signal);
    }
  }
  if (weighed.size === 0) throw faultOfAll(turns, competitions);
  const parts = shares.map(({ competition: id, share }): BlendPart => {
    const turn = turns.find(({ competition }) => competition.validator.competition.id === id);
    const now = weighed.get(id) ?? null;
    const part = partOf({ now, before: before[id] ?? NOTHING, turn, shortest, block: end.block });
    const { startBlock, weights, missed, missedIn } = part;
    stands[id] = { startBlock, weights, missed, missedIn };
    return { competition: id, share, from: part.from, startBlock, missed, weights };
  });
  const blended = blend({ parts, restUid, neurons: end.neurons });
  safeLogger(first.logger).info(blendText(blended));
  const { weights, action } = blended;
  const receipt = action === 'keep' ? null : await first.weightSetter.set({ weights, signal });

  // Before any of the epochs is closed: in the next round it weighs what it weighed in this one.
  await standing.write(stands);
  const reports: EpochReport[] = [];
  for (const one of weighed.values()) reports.push(await closeEpoch(one, receipt, blended));
  return reports;
}

const NOTHING: StandingWeights = { startBlock: null, weights: [], missed: 0, missedIn: null };

interface PartOfParameters {
  /** `null` where it has no epoch in this round, or could not be evaluated. */
  now: WeighedEpoch | null;
  before: StandingWeights;
  /** `undefined` where none was due. */
  turn: Turn | undefined;
  /** Blocks of the shortest epoch of those with a share. */
  shortest: number;
  /** Of the weights. */
  block: number;
}

export function partOf({
  now,
  before,
  turn,
  shortest,
  block,
}: PartOfParameters): StandingWeights & Pick<BlendPart, 'from'> {
  if (now !== null && now.weighed.action !== 'keep') {
    const { weights } = now.weighed;
    const { startBlock } = now.scored.epoch;
    return { from: weights.length > 0 ? 'epoch' : 'nobody', startBlock, weights, missed: 0, missedIn: null };
  }
  const isPostponed = now !== null && [...now.found.values()].some(({ kind }) => kind === 'postponed');
  const hasWeights = before.weights.length > 0;
  const isNew = before.startBlock === null;
  if (now !== null && (hasWeights || !isPostponed)) {
    // What was missed before the first weights stays: the others' are held up so long once, and not again.
    const missed = isNew ? before.missed : 0;
    return { ...before, from: hasWeights ? 'earlier' : emptyOf(before), missed, missedIn: null };
  }
  // Others wait for the first weights, and their epochs may be shorter.
  const isMissed = turn !== undefined || (isNew && before.missedIn !== null);
  const length = isNew ? shortest : (turn?.competition.validator.competition.blocksPerEpoch ?? 0);
  const stands = isMissed ? { ...before, ...missedOnce(before, block, length) } : before;
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

function blendText({ parts, action, restUid }: Blend): string {
  const said = parts.map(({ competition, share, from, startBlock, missed }) => {
    const whose = {
      epoch: `weights of its epoch of block ${startBlock}`,
      earlier: `weights of its epoch of block ${startBlock} stand${missed > 0 ? `, it could not be evaluated ${missed} times since` : ''}`,
      nobody: 'nobody is worth any',
      unknown: `it could not be evaluated yet, ${missed} times`,
      empty: 'nobody has any yet',
    }[from];
    return `competition ${competition} with ${Number((100 * share).toFixed(4))} %: ${whose}`;
  });
  const rest = restUid === null ? '' : `; the rest to uid ${restUid}`;
  return `${action === 'keep' ? 'no weights are sent: ' : ''}${said.join('; ')}${rest}`;
}
