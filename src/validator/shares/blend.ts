import { FlockOffError } from '../../errors/flock-off-error.ts';

export const BLENDED_FROM = ['epoch', 'earlier', 'nobody', 'unknown', 'empty'] as const;
export const MOST_COMPETITIONS = 64;

/** One of several competitions in the weights of a validator. */
export interface BlendPart {
  /** Its id, as in pointers. */
  competition: string;
  /** Of all weights, as it was given for that block: 0..1. */
  share: number;
  /**
   * Whose weights these are. `epoch`: those of the epoch that has just ended. `earlier`: those of its last one stand, since
   * none was due or is through, the policy keeps them, or it could not be evaluated. `nobody`: by its policy nobody is worth any. `unknown`:
   * it has never come to any, and could not be evaluated by a fault of ours. `empty`: it has never come to any.
   */
  from: (typeof BLENDED_FROM)[number];
  /** The block that the epoch began with that came to these; `null` without any. */
  startBlock: number | null;
  /**
   * So many of its epochs in a row could not be evaluated, by a fault of ours; while it has never come to any weights, so many
   * of the shortest epochs of all, in which it was not through.
   */
  missed: number;
  /** Sum 1, or none. */
  weights: { uid: number; hotkey: string; weight: number }[];
}

/** What the weights of several competitions come to. */
export interface Blend {
  /** In the order given. */
  parts: BlendPart[];
  /** Who has what no competition has; `null`: the competitions, in proportion. */
  restUid: number | null;
  /** As of one policy: `keep` sends nothing. */
  action: 'set' | 'take-back' | 'keep';
  /** Sum 1, or none, by uid. */
  weights: { uid: number; hotkey: string; weight: number }[];
}

/** A blend as one competition's report has it. */
export interface SentBlend extends Blend {
  /**
   * What its weights were of all that stood on the chain when its epoch began, above 0 and under 1: what its miners had of the
   * chain's consensus was so much of it. `null`: all, or none. Reports of version 1 lack it: theirs follows from `parts`.
   */
  portion?: number | null;
  /** The block from which the chain's consensus follows from what was sent; `null` where nothing was. Not in version 1. */
  countsFrom?: number | null;
}

export interface BlendParameters extends Pick<Blend, 'parts' | 'restUid'> {
  /** Who is registered when the weights are sent. */
  neurons: { uid: number; hotkey: string }[];
}

/** So many may be missed before the share becomes less. Where it has never come to any weights, none are sent so long. */
export const MISSES_OF_GRACE = 3;
/** What is left of its share after each further one; the least share there is follows after twenty. */
const DECAY = 0.5;
const LEAST_SHARE = 1e-6;

/**
 * The weights of several competitions as one, each with its share. What is left of 1, since the shares sum to less, nobody is
 * worth any, or a competition was missed for long, goes to `restUid`; without it to the competitions in proportion. Pure: a
 * validator and whoever audits its reports come to the same, bit for bit.
 * @throws FlockOffError `bad-argument` when nobody has `restUid`.
 */
export function blend({ parts, restUid, neurons }: BlendParameters): Blend {
  const of = { parts, restUid };
  if (parts.some(({ from, share, missed }) => from === 'unknown' && share > 0 && missed <= MISSES_OF_GRACE))
    return { ...of, action: 'keep', weights: [] };
  const hotkeys = new Map(neurons.map(({ uid, hotkey }) => [uid, hotkey]));
  requireRestUid(restUid, neurons);
  const sums = new Map<number, number>();
  const add = (uid: number, weight: number) => sums.set(uid, (sums.get(uid) ?? 0) + weight);
  let given = 0;
  for (const part of parts) {
    // Weights that stand may be of somebody who has left since: what he had is the others' of his competition.
    const here = part.weights.filter(({ uid, hotkey, weight }) => weight > 0 && hotkeys.get(uid) === hotkey);
    const sum = here.reduce((total, { weight }) => total + weight, 0);
    const share = sum > 0 ? part.share * left(part) : 0;
    given += share;
    for (const { uid, weight } of here) add(uid, (share * weight) / sum);
  }
  if (given === 0 && !parts.some(({ from, share }) => from === 'nobody' && share > 0))
    return { ...of, action: 'keep', weights: [] };
  if (restUid !== null) add(restUid, Math.max(0, 1 - given));
  const all = [...sums].filter(([, weight]) => weight > 0).sort(([a], [b]) => a - b);
  const total = all.reduce((sum, [, weight]) => sum + weight, 0);
  const weights = all.map(([uid, weight]) => ({ uid, hotkey: hotkeys.get(uid)!, weight: weight / total }));
  return { ...of, action: weights.length > 0 ? 'set' : 'take-back', weights };
}

/** What is left of its share, 0..1. */
function left({ from, missed }: BlendPart): number {
  if (from !== 'earlier' || missed <= MISSES_OF_GRACE) return 1;
  const share = DECAY ** (missed - MISSES_OF_GRACE);
  return share < LEAST_SHARE ? 0 : share;
}

/**
 * The portion that the weights of a competition are of all, before anybody's are known: what its miners have of the chain's
 * consensus is so much of it. `undefined` where it has all of them, or none.
 */
export function portionOf(
  { parts, restUid }: Pick<Blend, 'restUid'> & { parts: Pick<BlendPart, 'competition' | 'share'>[] },
  competition: string,
): number | undefined {
  const all = restUid === null ? parts.reduce((sum, { share }) => sum + share, 0) : 1;
  const own = parts.find((part) => part.competition === competition)?.share ?? 0;
  return own > 0 && own < all ? own / all : undefined;
}

/**
 * What each competition has of weights that were blended, as shares: none where nobody of it is worth any, and less where it
 * was missed for long. Whoever audits a report has it from the report alone.
 */
export function givenShares({
  parts,
  weights,
}: Pick<Blend, 'parts' | 'weights'>): { competition: string; share: number }[] {
  const hotkeys = new Map(weights.map(({ uid, hotkey }) => [uid, hotkey]));
  return parts.map((part) => {
    const isHere = part.weights.some(({ uid, hotkey, weight }) => weight > 0 && hotkeys.get(uid) === hotkey);
    return { competition: part.competition, share: isHere ? part.share * left(part) : 0 };
  });
}

/** @throws FlockOffError `bad-argument` when nobody has it. */
export function requireRestUid(restUid: number | null, neurons: { uid: number }[]): void {
  if (restUid === null || neurons.some(({ uid }) => uid === restUid)) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the rest of the weights is to go to uid ${restUid}, which nobody has on this subnet`,
    fix: 'name a uid of the subnet, such as that of its owner',
    facts: { name: 'restUid', value: restUid },
  });
}
