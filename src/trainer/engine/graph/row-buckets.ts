import { required } from '../../../shared/required.ts';
import type { TokenBatch } from '../../tokens/batches.ts';

/** Of the smallest bucket. */
const SMALLEST = 16;

/** Tokens of the bucket for a row: a power of two, or three quarters of one, never half longer than a row of 16 or more. */
export function bucketOf(length: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(length, SMALLEST)));
  return length <= 0.75 * power ? Math.max(0.75 * power, SMALLEST) : power;
}

/** A row as long as its bucket, with as many targets as tokens. */
export interface BucketedRow extends TokenBatch {
  /** `[targets]`: 1 for those of the row, 0 for those that fill the bucket. */
  targetWeights: Float32Array;
}

/**
 * Fills up the bucket of a single row, so that all sizes of a call follow from the bucket alone. What is added has no loss, and
 * attention, which is causal, does not see it.
 */
export function fillBucket({ lengths, inputIds, targetPositions, targetIds }: TokenBatch): BucketedRow {
  if (lengths.length !== 1) throw new RangeError(`a bucket holds one row, not ${lengths.length}`);
  const tokens = bucketOf(required(lengths[0], 'row'));
  const filled = (values: Int32Array) => {
    const all = new Int32Array(tokens);
    all.set(values);
    return all;
  };
  return {
    lengths: [tokens],
    inputIds: filled(inputIds),
    targetPositions: filled(targetPositions),
    targetIds: filled(targetIds),
    targetWeights: new Float32Array(tokens).fill(1, 0, targetIds.length),
  };
}
