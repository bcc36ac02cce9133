import type { Tf } from '../tensorflow.ts';

/** What is used of tfjs-node's native addon. */
export interface Binding {
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  executeOp(
    op: string,
    attributes: { name: string; type: number; value: unknown }[],
    inputs: number[],
    outputs: number,
  ): { id: number }[];
  createTensor(shape: number[], dtype: number, data: Float32Array | Int32Array | Uint8Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): { id: number }[];
}

/** Whether TensorFlow.js runs on the native addon, which alone can run graphs. */
export function canRunGraphs(tf: Tf): boolean {
  return bindingOf(tf) !== undefined;
}

/** The native addon, where TensorFlow.js runs on it. */
export function bindingOf(tf: Tf): Binding | undefined {
  return (tf.backend() as unknown as { binding?: Binding }).binding;
}
