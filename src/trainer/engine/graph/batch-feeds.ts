import type { Qwen2Config } from '../../model/config.ts';
import type { TokenBatch } from '../../tokens/batches.ts';
import { rotaryTables } from '../rotary.ts';
import { attentionTiles, VECTORS } from './attention-tiles.ts';
import type { LoraGraphParameters } from './lora-graph.ts';
import { CHUNK_ROWS } from './loss-head.ts';
import { fillBucket } from './row-buckets.ts';
import { type Feed, integer, integers } from './session.ts';

/** What the graph is fed of batches, in training as in evaluation. */
export class BatchFeeds {
  readonly #config: Qwen2Config;
  readonly #buckets: boolean;
  /** Tables for rows up to the longest one so far, or, with buckets, as long as the last one. */
  #rotation = { places: 0, feeds: {} as Record<'cos' | 'sin', Feed> };

  constructor({ config, buckets = false }: Pick<LoraGraphParameters, 'config' | 'buckets'>) {
    this.#config = config;
    this.#buckets = buckets;
  }

  /** With buckets, of a single row. */
  of(batch: TokenBatch): Record<string, Feed> {
    if (!this.#buckets) return this.#of(batch);
    const row = fillBucket(batch);
    const shape = [row.targetIds.length, 1];
    return { ...this.#of(row), target_weights: { dtype: 'float32', shape, data: row.targetWeights } };
  }

  #of({ lengths, inputIds, targetPositions, targetIds }: TokenBatch): Record<string, Feed> {
    const { count, vectors, paddings, mostQueries, mostKeys, lastKeys } = attentionTiles(lengths, this.#config);
    return {
      ...this.#rotationOf(mostKeys),
      input_ids: integers(inputIds),
      places: integers(Int32Array.from(lengths.flatMap((length) => Array.from({ length }, (_, place) => place)))),
      tokens: integer(inputIds.length),
      target_positions: integers(targetPositions),
      target_ids: integers(targetIds),
      targets: integer(targetIds.length),
      chunks: integer(Math.ceil(targetIds.length / CHUNK_ROWS)),
      tiles: integer(count),
      tile_vectors: { dtype: 'int32', shape: [count, VECTORS.length, 3], data: vectors },
      tile_paddings: { dtype: 'int32', shape: [count, 3, 2], data: paddings },
      most_queries: integer(mostQueries),
      most_keys: integer(mostKeys),
      last_keys: integer(lastKeys),
    };
  }

  #rotationOf(places: number): Record<'cos' | 'sin', Feed> {
    const fits = this.#buckets ? places === this.#rotation.places : places <= this.#rotation.places;
    if (!fits) this.#rotation = { places, feeds: rotationFeeds(this.#config, places) };
    return this.#rotation.feeds;
  }
}

/** Queries and keys are both turned, and so each gets the root of the scale of their products, 1 / sqrt(headDim). */
function rotationFeeds({ headDim, ropeTheta }: Qwen2Config, places: number): Record<'cos' | 'sin', Feed> {
  const { cos, sin } = rotaryTables(places, headDim, ropeTheta, headDim ** -0.25);
  // The rotation subtracts the second half from the first: the sign is put into the table.
  const signedSin = sin.map((value, i) => (i % headDim < headDim / 2 ? -value : value));
  const shape = [places, headDim];
  return { cos: { dtype: 'float32', shape, data: cos }, sin: { dtype: 'float32', shape, data: signedSin } };
}
