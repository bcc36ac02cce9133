import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { VECTORS } from './attention-tiles.ts';
import type { DType, Value } from './graph.ts';
import type { Ops } from './ops.ts';

// Shapes: N tokens of all rows, one row after the other; D head dimension, G query heads of a key/value head; t queries and
// s keys of a tile. Nothing has the size of a row squared: a loop goes from tile to tile (attention-tiles.ts).

export interface AttentionContext {
  ops: Ops;
  config: Qwen2Config;
  matmul: DType;
  rotation: Rotation;
  tiles: Tiles;
}

/** [1, N, D] float32. Both hold the root of the scale of the scores; the first half of `sin` is negative. */
export interface Rotation {
  cos: Value;
  sin: Value;
}

/** As {@link AttentionTiles}. */
export interface Tiles {
  /** Scalars int32. */
  count: Value;
  lastKeys: Value;
  vectors: Value;
  paddings: Value;
  /** [1, mostQueries, mostKeys + mostQueries] float32: 0 where a token may look, -1e9 where it may not. */
  mask: Value;
}

/** What the backward pass needs of a forward pass. */
export interface AttentionPass {
  /** [heads, N, D], rotated. */
  q: Value;
  /** [kvHeads, N, D], rotated. */
  k: Value;
  v: Value;
  /** [N, heads * D] */
  y: Value;
}

/**
 * Causal attention of each row, from the projections q, k and v side by side: [N, (heads + 2 kvHeads) * D]. Where what it
 * gives is known already, it comes as `known`.
 */
export function attentionForward(context: AttentionContext, projected: Value, known?: Value): AttentionPass {
  const { ops, config } = context;
  const { heads, kvHeads, headDim } = config;
  const perHead = ops.transpose(ops.reshape(projected, [-1, heads + 2 * kvHeads, headDim]), [1, 0, 2]);
  const [turning, v] = ops.splitInto(perHead, [heads + kvHeads, kvHeads], 0) as [Value, Value];
  const [q, k] = ops.splitInto(rotate(context, turning), [heads, kvHeads], 0) as [Value, Value];
  return { q, k, v, y: known ?? attend(context, { q, k, v }) };
}

/** [N, heads * D]: of each tile in turn. */
function attend(context: AttentionContext, { q, k, v }: Omit<AttentionPass, 'y'>): Value {
  const { ops, config, matmul } = context;
  const { heads, headDim } = config;

  const { graph } = ops;
  const { count } = context.tiles;
  const [, pieces] = graph.loop<[Value, Value]>(
    [graph.constant('int32', [0]), ops.list(matmul, count)],
    ([at]) => ops.compare('Less', ops.reshape(at, []), count),
    ([at, list]) => {
      const next = ops.add(at, graph.constant('int32', [1]));
      const tile = tileAt(context, at, next);
      const shares = ops.cast(sharesOf(context, tile, queriesOf(context, tile, q), keysOf(context, tile, k)), matmul);
      const attended = ops.reshape(ops.batchMatMul(shares, keysOf(context, tile, v)), [heads, -1, headDim]);
      return [next, ops.setItem(list, ops.reshape(at, []), ops.transpose(attended, [1, 0, 2]))];
    },
  );
  return ops.reshape(ops.concatList(pieces, matmul, [-1, heads, headDim]), [-1, heads * headDim]);
}

/** Gradient of the projections [N, (heads + 2 kvHeads) * D], in float32, from dy [N, heads * D]. */
export function attentionBackward(context: AttentionContext, { q, k, v, y }: AttentionPass, dy: Value): Value {
  const { ops, config, matmul } = context;
  const { graph } = ops;
  const { heads, kvHeads, headDim } = config;
  const perToken = (x: Value) => ops.reshape(x, [-1, heads, headDim]);
  const dOut = ops.transpose(perToken(dy), [1, 0, 2]);
  // The mean of the shares' gradients, weighted with the shares, is that of the outputs: [heads, N, 1].
  const weighted = ops.multiply(ops.cast(perToken(dy), 'float32'), ops.cast(perToken(y), 'float32'));
  const mean = ops.transpose(ops.reduceLast('Sum', weighted), [1, 0, 2]);

  // Tile by tile from the last one on: when all later queries of a row have been there, the gradients of its keys are whole.
  const { count, lastKeys } = context.tiles;
  const one = graph.constant('int32', [1]);
  const [, pieces] = graph.loop<[Value, Value, Value]>(
    [
      ops.subtract(ops.reshape(count, [1]), one),
      ops.list('float32', count),
      ops.zeros([2 * kvHeads, lastKeys, headDim]),
    ],
    ([at]) => ops.compare('GreaterEqual', ops.reshape(at, []), graph.constant('int32', 0)),
    ([at, list, ofLaterQueries]) => {
      const tile = tileAt(context, at, ops.add(at, one));
      const [queries, keys, values] = [queriesOf(context, tile, q), keysOf(context, tile, k), keysOf(context, tile, v)];
      const dTile = queriesOf(context, tile, dOut);
      const shares = sharesOf(context, tile, queries, keys);
      const dValues = ops.batchMatMul(ops.cast(shares, matmul), dTile, { transposeA: true });
      const dShares = ops.cast(ops.batchMatMul(dTile, values, { transposeB: true }), 'float32');
      const exact = ops.multiply(shares, ops.subtract(dShares, queriesOf(context, tile, mean, 1)));
      const dScores = ops.cast(exact, matmul);
      const dQueries = ops.reshape(ops.batchMatMul(dScores, keys), [heads, -1, headDim]);
      const dKeys = ops.batchMatMul(dScores, queries, { transposeA: true });

      const dRow = ops.add(ofLaterQueries, ops.cast(ops.concat([dKeys, dValues], 0), 'float32'));
      const whole = ops.slice(dRow, tile.ownKeysBegin, TO_THE_END);
      const dProjected = ops.concat([ops.cast(dQueries, 'float32'), whole], 0);
      const earlier = ops.slice(dRow, FROM_THE_BEGINNING, tile.earlierKeysSize);
      return [
        ops.subtract(at, one),
        ops.setItem(list, ops.reshape(at, []), ops.transpose(dProjected, [1, 0, 2])),
        ops.pad(earlier, tile.paddings),
      ];
    },
  );
  const gradients = ops.concatList(pieces, 'float32', [-1, heads + 2 * kvHeads, headDim]);
  const [dTurned, dv] = ops.splitInto(gradients, [heads + kvHeads, kvHeads], 1) as [Value, Value];
  const projected = ops.concat([rotateBack(context, dTurned), dv], 1);
  return ops.reshape(projected, [-1, (heads + 2 * kvHeads) * headDim]);
}

const FROM_THE_BEGINNING = [0, 0, 0];
const TO_THE_END = [-1, -1, -1];

type Tile = Record<(typeof VECTORS)[number] | 'paddings', Value>;

function tileAt({ ops, tiles }: AttentionContext, at: Value, next: Value): Tile {
  const vectors = ops.unpack(ops.pick(tiles.vectors, at, next), VECTORS.length);
  const named = VECTORS.map((name, i) => [name, requiredItem(vectors, i)]);
  return { ...Object.fromEntries(named), paddings: ops.pick(tiles.paddings, at, next) };
}

/** [kvHeads, G * t, any] of [heads, N, any]: query heads of one key/value head are neighbours, their rows are stacked. */
function queriesOf({ ops, config }: AttentionContext, tile: Tile, x: Value, last = config.headDim): Value {
  return ops.reshape(ops.slice(x, tile.queriesBegin, tile.queriesSize), [config.kvHeads, -1, last]);
}

/** [kvHeads, s, D] of [kvHeads, N, D]. */
function keysOf({ ops }: AttentionContext, tile: Tile, x: Value): Value {
  return ops.slice(x, tile.keysBegin, tile.keysSize);
}

/**
 * [kvHeads, G * t, s] float32: how much of each value a token takes. The largest tensor of a layer, so the backward pass
 * computes it again.
 */
function sharesOf({ ops, tiles }: AttentionContext, tile: Tile, queries: Value, keys: Value): Value {
  const scores = ops.cast(ops.batchMatMul(queries, keys, { transposeB: true }), 'float32');
  const mask = ops.slice(tiles.mask, tile.maskBegin, tile.maskSize);
  return ops.reshapeTo(ops.softmax(ops.add(ops.reshapeTo(scores, tile.scores), mask)), tile.stackedScores);
}

/** Rotary position embedding in the rotate-half layout, of [any, N, D]. */
function rotate({ ops, matmul, rotation: { cos, sin } }: AttentionContext, x: Value): Value {
  const exact = ops.cast(x, 'float32');
  return ops.cast(ops.add(ops.multiply(exact, cos), ops.multiply(ops.swapHalves(exact, 3), sin)), matmul);
}

/** Of [N, any, D]. */
function rotateBack({ ops, config, rotation }: AttentionContext, dy: Value): Value {
  const [cos, sin] = [rotation.cos, rotation.sin].map((table) => ops.reshape(table, [-1, 1, config.headDim])) as [
    Value,
    Value,
  ];
  return ops.add(ops.multiply(dy, cos), ops.swapHalves(ops.multiply(dy, sin), 3));
}
