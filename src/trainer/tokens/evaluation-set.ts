import { requiredItem } from '../../shared/required.ts';
import { collate, partition, type TokenBatch } from './batches.ts';
import { countTargets, type TokenRow } from './chat.ts';

/** Rows of nearly one length that are evaluated at once. */
export interface EvaluationBatch {
  batch: TokenBatch;
  /** For each of its rows, its place in the file and its number of target tokens. */
  rows: { index: number; targets: number }[];
}

/** Rows made ready for evaluation, once for all adapters. */
export interface EvaluationSet {
  /** Rows with a target token, shortest first. */
  batches: EvaluationBatch[];
  /** Rows of the file, those without a target token too. */
  rows: number;
}

/** Tokens of a batch at most, unless a single row has more: they keep the matrix products busy, more only take memory. */
export const EVALUATION_BATCH_TOKENS = 1024;

/**
 * Sorts rows by length, then by content, and puts them into batches. The batches hang on the rows alone and not on their
 * order in the file, and so does every bit of what is measured on them.
 */
export function prepareEvaluation(rows: TokenRow[]): EvaluationSet {
  const counted = rows
    .map((row, index) => ({ row, index, targets: countTargets(row) }))
    .filter(({ targets }) => targets > 0)
    .sort((a, b) => compareRows(a.row, b.row));
  const groups = partition(counted, ({ row }) => row.inputIds.length, EVALUATION_BATCH_TOKENS);
  const batches = groups.map((group) => ({
    batch: collate(group.map(({ row }) => row)),
    rows: group.map(({ index, targets }) => ({ index, targets })),
  }));
  return { batches, rows: rows.length };
}

function compareRows(a: TokenRow, b: TokenRow): number {
  return a.inputIds.length - b.inputIds.length || compare(a.inputIds, b.inputIds) || compare(a.labels, b.labels);
}

function compare(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  for (let i = 0; i < a.length && difference === 0; i++) difference = requiredItem(a, i) - requiredItem(b, i);
  return difference;
}
