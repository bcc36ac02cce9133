import { randomPermutation } from '../../shared/random.ts';
import { requiredItem } from '../../shared/required.ts';
import { countTargets, IGNORED_LABEL, type TokenRow } from './chat.ts';

/** Rows one after the other, and the places whose next token is learned. */
export interface TokenBatch {
  /** Tokens of each row. */
  lengths: number[];
  /** `[tokens]` */
  inputIds: Int32Array;
  /** Where in `inputIds` the next token has a loss. */
  targetPositions: Int32Array;
  /** The token to be predicted at each of them. */
  targetIds: Int32Array;
}

/** Puts rows into one batch. */
export function collate(rows: TokenRow[]): TokenBatch {
  const lengths = rows.map(({ inputIds }) => inputIds.length);
  const targets = rows.reduce((sum, row) => sum + countTargets(row), 0);
  const batch: TokenBatch = {
    lengths,
    inputIds: new Int32Array(sumOf(lengths)),
    targetPositions: new Int32Array(targets),
    targetIds: new Int32Array(targets),
  };
  let start = 0;
  let target = 0;
  for (const { inputIds, labels } of rows) {
    batch.inputIds.set(inputIds, start);
    for (let position = 1; position < labels.length; position++) {
      const label = labels[position] ?? IGNORED_LABEL;
      if (label === IGNORED_LABEL) continue;
      batch.targetPositions[target] = start + position - 1;
      batch.targetIds[target++] = label;
    }
    start += inputIds.length;
  }
  return batch;
}

/** Rows `first` to `end` of a batch, that one not included. */
export function takeRows(batch: TokenBatch, first: number, end: number): TokenBatch {
  const from = sumOf(batch.lengths.slice(0, first));
  const to = sumOf(batch.lengths.slice(0, end));
  const isInside = (position: number) => position >= from && position < to;
  const { lengths, inputIds, targetPositions, targetIds } = batch;
  return {
    lengths: lengths.slice(first, end),
    inputIds: inputIds.slice(from, to),
    targetPositions: targetPositions.filter(isInside).map((position) => position - from),
    targetIds: targetIds.filter((_, i) => isInside(requiredItem(targetPositions, i))),
  };
}

/** Rows padded on the right to one length. */
export interface PaddedBatch {
  rows: number;
  /** Tokens of the longest row. */
  length: number;
  /** `[rows * length]` */
  inputIds: Int32Array;
  /** Flat positions (row * length + position) whose next token has a loss. */
  targetPositions: Int32Array;
  targetIds: Int32Array;
}

// Padding needs no attention mask: attention is causal, padding is on the right, and it has no label.
const PADDING_ID = 0;

export function pad({ lengths, inputIds, targetPositions, targetIds }: TokenBatch): PaddedBatch {
  const rows = lengths.length;
  const length = Math.max(1, ...lengths);
  const padded = new Int32Array(rows * length).fill(PADDING_ID);
  const placeOf = new Int32Array(inputIds.length);
  let start = 0;
  lengths.forEach((tokens, row) => {
    padded.set(inputIds.subarray(start, start + tokens), row * length);
    for (let i = 0; i < tokens; i++) placeOf[start + i] = row * length + i;
    start += tokens;
  });
  return {
    rows,
    length,
    inputIds: padded,
    targetPositions: targetPositions.map((at) => requiredItem(placeOf, at)),
    targetIds,
  };
}

/**
 * Cuts a list of rows so that each part has at most so many tokens, or is a single row: as few parts as their order allows.
 * It hangs on nothing but their lengths.
 */
export function partition<Row>(rows: Row[], lengthOf: (row: Row) => number, mostTokens: number): Row[][] {
  const parts: Row[][] = [];
  let room = 0;
  for (const row of rows) {
    const length = lengthOf(row);
    const part = parts.at(-1);
    if (part && length <= room) {
      part.push(row);
      room -= length;
    } else {
      parts.push([row]);
      room = mostTokens - length;
    }
  }
  return parts;
}

const sumOf = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0);

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

/** The optimizer steps of one epoch: each a list of row indices, micro batch after micro batch. The last one may be short. */
export function planEpoch({ rows, batchSize, gradientAccumulation, seed, epoch }: PlanEpochParameters): number[][] {
  const order = randomPermutation(rows, seed + epoch);
  const size = batchSize * gradientAccumulation;
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => order.slice(i * size, (i + 1) * size));
}
