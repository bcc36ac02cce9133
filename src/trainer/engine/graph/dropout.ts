import { requiredItem } from '../../../shared/required.ts';
import type { KeptInputs } from './decoder-layer.ts';
import type { Value } from './graph.ts';
import type { StackShape } from './linear-stack.ts';
import type { Ops } from './ops.ts';

/** Name under which the kept inputs of a stack may be fed instead of being drawn, each time it is computed. */
export const keptOf = (path: string, time: 'first' | 'again') => `kept/${time}/${path}`;
/** Random numbers for each value of the generator's counter. */
const NUMBERS_A_COUNT = 4;

/**
 * The masks of a layer's stacks, from 16 random bits an input, drawn at once: the same for the same fed seed, on every
 * machine and however often they are drawn. `first_position` is the place of the first token among all of a step, whose masks
 * are then the same whether they are computed at once or in parts (inputs of a layer in multiples of 8). Fed masks take
 * their place.
 */
export function drawnDropout(ops: Ops, layers: StackShape[][], tokens: Value): (layer: number) => KeptInputs {
  const { graph } = ops;
  const seed = graph.placeholder('seed', 'int32', []);
  const firstPosition = graph.placeholder('first_position', 'int32', []);
  const droppedBelow = ops.cast(graph.placeholder('dropped_below', 'int32', []), 'uint16');
  const zero = graph.constant('int32', 0);
  const seen = new Set<number>();
  return (layer) => {
    const time = seen.has(layer) ? 'again' : 'first';
    seen.add(layer);
    const stacks = requiredItem(layers, layer);
    const widths = stacks.map(({ parts, in_ }) => parts.length * in_);
    const numbers = widths.reduce((sum, width) => sum + width, 0) / 2;
    const count = ops.multiply(firstPosition, graph.constant('int32', Math.floor(numbers / NUMBERS_A_COUNT)));
    const random = ops.randomNumbers(ops.pack([tokens, graph.constant('int32', numbers)]), {
      key: [seed, graph.constant('int32', layer)],
      counter: [count, zero, zero, zero],
    });
    const bits = ops.reshape(ops.bitcast(random, 'uint16'), [-1, 2 * numbers]);
    const all = ops.compare('GreaterEqual', bits, droppedBelow);
    let begin = 0;
    const kept = stacks.map(({ name, path }, i) => {
      const width = requiredItem(widths, i);
      // GPUs have no Split of bools.
      const drawn = ops.slice(all, [0, begin], [-1, width]);
      begin += width;
      const mask = graph.node({
        op: 'PlaceholderWithDefault',
        inputs: [drawn],
        attributes: { dtype: { type: 'bool' }, shape: { shape: [-1, width] } },
        dtype: 'bool',
        name: keptOf(path, time),
      });
      return [name, mask];
    });
    return Object.fromEntries(kept);
  };
}
