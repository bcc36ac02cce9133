import * as z from 'zod';
import { EvaluationSetsRule } from './evaluation-sets.ts';
import { PolicyChoice } from './policy.ts';

/**
 * LoRA recipe of a competition; the defaults are FLock OFF's (rank 16, alpha 32, every linear layer).
 * @example
 * const recipe = LoraRecipe.parse({ rank: 8, epochs: 1 });
 */
export const LoraRecipe = z.object({
  rank: z.int().positive().default(16),
  alpha: z.number().positive().default(32),
  dropout: z.number().min(0).lt(1).default(0.1),
  /** Rows per micro batch. */
  batchSize: z.int().positive().default(2),
  gradientAccumulation: z.int().positive().default(4),
  epochs: z.int().positive().default(2),
  /** Tokens a row is cut to. */
  contextTokens: z.int().positive().default(4096),
  learningRate: z.number().positive().default(2e-4),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().nonnegative().default(0),
  warmupSteps: z.int().nonnegative().default(5),
  /** Global gradient norm is clipped to this. */
  maxGradNorm: z.number().positive().default(1),
});
export type LoraRecipe = z.infer<typeof LoraRecipe>;

/** What is asked of a dataset and how it is scored. */
export const Competition = z.object({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,12}$/)
    .default('1'),
  /**
   * Blocks from the start of one epoch to the start of the next: each begins at a multiple of it, and pointers count as of
   * that block. Default 360: 72 minutes.
   */
  blocksPerEpoch: z.int().positive().default(360),
  minRows: z.int().positive().default(2),
  maxRows: z.int().positive().default(20_000),
  /** Most bytes of data.jsonl that are downloaded. */
  maxBytes: z
    .int()
    .positive()
    .default(256 * 1024 * 1024),
  /** Most bytes of one line. */
  maxLineBytes: z
    .int()
    .positive()
    .default(1024 * 1024),
  /** Most turns of one row. Default 1024: a turn takes at least six tokens, so 4096 hold no more than 682. */
  maxTurns: z.int().positive().default(1024),
  /**
   * Most code points of all texts of data.jsonl together. Default 128 Mi: 26 for each token of `maxTokens`, where text has
   * about 4, so that rows may be longer than what is trained on of them.
   */
  maxCodePoints: z
    .int()
    .positive()
    .default(128 * 1024 * 1024),
  /**
   * Most JSON keys, objects and arrays in all lines together, those of unknown keys included. Default 4 Mi: 209 for each of
   * 20,000 rows, where a chat has three or four and three more for each turn.
   */
  maxJsonNodes: z
    .int()
    .positive()
    .default(4 * 1024 * 1024),
  /** Most tokens of all rows together, each cut to the recipe's `contextTokens`. Default 20,000 rows of 256. */
  maxTokens: z
    .int()
    .positive()
    .default(20_000 * 256),
  /**
   * Rows that must be left of a dataset once others' rows and those of the evaluation set are left out; half of its rows
   * suffice where it has fewer than twice as many. Default 32.
   */
  minOwnRows: z.int().positive().default(32),
  /** Whether rows of the evaluation set are left out before training; where they are allowed they are nobody's. */
  evaluationRows: z.enum(['leave-out', 'allow']).default('leave-out'),
  /** Whether the base model alone takes part in each comparison: who does not beat it earns nothing. */
  baseline: z.enum(['contestant', 'off']).default('contestant'),
  /**
   * Blocks after its pointer within which a dataset must be readable: until then it is waited for, and one that is read
   * only later counts from the block in which it was first read. Default 50.
   */
  readableWithinBlocks: z.int().nonnegative().default(50),
  /**
   * Blocks for which rows stay a hotkey's after its pointer names their dataset no longer, nobody can read it, or it does
   * not beat the base model. Default 50,400: seven days.
   */
  claimBlocks: z
    .int()
    .nonnegative()
    .default(7 * 7_200),
  /** Bytes of new datasets that are read of one hotkey in 7,200 blocks (a day); more waits. Default 1 GiB. */
  maxBytesPerDay: z
    .int()
    .positive()
    .default(1024 ** 3),
  /** What the competition decides by: who is drawn, what a loss is worth, what weights follow (docs/policies.md). */
  policy: PolicyChoice.prefault({ name: 'win-rates' }),
  /** Each epoch is measured on a set that nobody could read before (docs/founding.md). Default: on one set that all know. */
  evaluationSets: EvaluationSetsRule.optional(),
  recipe: LoraRecipe.prefault({}),
});
export type Competition = z.infer<typeof Competition>;
