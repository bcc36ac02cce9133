import { FlockOffError } from '../../../errors/flock-off-error.ts';
import type { Policy } from '../../../policy/policy.ts';
import { policyOf } from '../../../policy/shipped.ts';
import { POLICY_RULES } from '../../../schema/policy.ts';
import type { Receipt } from '../receipt.ts';
import { shownValue } from './difference.ts';

/** A policy of an operator's own, or what makes it from the parameters in a competition, as his validator does. */
export type OwnPolicy = Policy | ((parameters: Record<string, unknown>) => Policy);

/**
 * The policy of the operator's own that a receipt names, made as its validator made it; `undefined` where it names one of
 * this package.
 * @throws FlockOffError `bad-argument` where that one is not given, or what is given is no policy: then nothing can be told
 *   of the receipt, which is not the receipt's fault.
 */
export function ownPolicyOf({ policy, startBlock, inputs }: Receipt, own: OwnPolicy | undefined): Policy | undefined {
  const { name } = policy;
  if (Object.hasOwn(POLICY_RULES, name)) return undefined;
  const { parameters } = inputs.competition.policy;
  const given = typeof own === 'function' ? own(parameters) : own;
  if (given?.name === name) return policyOf({ name, parameters }, given);
  const why = given === undefined ? 'which this package does not have' : `and the one given is "${given.name}"`;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the report of block ${startBlock} has the policy ${shownValue(name)}, ${why}`,
    fix: 'get its file from the validator and pass it as policy (--policy), or leave the report out',
    facts: { name: 'policy', value: name },
  });
}
