import * as z from 'zod';
import { LeftOutEvidence } from './left-out-evidence.ts';

/**
 * Why a submission has no score. The set is closed; every reason is the miner's own doing.
 * @example
 * for (const reason of VerdictReason.options) console.log(reason);
 */
export const VerdictReason = z.enum([
  'invalid-pointer', // the commitment is not `namespace/name:competition:commit`
  'wrong-competition', // the pointer names another competition
  'unpinned-commit', // the commit is a branch, not a 40-hex sha
  'dataset-missing', // repository, revision or data.jsonl does not exist (or is private)
  'dataset-denied', // gated or disabled repository
  'excluded', // the operator of this validator leaves the repository out, and says why
  'foreign-dataset', // the repository names its owners, and this hotkey is none of them
  'dataset-too-large', // more bytes, or more text, than the competition allows
  'invalid-rows', // some line is not a row
  'row-count', // fewer or more rows than the competition allows
  'too-many-tokens', // more tokens than the competition trains on
  'no-labels', // no assistant token is left inside the context
  'diverged', // the loss or a gradient became infinite or NaN
  'duplicate', // without rows that others showed earlier too few are left
  'evaluation-rows', // without rows of the evaluation set too few are left
]);
export type VerdictReason = z.infer<typeof VerdictReason>;

const TOO_LITTLE_LEFT = {
  rows: z.number(),
  /** Rows that are left. */
  rowsLeft: z.number(),
  /** Rows that must be left. */
  rowsNeeded: z.number(),
  leftOut: LeftOutEvidence,
};

/**
 * A finding about a submission: the reason, a sentence its miner can act on, and the values behind it, for programs.
 * @example
 * const verdict = Verdict.parse(JSON.parse(text));
 * if (verdict.reason === 'duplicate') console.log(verdict.facts?.leftOut.sources);
 */
export const Verdict = z.discriminatedUnion('reason', [
  verdict('invalid-pointer'),
  verdict('wrong-competition'),
  verdict('unpinned-commit'),
  verdict('dataset-missing'),
  verdict('dataset-denied'),
  verdict('excluded'),
  verdict('foreign-dataset', {
    /** Hotkeys that the repository names, the first twenty. */
    owners: z.array(z.string()),
  }),
  /** The budget that is exceeded, with what was seen of it: in the whole file, or in its first `lines`. */
  verdict('dataset-too-large', {
    bytes: z.number().optional(),
    maxBytes: z.number().optional(),
    codePoints: z.number().optional(),
    maxCodePoints: z.number().optional(),
    jsonNodes: z.number().optional(),
    maxJsonNodes: z.number().optional(),
    lines: z.number().optional(),
  }),
  verdict('invalid-rows', {
    problemCount: z.number(),
    /** The first lines that are no rows, from 1 on. */
    problems: z.array(z.object({ line: z.number(), problem: z.string() })),
    /** Each kind of problem once, with the first lines that have it. */
    kinds: z.array(z.object({ kind: z.string(), count: z.number(), lines: z.array(z.number()) })),
    /** Of a file that is in another format as a whole. */
    format: z.string().optional(),
  }),
  verdict('row-count', {
    rows: z.number(),
    minRows: z.number().optional(),
    maxRows: z.number().optional(),
    leftOut: LeftOutEvidence.optional(),
  }),
  verdict('too-many-tokens', {
    maxTokens: z.number(),
    /** Each row was cut to so many. */
    contextTokens: z.number(),
    rows: z.number(),
    /** The first rows, which have no more than `maxTokens` together. */
    rowsWithin: z.number(),
  }),
  verdict('no-labels'),
  verdict('diverged', { step: z.number(), steps: z.number() }),
  verdict('duplicate', TOO_LITTLE_LEFT),
  verdict('evaluation-rows', TOO_LITTLE_LEFT),
]);
export type Verdict = z.infer<typeof Verdict>;

/** A value, or the verdict that stands in its place. Faults of ours are thrown, never returned. */
export type Checked<T> = { ok: true; value: T } | { ok: false; verdict: Verdict };

export function accept<T>(value: T): Checked<T> {
  return { ok: true, value };
}

export function reject<Reason extends VerdictReason>(
  reason: Reason,
  message: string,
  facts?: Extract<Verdict, { reason: Reason }>['facts'],
): { ok: false; verdict: Verdict } {
  return { ok: false, verdict: (facts ? { reason, message, facts } : { reason, message }) as Verdict };
}

function verdict<Reason extends VerdictReason, Facts extends z.ZodRawShape = Record<never, never>>(
  reason: Reason,
  facts = {} as Facts,
) {
  return z.object({ reason: z.literal(reason), message: z.string(), facts: z.object(facts).optional() });
}
