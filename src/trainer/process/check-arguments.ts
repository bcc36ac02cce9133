import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { LoraRecipe } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { requiredItem } from '../../shared/required.ts';

/** Seeds are those of `torch.manual_seed` that a Mersenne Twister tells apart. */
const Seed = z
  .int()
  .nonnegative()
  .max(2 ** 32 - 1);
const ContextTokens = z.int().positive();
const MaxTokens = z.int().positive().or(z.literal(Number.POSITIVE_INFINITY));
const Recipe = LoraRecipe.strict();

/** The recipe with FLock OFF's values where it says nothing. @throws FlockOffError `bad-argument`. */
export function requireRecipe(recipe: z.input<typeof LoraRecipe> = {}): LoraRecipe {
  return requireArgument('recipe', Recipe, recipe);
}

/** @throws FlockOffError `bad-argument` unless it is a whole number from 0 to 2^32 - 1. */
export function requireSeed(seed: number): void {
  requireArgument('seed', Seed, seed);
}

/** @throws FlockOffError `bad-argument` unless it is a whole number above 0. */
export function requireContextTokens(contextTokens: number): void {
  requireArgument('contextTokens', ContextTokens, contextTokens);
}

/** @throws FlockOffError `bad-argument` unless it is a whole number above 0, or infinite. */
export function requireMaxTokens(maxTokens: number): void {
  requireArgument('maxTokens', MaxTokens, maxTokens);
}

/** Checks rows that may not come from `DatasetSchema`. @throws FlockOffError `bad-argument` with the first that is none. */
export function requireRows(rows: DatasetRow[]): void {
  // Only what would fail obscurely later: there may be millions of turns.
  const wrong = rows.findIndex((row) => !Array.isArray(row?.conversations));
  if (wrong >= 0) throw badArgument(`rows: row ${wrong + 1} has no conversations`, 'read it with DatasetSchema');
}

/** The error of calls after `dispose`. */
export function disposedTrainer(): FlockOffError {
  return badArgument('this LoraTrainer has been disposed', 'load another');
}

function requireArgument<T extends z.ZodType>(name: string, schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = requiredItem(parsed.error.issues, 0);
  throw badArgument(`${[name, ...path].join('.')}: ${message}`);
}

function badArgument(what: string, fix?: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
