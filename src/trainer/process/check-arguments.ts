import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { LoraRecipe } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { requireNumber } from '../../shared/require-number.ts';
import { requiredItem } from '../../shared/required.ts';
import type { AdapterSnapshot } from '../run/snapshots.ts';

/** Seeds are those of `torch.manual_seed` that a Mersenne Twister tells apart. */
const Seed = z
  .int()
  .nonnegative()
  .max(2 ** 32 - 1);
const ContextTokens = z.int().positive();
const MaxTokens = z.int().positive().or(z.literal(Number.POSITIVE_INFINITY));
const Recipe = LoraRecipe.strict();

/** Node's timers run out at once where they are asked for more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The numbers that a trainer is opened with. */
export interface OpeningNumbers {
  memoryBytes?: number;
  memoryShare?: number;
  stallTimeoutMs?: number;
  totalTimeoutMs?: number;
}

/** @throws FlockOffError `bad-argument` with the first that cannot be meant. */
export function requireOpeningNumbers(options: OpeningNumbers): void {
  const { memoryBytes = Number.POSITIVE_INFINITY, memoryShare = 1 } = options;
  if (memoryBytes !== Number.POSITIVE_INFINITY) requireNumber('memoryBytes', memoryBytes, { above: 0, whole: true });
  requireNumber('memoryShare', memoryShare, { above: 0, most: 1 });
  for (const name of ['stallTimeoutMs', 'totalTimeoutMs'] as const)
    requireNumber(name, options[name] ?? LONGEST_TIMER_MS, { above: 0, most: LONGEST_TIMER_MS });
}

/** @throws FlockOffError `bad-argument` unless it is a whole number from 0 on. */
export function requireSnapshotCount(snapshots: number): void {
  requireNumber('snapshots', snapshots, { whole: true });
}

/** @throws FlockOffError `bad-argument` unless it is 0 or more. */
export function requireEveryMs(everyMs: number): void {
  requireNumber('checkpoint.everyMs', everyMs);
}

/** @throws FlockOffError `bad-argument` with the first whose learning rates are no number: every value would be none. */
export function requireSnapshots(snapshots: readonly AdapterSnapshot[]): void {
  for (const [i, { learningRates }] of snapshots.entries())
    requireNumber(`snapshots[${i}].learningRates`, learningRates);
}

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
