import type { Qwen2Config } from '../../model/config.ts';
import { type WeightShape, weightShapes } from '../../model/weights.ts';
import { outOf, type StackShape, stackShapes } from './linear-stack.ts';

/** A base weight as the graph holds it. */
interface BaseWeight {
  name: string;
  shape: WeightShape;
  /** Names in the model's files of what lies in it, one below the other. */
  sources: string[];
}

/** All of them: those of the model's files, with the linear layers of a stack as one. */
export function baseWeights(config: Qwen2Config): BaseWeight[] {
  const rest = weightShapes(config);
  const stacked = stackShapes(config).flatMap((stack): BaseWeight[] => {
    const sourcesOf = (kind: string) => stack.parts.map(({ path }) => `${path}.${kind}`);
    const [weights, biases] = [sourcesOf('weight'), sourcesOf('bias').filter((name) => rest.has(name))];
    for (const name of [...weights, ...biases]) rest.delete(name);
    const weight: BaseWeight = { name: weightOf(stack), shape: [outOf(stack), stack.in_], sources: weights };
    return biases.length === 0 ? [weight] : [weight, { name: biasOf(stack), shape: [outOf(stack)], sources: biases }];
  });
  return [...[...rest].map(([name, shape]): BaseWeight => ({ name, shape, sources: [name] })), ...stacked];
}

export const weightOf = ({ path }: Pick<StackShape, 'path'>) => `${path}.weight`;
export const biasOf = ({ path }: Pick<StackShape, 'path'>) => `${path}.bias`;
