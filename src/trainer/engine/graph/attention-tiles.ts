import type { Qwen2Config } from '../../model/config.ts';

/** How the attention of packed rows is cut: each tile some queries of one row, with the keys up to the last of them. */
export interface AttentionTiles {
  count: number;
  /** [count, VECTORS.length, 3] int32: boxes of tensors [heads, tokens, features], and shapes. */
  vectors: Int32Array;
  /**
   * [count, 3, 2] int32: what the gradients of the keys before a tile are padded with. That is nothing, or, where a row
   * begins, the keys of the row before it, which comes next: gradients are computed from behind.
   */
  paddings: Int32Array;
  /** Queries of a tile, and keys, at most. */
  mostQueries: number;
  mostKeys: number;
  /** Keys of the last tile. */
  lastKeys: number;
}

/** What the vectors of a tile are: begin and size of boxes, -1 for all that is left, and shapes. */
export const VECTORS = [
  'queriesBegin',
  'queriesSize',
  'keysBegin',
  'keysSize',
  /** Of its mask in that of all tiles. */
  'maskBegin',
  'maskSize',
  /** Of its own keys among those of its row so far. */
  'ownKeysBegin',
  /** Keys of its row before it. */
  'earlierKeysSize',
  /** [heads, queries, keys], and with the heads of one key/value head stacked. */
  'scores',
  'stackedScores',
] as const;

/** Queries of a tile: few enough that little of the future is computed, enough to keep the matrix products busy. */
export const TILE_QUERIES = 256;

/** Tiles of rows of these lengths, which lie one after the other. */
export function attentionTiles(lengths: number[], { heads, kvHeads }: Qwen2Config): AttentionTiles {
  const mostKeys = Math.max(...lengths);
  const vectors: number[] = [];
  const paddings: number[] = [];
  let row = 0;
  let lastKeys = 0;
  for (const length of lengths) {
    for (let begin = 0; begin < length; begin += TILE_QUERIES) {
      const queries = Math.min(TILE_QUERIES, length - begin);
      const keys = begin + queries;
      vectors.push(...[0, row + begin, 0], ...[-1, queries, -1]);
      vectors.push(...[0, row, 0], ...[-1, keys, -1]);
      vectors.push(...[0, 0, mostKeys - begin], ...[1, queries, keys]);
      vectors.push(...[0, begin, 0], ...[-1, begin, -1]);
      vectors.push(...[heads, queries, keys], ...[kvHeads, -1, keys]);
      paddings.push(...[0, 0], ...[begin === 0 ? lastKeys : 0, 0], ...[0, 0]);
    }
    row += length;
    lastKeys = length || lastKeys;
  }
  return {
    count: paddings.length / 6,
    vectors: Int32Array.from(vectors),
    paddings: Int32Array.from(paddings),
    mostQueries: Math.min(TILE_QUERIES, mostKeys),
    mostKeys,
    lastKeys,
  };
}
