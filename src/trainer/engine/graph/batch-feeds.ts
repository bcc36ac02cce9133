import type { Qwen2Config } from '../../model/config.ts';
import type { PaddedRows } from '../../tokens/batches.ts';
import { rotaryTables } from '../rotary.ts';
import { chunkRowsOf } from './loss-head.ts';
import { type Feed, integer, integers } from './session.ts';

/** What the graph is fed of a batch, in training as in evaluation. */
export function batchFeeds(config: Qwen2Config, batch: PaddedRows): Record<string, Feed> {
  const { rows, length, inputIds, targetPositions, targetIds } = batch;
  const { cos, sin } = rotaryTables(length, config.headDim, config.ropeTheta);
  // The rotation subtracts the second half from the first: the sign is put into the table.
  const signedSin = sin.map((value, i) => (i % config.headDim < config.headDim / 2 ? -value : value));
  const shape = [1, 1, length, config.headDim];
  return {
    input_ids: integers(inputIds),
    rows: integer(rows),
    length: integer(length),
    target_positions: integers(targetPositions),
    target_ids: integers(targetIds),
    targets: integer(targetIds.length),
    chunk_rows: integer(chunkRowsOf(targetIds.length)),
    cos: { dtype: 'float32', shape, data: cos },
    sin: { dtype: 'float32', shape, data: signedSin },
  };
}
