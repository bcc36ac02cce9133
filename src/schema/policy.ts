import * as z from 'zod';
import { RepoId } from './model-id.ts';

const share = z.number().min(0).max(1);

/** Who gets an epoch's places once everybody was evaluated once; what is left goes to those who have waited longest. */
const DrawRules = z
  .strictObject({
    /** Share of the places for the highest weights. */
    topShare: share.default(1 / 4),
    /** Share of the places that chance gives to the others. */
    randomShare: share.default(1 / 2),
    /** Their chance at `rank` by weight is proportional to exp(-rank / rankScale). */
    rankScale: z.number().positive().default(32),
  })
  .refine(
    ({ topShare, randomShare }) => topShare + randomShare <= 1 + 1e-9,
    'topShare and randomShare are more than 1 together',
  );

/** From the weights of one epoch to those that are sent. */
const AVERAGING = {
  /** Portion of this epoch in the moving average of those evaluated. */
  stepPortion: share.default(0.2),
  /** Portion of the chain's consensus in what is sent. */
  consensusShare: share.default(0.2),
  /** The weights move toward the consensus until the validator's expected trust is that. */
  leastTrust: share.default(0.5),
  /** Smaller weights are 0. */
  leastWeight: share.default(1e-6),
};

/** What every policy can do besides; all of it off by default. */
const EXTRAS = {
  /** Most of the weight that the hotkeys of one coldkey have together, 0..1; the rest goes to the others. `null`: any. */
  coldkeyCap: z.number().positive().max(1).nullable().default(null),
  /** A share of the weight for one uid, such as that of the subnet's owner, whose emission the chain burns. */
  burn: z
    .strictObject({ uid: z.int().min(0).max(65_535), share })
    .nullable()
    .default(null),
  /** Repositories that take no part, by the operator's choice, with the reason that their miners are told. */
  excluded: z.array(z.strictObject({ repo: RepoId, reason: z.string().min(1).max(300) })).default([]),
};

/** Rules of the policy `win-rates` (era A): each loss is compared with each other one. */
export const WinRatesRules = z.strictObject({
  draw: DrawRules.prefault({}),
  /** Of two losses that of the earlier dataset counts so much less (relative). */
  earlierAdvantage: z.number().min(0).lt(1).default(0.04),
  /** The advantage falls in a straight line to `to`, which it has `blocks` after the commitment. `null`: it stays. */
  advantageDecay: z
    .strictObject({ blocks: z.int().positive(), to: z.number().min(0).lt(1).default(0) })
    .nullable()
    .default(null),
  /** Of the softmax of the win rates. */
  temperature: z.number().min(1e-4).default(0.08),
  ...AVERAGING,
  ...EXTRAS,
});
export type WinRatesRules = z.infer<typeof WinRatesRules>;

/** Rules of the policy `benchmark-curve` (era B): each loss by itself, on a curve through a benchmark. Losses in nats per token. */
export const BenchmarkCurveRules = z
  .strictObject({
    draw: DrawRules.prefault({}),
    /** Loss of the benchmark dataset: scores `bheight`. */
    bench: z.number().positive().default(0.16),
    /** Below this loss the score is 1. */
    minb: z.number().nonnegative().default(0.138),
    /** Above this loss the score is 0. */
    maxb: z.number().positive().default(0.165),
    bheight: share.default(0.05),
    pow: z.number().positive().default(2),
    /** Rows that a dataset may have in common with an earlier one; more, and it is a duplicate. */
    mostCommonRows: z.int().nonnegative().default(100),
    ...AVERAGING,
    ...EXTRAS,
  })
  .refine(({ minb, maxb }) => minb < maxb, 'minb must be less than maxb');
export type BenchmarkCurveRules = z.infer<typeof BenchmarkCurveRules>;

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time of the UTC day such as 12:30');

/** Rules of the policy `daily-winner` (era C): one winner a day takes everything. Times are UTC, by the chain's clock. */
export const DailyWinnerRules = z
  .strictObject({
    /** A competition's day begins with its submissions. */
    submissionsFrom: timeOfDay.default('12:00'),
    /** Pointers committed from then on are too late for the day. Evaluation begins. */
    submissionsUntil: timeOfDay.default('12:30'),
    /** Evaluation ends: from then until the next day begins the winner is known and weighed. */
    rewardsFrom: timeOfDay.default('11:30'),
    /** The winner is the earliest among so many of the best by loss (at least one). */
    bestShare: share.default(0.05),
    /**
     * `require`: a dataset is a choice among the rows of the evaluation set. `leave-out`: it has rows of its own, and those of
     * the set are left out, as where sets are time-locked and nobody can choose from them.
     */
    evaluationRows: z.enum(['require', 'leave-out']).default('require'),
    /** Rows that a dataset may have in common with an earlier one; more, and it is a duplicate. */
    mostCommonRows: z.int().nonnegative().default(33),
    /** Least seconds between two blocks: tells the time of a pointer from its block, or a later one. */
    blockSeconds: z.number().positive().default(12),
    ...EXTRAS,
  })
  .refine(
    ({ submissionsFrom, submissionsUntil, rewardsFrom }) => {
      const sinceFrom = (time: string) => (minutesOf(time) - minutesOf(submissionsFrom) + 1440) % 1440;
      return sinceFrom(submissionsUntil) > 0 && sinceFrom(rewardsFrom) > sinceFrom(submissionsUntil);
    },
    { error: 'the day must go from submissionsFrom over submissionsUntil to rewardsFrom', path: ['rewardsFrom'] },
  );
export type DailyWinnerRules = z.infer<typeof DailyWinnerRules>;

/** Minutes of the day of a time such as 12:30. */
export function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number) as [number, number];
  return 60 * hours + minutes;
}

/** The policies that this package has, by name. */
export const POLICY_RULES = {
  'win-rates': WinRatesRules,
  'benchmark-curve': BenchmarkCurveRules,
  'daily-winner': DailyWinnerRules,
};

/**
 * Which policy a competition has, with its parameters; one that this package does not have comes from the operator.
 * @example
 * const policy = PolicyChoice.parse({ name: 'daily-winner', parameters: { bestShare: 0.1 } });
 */
export const PolicyChoice = z
  .object({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected a name such as win-rates'),
    parameters: z.record(z.string(), z.unknown()).prefault({}),
  })
  .transform((choice, context) => {
    if (!Object.hasOwn(POLICY_RULES, choice.name)) return choice;
    const parsed = POLICY_RULES[choice.name as keyof typeof POLICY_RULES].safeParse(choice.parameters);
    if (parsed.success) return { ...choice, parameters: parsed.data as Record<string, unknown> };
    for (const { path, message } of parsed.error.issues)
      context.addIssue({ code: 'custom', message, path: ['parameters', ...path] });
    return z.NEVER;
  });
export type PolicyChoice = z.infer<typeof PolicyChoice>;
