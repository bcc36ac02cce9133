import { randomPermutation } from '../../shared/random.ts';
import { requiredItem } from '../../shared/required.ts';
import { countTargets, IGNORED_LABEL, type TokenRow } from './chat.ts';

/** Rows padded on the right to one length, and the places whose next token is learned. */
export interface PaddedRows {
  rows: number;
  /** Tokens of the longest row. */
  length: number;
  /** `[rows * length]` */
  inputIds: Int32Array;
  /** Flat positions (row * length + position) whose next token has a loss. */
  targetPositions: Int32Array;
  /** The token to be predicted at each of them. */
  targetIds: Int32Array;
}

export interface TokenBatch extends PaddedRows {
  /** Tokens without the padding. */
  tokens: number;
}

// Padding needs no attention mask: attention is causal, padding is on the right, and it has no label.
const PADDING_ID = 0;

/** Puts rows into one batch. */
export function collate(rows: TokenRow[]): TokenBatch {
  const length = Math.max(1, ...rows.map((row) => row.inputIds.length));
  const targets = rows.reduce((sum, row) => sum + countTargets(row), 0);
  const batch: TokenBatch = {
    rows: rows.length,
    length,
    inputIds: new Int32Array(rows.length * length).fill(PADDING_ID),
    targetPositions: new Int32Array(targets),
    targetIds: new Int32Array(targets),
    tokens: rows.reduce((sum, row) => sum + row.inputIds.length, 0),
  };
  let target = 0;
  rows.forEach(({ inputIds, labels }, row) => {
    batch.inputIds.set(inputIds, row * length);
    for (let position = 1; position < labels.length; position++) {
      const label = labels[position] ?? IGNORED_LABEL;
      if (label === IGNORED_LABEL) continue;
      batch.targetPositions[target] = row * length + position - 1;
      batch.targetIds[target++] = label;
    }
  });
  return batch;
}

/** `count` rows of a batch from `first` on, padded as they were. */
export function takeRows(batch: PaddedRows, first: number, count: number): PaddedRows {
  const rows = Math.min(count, batch.rows - first);
  const { length, inputIds, targetPositions, targetIds } = batch;
  const [from, to] = [first * length, (first + rows) * length];
  const isInside = (position: number) => position >= from && position < to;
  return {
    rows,
    length,
    inputIds: inputIds.slice(from, to),
    targetPositions: targetPositions.filter(isInside).map((position) => position - from),
    targetIds: targetIds.filter((_, i) => isInside(requiredItem(targetPositions, i))),
  };
}

export interface PlanEpochParameters {
  /** Rows of the dataset. */
  rows: number;
  batchSize: number;
  gradientAccumulation: number;
  /** Seed of the run; epoch e is shuffled with seed + e, as transformers' Trainer does. */
  seed: number;
  /** From 0. */
  epoch: number;
}

/** The optimizer steps of one epoch: each a list of micro batches, each a list of row indices. The last ones may be short. */
export function planEpoch({ rows, batchSize, gradientAccumulation, seed, epoch }: PlanEpochParameters): number[][][] {
  const microBatches = chunk(randomPermutation(rows, seed + epoch), batchSize);
  return chunk(microBatches, gradientAccumulation);
}

function chunk<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
