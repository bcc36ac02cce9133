import * as z from 'zod';

/** Why a submission has no score. The set is closed; every reason is the miner's own doing. */
export const VerdictReason = z.enum([
  'invalid-pointer', // the commitment is not `namespace/name:competition:commit`
  'wrong-competition', // the pointer names another competition
  'unpinned-commit', // the commit is a branch, not a 40-hex sha
  'dataset-missing', // repository, revision or data.jsonl does not exist (or is private)
  'dataset-denied', // gated or disabled repository
  'foreign-dataset', // the repository names its owners, and this hotkey is none of them
  'dataset-too-large', // more bytes than the competition allows
  'invalid-rows', // some line is not a row
  'row-count', // fewer or more rows than the competition allows
  'too-many-tokens', // more tokens than the competition trains on
  'no-labels', // no assistant token is left inside the context
  'diverged', // the loss or a gradient became infinite or NaN
  'duplicate', // without rows that others showed earlier too few are left
  'evaluation-rows', // without rows of the evaluation set too few are left
]);
export type VerdictReason = z.infer<typeof VerdictReason>;

/** A finding about a submission: the reason, and a sentence its miner can act on. */
export const Verdict = z.object({
  reason: VerdictReason,
  message: z.string(),
  facts: z.record(z.string(), z.unknown()).optional(),
});
export type Verdict = z.infer<typeof Verdict>;

/** A value, or the verdict that stands in its place. Faults of ours are thrown, never returned. */
export type Checked<T> = { ok: true; value: T } | { ok: false; verdict: Verdict };

export function accept<T>(value: T): Checked<T> {
  return { ok: true, value };
}

export function reject(
  reason: VerdictReason,
  message: string,
  facts?: Record<string, unknown>,
): { ok: false; verdict: Verdict } {
  return { ok: false, verdict: facts ? { reason, message, facts } : { reason, message } };
}
