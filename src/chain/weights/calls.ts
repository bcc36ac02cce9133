import { type BuildCall, callOn } from '../transaction/submit.ts';
import type { NormalisedWeights } from './normalise.ts';
import type { PendingReveal } from './pending-reveals.ts';
import type { WeightsKey } from './terms.ts';
import type { LockedWeights } from './timelocked.ts';

/** A call and its name in errors. */
export interface NamedCall {
  name: string;
  call: BuildCall;
}

type Subnet = Pick<WeightsKey, 'netuid' | 'mechanism'>;

/** Mechanism 0 has calls that every runtime knows; the others have their own, with the mechanism after the netuid. */
function callOf({ netuid, mechanism }: Subnet, [plain, ofMechanism]: [string, string], args: unknown[]): NamedCall {
  const name = mechanism === 0 ? plain : ofMechanism;
  const subnet = mechanism === 0 ? [netuid] : [netuid, mechanism];
  return { name: `subtensorModule.${name}`, call: (tx) => callOn(tx, 'subtensorModule', name)(...subnet, ...args) };
}

export function setCall(subnet: Subnet, { uids, values }: NormalisedWeights, versionKey: number): NamedCall {
  return callOf(subnet, ['setWeights', 'setMechanismWeights'], [uids, values, versionKey]);
}

export function hashCommitCall(subnet: Subnet, hash: string): NamedCall {
  return callOf(subnet, ['commitWeights', 'commitMechanismWeights'], [hash]);
}

export function revealCall(subnet: Subnet, { uids, values, salt, versionKey }: PendingReveal): NamedCall {
  return callOf(subnet, ['revealWeights', 'revealMechanismWeights'], [uids, values, salt, versionKey]);
}

/** `version`: the subnet's commit-reveal version, `null` on runtimes that take none. */
export function timelockedCommitCall(
  subnet: Subnet,
  { commit, round }: LockedWeights,
  version: number | null,
): NamedCall {
  if (version === null) return callOf(subnet, ['commitCrv3Weights', 'commitCrv3MechanismWeights'], [commit, round]);
  return callOf(subnet, ['commitTimelockedWeights', 'commitTimelockedMechanismWeights'], [commit, round, version]);
}
