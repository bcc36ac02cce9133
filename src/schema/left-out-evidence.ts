import * as z from 'zod';

/**
 * Which rows of a dataset are not trained on, and whose they are: plain JSON, for reports and verdicts.
 * @example
 * const { sources } = LeftOutEvidence.parse(JSON.parse(text));
 * for (const { uid, rows } of sources) console.log(`${rows} rows of uid ${uid}`);
 */
export const LeftOutEvidence = z.object({
  /** Different rows that another hotkey showed earlier. */
  others: z.number(),
  /** Different rows of the evaluation set. */
  evaluation: z.number(),
  /** Rows that stand further up already. */
  repeats: z.number(),
  /** Whose the rows are that others showed, those with most first; `uid` is `null` for who has left the subnet. */
  sources: z.array(z.object({ uid: z.number().nullable(), hotkey: z.string(), rows: z.number() })),
  /** The first twenty rows that are others' or of the evaluation set. */
  examples: z.array(
    z.object({
      /** Line of the dataset, from 1. */
      line: z.number(),
      /** Whose it is; `null` for the evaluation set, `uid` also for who has left the subnet. */
      uid: z.number().nullable(),
      hotkey: z.string().nullable(),
      /** Line of theirs, from 1. */
      ofLine: z.number().nullable(),
      /** Block in which they showed it. */
      block: z.number().nullable(),
      /** Share of the row's content, 0..1, that is theirs. */
      alike: z.number(),
    }),
  ),
});
export type LeftOutEvidence = z.infer<typeof LeftOutEvidence>;
