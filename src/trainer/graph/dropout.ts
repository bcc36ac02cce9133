import type { Value } from './graph.ts';
import type { LoraLinear } from './lora-linear.ts';
import type { Ops } from './ops.ts';

/** Name under which the kept inputs of a linear layer may be fed instead of being drawn, each time it is computed. */
export const keptOf = (path: string, time: 'first' | 'again') => `kept/${time}/${path}`;
/**
 * A mask for each linear layer, from 16 random bits an input: the same for the same fed seed, on every machine and however
 * often it is drawn. A fed mask takes its place.
 */
export function drawnDropout(
  ops: Ops,
  linears: Pick<LoraLinear, 'path' | 'in_'>[],
  positions: Value,
): (linear: Pick<LoraLinear, 'path' | 'in_'>) => Value {
  const { graph } = ops;
  const seed = graph.placeholder('seed', 'int32', []);
  const droppedBelow = ops.cast(graph.placeholder('dropped_below', 'int32', []), 'uint16');
  const seen = new Set<unknown>();
  return (linear) => {
    const name = keptOf(linear.path, seen.has(linear) ? 'again' : 'first');
    seen.add(linear);
    const shape = ops.pack([positions, graph.constant('int32', linear.in_ / 2)]);
    const random = graph.node({
      op: 'StatelessRandomUniformFullInt',
      inputs: [shape, ops.pack([seed, graph.constant('int32', linears.indexOf(linear))])],
      attributes: { dtype: { type: 'uint32' }, T: { type: 'int32' }, Tseed: { type: 'int32' } },
      dtype: 'uint32',
    });
    const bits = ops.reshape(ops.bitcast(random, 'uint16'), [positions, linear.in_]);
    return graph.node({
      op: 'PlaceholderWithDefault',
      inputs: [ops.compare('GreaterEqual', bits, droppedBelow)],
      attributes: { dtype: { type: 'bool' }, shape: { shape: [-1, linear.in_] } },
      dtype: 'bool',
      name,
    });
  };
}
