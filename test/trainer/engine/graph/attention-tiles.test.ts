import fc from 'fast-check';
import { expect, it } from 'vitest';
import { attentionTiles, TILE_QUERIES, VECTORS } from '../../../../src/trainer/engine/graph/attention-tiles.ts';
import { SHAPES } from '../../../bench/shapes.ts';

const config = SHAPES.tiny!;

/** Of each tile its vectors by name, and what its earlier keys are padded with. */
function tilesOf(lengths: number[]) {
  const { count, vectors, paddings } = attentionTiles(lengths, config);
  expect(vectors).toHaveLength(count * VECTORS.length * 3);
  return Array.from({ length: count }, (_, tile) => {
    const vector = (name: (typeof VECTORS)[number]) => {
      const at = (tile * VECTORS.length + VECTORS.indexOf(name)) * 3;
      return [...vectors.subarray(at, at + 3)] as [number, number, number];
    };
    return { vector, padding: paddings[tile * 6 + 2]! };
  });
}

it('every token is a query once, in order, with the keys of its row up to its tile and no others', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 * TILE_QUERIES }), { minLength: 1, maxLength: 8 }), (lengths) => {
      fc.pre(lengths.some((length) => length > 0));
      const starts = lengths.map((_, row) => lengths.slice(0, row).reduce((sum, length) => sum + length, 0));
      let next = 0;
      for (const { vector } of tilesOf(lengths)) {
        const [, begin] = vector('queriesBegin');
        const [, queries] = vector('queriesSize');
        const [, keysBegin] = vector('keysBegin');
        const [, keys] = vector('keysSize');
        expect(begin).toBe(next);
        next += queries;
        expect(queries).toBeLessThanOrEqual(TILE_QUERIES);
        expect(keysBegin).toBe(starts.findLast((start, row) => start <= begin && lengths[row]! > 0));
        expect(keysBegin + keys).toBe(begin + queries);
        expect(vector('scores')).toEqual([config.heads, queries, keys]);
        expect(vector('maskSize')).toEqual([1, queries, keys]);
      }
      expect(next).toBe(lengths.reduce((sum, length) => sum + length, 0));
    }),
  );
});

it('from behind, the gradients of earlier keys have the size that the next tile expects', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 * TILE_QUERIES }), { minLength: 1, maxLength: 8 }), (lengths) => {
      fc.pre(lengths.some((length) => length > 0));
      let size = attentionTiles(lengths, config).lastKeys;
      for (const { vector, padding } of tilesOf(lengths).toReversed()) {
        expect(vector('keysSize')[1]).toBe(size);
        expect(vector('ownKeysBegin')[1]).toBe(vector('earlierKeysSize')[1]);
        size = vector('earlierKeysSize')[1] + padding;
      }
      expect(size).toBe(0);
    }),
  );
});
