import { requiredItem } from '../../../shared/required.ts';
import { ALIGNMENT } from './aligned-weights.ts';
import type { Binding } from './binding.ts';
import { DTYPES } from './graph.ts';

/** bfloat16 values in a unit of alignment. */
const ROW = ALIGNMENT / 2;

/**
 * A file as a tensor, which the system reads when it is looked at; it must stay as it is. Made outside of a graph: a session
 * copies what it assigns of a graph's own constants, and shares what is fed.
 */
export class MappedFile {
  readonly #binding: Binding;
  readonly #id: number;

  /** `bytes`: the file's size, a multiple of {@link ALIGNMENT}. */
  constructor(binding: Binding, path: string, bytes: number) {
    this.#binding = binding;
    this.#id = this.#run(
      'ImmutableConst',
      [],
      [
        { name: 'dtype', type: binding.TF_ATTR_TYPE, value: DTYPES.bfloat16 },
        { name: 'shape', type: binding.TF_ATTR_SHAPE, value: [bytes / ALIGNMENT, ROW] },
        { name: 'memory_region_name', type: binding.TF_ATTR_STRING, value: path },
      ],
    );
  }

  /** A matrix of bfloat16 that begins at `offset` bytes. Whole rows of the file are sliced without a copy. */
  matrix(offset: number, shape: [rows: number, columns: number]): number {
    const size = (shape[0] * shape[1]) / ROW;
    if (!Number.isInteger(size)) throw new RangeError(`[${shape}] is not a multiple of ${ALIGNMENT} bytes`);
    const { TF_ATTR_TYPE: type } = this.#binding;
    const [begin, rows, target] = [[offset / ALIGNMENT, 0], [size, ROW], shape].map((values) =>
      this.#binding.createTensor([2], DTYPES.int32, Int32Array.from(values)),
    ) as [number, number, number];
    const slice = this.#run(
      'Slice',
      [this.#id, begin, rows],
      [
        { name: 'T', type, value: DTYPES.bfloat16 },
        { name: 'Index', type, value: DTYPES.int32 },
      ],
    );
    try {
      return this.#run(
        'Reshape',
        [slice, target],
        [
          { name: 'T', type, value: DTYPES.bfloat16 },
          { name: 'Tshape', type, value: DTYPES.int32 },
        ],
      );
    } finally {
      for (const id of [begin, rows, target, slice]) this.#binding.deleteTensor(id);
    }
  }

  close(): void {
    this.#binding.deleteTensor(this.#id);
  }

  #run(op: string, inputs: number[], attributes: { name: string; type: number; value: unknown }[]): number {
    return requiredItem(this.#binding.executeOp(op, attributes, inputs, 1), 0).id;
  }
}
