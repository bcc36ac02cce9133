import { DRAND_QUICKNET, type DrandBeacon, timeOfRound } from '../chain/timelock/drand.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import { MOST_INDEX } from './announcement.ts';

/** Days before it opens that a set may be listed. */
export const MOST_DAYS_AHEAD = 100;
/** JavaScript counts no further. */
const LAST_DATE_MS = 8.64e15;

/** The beacon whose rounds open the sets. */
export function beaconOf({ beacon }: EvaluationSetsRule): DrandBeacon {
  if (beacon === 'quicknet') return DRAND_QUICKNET;
  return { ...beacon, publicKey: Buffer.from(beacon.publicKey, 'hex') };
}

/** The drand round that opens a set. Sets are counted from 0. */
export function roundOfSet({ firstRound, roundsBetween }: EvaluationSetsRule, index: number): number {
  return firstRound + index * roundsBetween;
}

/** When that is, in Unix milliseconds. */
export function opensAtMs(rule: EvaluationSetsRule, index: number): number {
  return timeOfRound(beaconOf(rule), roundOfSet(rule, index));
}

/** That, for people. */
export function opensText(rule: EvaluationSetsRule, index: number): string {
  const timeMs = opensAtMs(rule, index);
  if (timeMs > LAST_DATE_MS) return 'in more than 270,000 years';
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Whether a set opens so late that it is a mistake: once it was listed, none before it could be. */
export function isFarAhead(rule: EvaluationSetsRule, index: number, timeMs: number): boolean {
  return index > MOST_INDEX || opensAtMs(rule, index) > timeMs + MOST_DAYS_AHEAD * 86_400_000;
}

/** When a set that cannot be opened is void, in Unix milliseconds. */
export function voidAtMs(rule: EvaluationSetsRule, index: number): number {
  return opensAtMs(rule, index) + 1000 * rule.voidAfterSeconds;
}

/**
 * The first set that an epoch may be measured on: that of the first round which is later, by the margin, than the block
 * which the epoch begins with. Pointers count as of that block, so none of them was made by somebody who could read the set.
 * `startMs`: that block's time, by the chain's clock: Unix milliseconds.
 */
export function firstSetFor(rule: EvaluationSetsRule, startMs: number): number {
  const earliestMs = startMs + 1000 * rule.marginSeconds;
  const betweenMs = opensAtMs(rule, 1) - opensAtMs(rule, 0);
  // The quotient may be off by one where it is nearly whole.
  let index = Math.max(0, Math.floor((earliestMs - opensAtMs(rule, 0)) / betweenMs) - 1);
  for (let steps = 0; steps < 3 && opensAtMs(rule, index) < earliestMs; steps++) index++;
  return index;
}
