import * as z from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { POLICY_RULES, type PolicyChoice } from '../schema/policy.ts';
import { benchmarkCurvePolicy } from './benchmark-curve.ts';
import { dailyWinnerPolicy } from './daily-winner.ts';
import type { Policy } from './policy.ts';
import { winRatesPolicy } from './win-rates.ts';

const SHIPPED: Record<keyof typeof POLICY_RULES, (rules: object) => Policy> = {
  'win-rates': winRatesPolicy,
  'benchmark-curve': benchmarkCurvePolicy,
  'daily-winner': dailyWinnerPolicy,
};

/**
 * The policy that a competition names; `own`, where the operator brings one of his own.
 * @throws FlockOffError `bad-argument` when the competition names a policy that this package does not have, and `own` is
 *   not that one; when `own` has the name of a shipped one; or when it is no policy.
 * @example
 * const policy = policyOf(Competition.parse({}).policy);
 */
export function policyOf({ name, parameters }: PolicyChoice, own?: Policy): Policy {
  const isShipped = isShippedName(name);
  if (own !== undefined) {
    requirePolicy(own);
    if (isShipped || own.name === name) return own;
    throw new FlockOffError({
      code: 'bad-argument',
      what: `the competition has the policy "${name}", and the one given is "${own.name}"`,
      fix: 'give the one that the competition names',
      facts: { name: 'policy', value: own.name },
    });
  }
  if (isShipped) return SHIPPED[name](parameters);
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the competition has the policy "${name}", which this package does not have`,
    fix: `get its file from who runs the competition and pass it as policy (--policy), or name ${Object.keys(SHIPPED).join(', ')}`,
    facts: { name: 'policy', value: name },
  });
}

/** As {@link Intake} says. */
const IntakeSchema = z.strictObject({
  evaluationRows: z.enum(['leave-out', 'allow', 'require']).optional(),
  minOwnRows: z.int().positive().optional(),
  mostCommonRows: z.number().nonnegative().optional(),
  watchEarlier: z.boolean().optional(),
  excluded: z.array(z.strictObject({ repo: z.string(), reason: z.string() })).optional(),
});

function isShippedName(name: string): name is keyof typeof POLICY_RULES {
  return Object.hasOwn(POLICY_RULES, name);
}

function requirePolicy(own: Policy): void {
  const intake = IntakeSchema.safeParse(own?.intake);
  const missing = (['draw', 'score', 'weigh', 'explain'] as const).find((one) => typeof own?.[one] !== 'function');
  const { pointersUntil } = own ?? {};
  const why =
    missing !== undefined
      ? `has no function ${missing}`
      : pointersUntil !== undefined && typeof pointersUntil !== 'function'
        ? 'has a pointersUntil that is no function'
        : !/^[a-z0-9][a-z0-9-]{0,39}$/.test(own.name)
          ? 'has no name of lower-case letters, digits and "-"'
          : isShippedName(own.name)
            ? `has the name of another one, "${own.name}"`
            : !intake.success
              ? `has an intake that cannot be used (${z.prettifyError(intake.error)})`
              : null;
  if (why === null) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the policy that was given ${why}`,
    fix: 'see docs/policies.md',
    facts: { name: 'policy', value: own?.name },
  });
}
