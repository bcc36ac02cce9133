import { requiredEntry, requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import { adapterTensorName } from '../../model/lora-adapter.ts';
import type { NamedTensor } from '../../model/weights.ts';
import { joined } from './joined.ts';
import { matrixOf, stackShapes } from './linear-stack.ts';

/** A matrix of the graph: the As, or the Bs, of a stack, one below the other. */
interface StackedMatrix {
  name: string;
  width: (rank: number) => number;
  /** Names in an adapter, and rows of each. */
  parts: { name: string; rows: (rank: number) => number }[];
}

function stackedMatrices(config: Qwen2Config): StackedMatrix[] {
  return stackShapes(config).flatMap((stack) => [
    {
      name: matrixOf(stack, 'A'),
      width: () => stack.in_,
      parts: stack.parts.map(({ path }) => ({ name: adapterTensorName(path, 'A'), rows: (rank) => rank })),
    },
    {
      name: matrixOf(stack, 'B'),
      width: (rank) => rank,
      parts: stack.parts.map(({ path, out }) => ({ name: adapterTensorName(path, 'B'), rows: () => out })),
    },
  ]);
}

/** The matrices of an adapter, or what is kept beside them, as the graph holds them. */
export function stackMatrices(
  config: Qwen2Config,
  tensors: Map<string, NamedTensor>,
): (NamedTensor & { name: string })[] {
  return stackedMatrices(config).map(({ name, parts }) => {
    const matrices = parts.map((part) => requiredEntry(tensors, part.name));
    const rows = matrices.reduce((sum, { shape }) => sum + requiredItem(shape, 0), 0);
    const data = joined(
      matrices.map((matrix) => matrix.data),
      (length) => new Float32Array(length),
    );
    return { name, shape: [rows, requiredItem(requiredItem(matrices, 0).shape, 1)], data };
  });
}

/** The same back again. `read` gives the matrices of these names. */
export function unstackMatrices(
  config: Qwen2Config,
  rank: number,
  read: (names: string[]) => Float32Array[],
): Map<string, NamedTensor> {
  const stacked = stackedMatrices(config);
  const values = read(stacked.map(({ name }) => name));
  const tensors = new Map<string, NamedTensor>();
  stacked.forEach(({ width, parts }, i) => {
    let begin = 0;
    for (const { name, rows } of parts) {
      const shape = [rows(rank), width(rank)];
      const end = begin + rows(rank) * width(rank);
      tensors.set(name, { shape, data: requiredItem(values, i).slice(begin, end) });
      begin = end;
    }
  });
  return tensors;
}
