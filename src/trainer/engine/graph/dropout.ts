import type { Value } from './graph.ts';
import type { LoraLinear } from './lora-linear.ts';
import type { Ops } from './ops.ts';

/** Name under which the kept inputs of a linear layer may be fed instead of being drawn, each time it is computed. */
export const keptOf = (path: string, time: 'first' | 'again') => `kept/${time}/${path}`;
/** Random numbers for each value of the generator's counter. */
const NUMBERS_A_COUNT = 4;

/**
 * A mask for each linear layer, from 16 random bits an input: the same for the same fed seed, on every machine and however
 * often it is drawn. `first_position` is the place of the first position in a larger batch, whose masks are then the same
 * whether it is computed at once or in parts (inputs in multiples of 8). A fed mask takes its place.
 */
export function drawnDropout(
  ops: Ops,
  linears: Pick<LoraLinear, 'path' | 'in_'>[],
  positions: Value,
): (linear: Pick<LoraLinear, 'path' | 'in_'>) => Value {
  const { graph } = ops;
  const seed = graph.placeholder('seed', 'int32', []);
  const firstPosition = graph.placeholder('first_position', 'int32', []);
  const droppedBelow = ops.cast(graph.placeholder('dropped_below', 'int32', []), 'uint16');
  const zero = graph.constant('int32', 0);
  const seen = new Set<unknown>();
  return (linear) => {
    const name = keptOf(linear.path, seen.has(linear) ? 'again' : 'first');
    seen.add(linear);
    const numbers = linear.in_ / 2;
    const count = ops.multiply(firstPosition, graph.constant('int32', Math.floor(numbers / NUMBERS_A_COUNT)));
    const random = ops.randomNumbers(ops.pack([positions, graph.constant('int32', numbers)]), {
      key: [seed, graph.constant('int32', linears.indexOf(linear))],
      counter: [count, zero, zero, zero],
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
