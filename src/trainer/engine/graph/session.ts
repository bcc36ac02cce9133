import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onDisk } from '../../../shared/on-disk.ts';
import { required } from '../../../shared/required.ts';
import type { Tf } from '../tensorflow.ts';
import { type Binding, bindingOf } from './binding.ts';
import { DTYPES, type Graph, SERVE } from './graph.ts';
import { makeGraphFolder } from './graph-folder.ts';
import { MappedFile } from './mapped-file.ts';

/** Values for a placeholder. */
export type Feed =
  | { dtype: 'float32'; shape: number[]; data: Float32Array }
  | { dtype: 'int32'; shape: number[]; data: Int32Array }
  | { dtype: 'bool'; shape: number[]; data: Uint8Array };

/** A matrix of bfloat16 that begins at `offset` bytes of a file. */
export interface MappedFeed {
  shape: [rows: number, columns: number];
  offset: number;
}

/** A scalar. */
export const float = (value: number): Feed => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) });
export const integer = (value: number): Feed => ({ dtype: 'int32', shape: [], data: Int32Array.of(value) });
/** A vector. */
export const integers = (values: Int32Array): Feed => ({ dtype: 'int32', shape: [values.length], data: values });

/** A graph that runs, with the values of its variables. */
export class GraphSession {
  readonly #binding: Binding;
  readonly #id: number;

  private constructor(binding: Binding, id: number) {
    this.#binding = binding;
    this.#id = id;
  }

  static async open(tf: Tf, graph: Graph): Promise<GraphSession> {
    const binding = bindingOf(tf);
    if (!binding) throw new RangeError('graphs need the native addon of tfjs-node');
    const what = `TensorFlow's graph cannot be written in ${tmpdir()}`;
    const fix = 'make room there, or set TMPDIR to a folder that can be written';
    const where = { path: tmpdir(), what, fix };
    const folder = await onDisk(where, makeGraphFolder);
    try {
      await onDisk(where, () => writeFile(join(folder, 'saved_model.pb'), graph.savedModel()));
      return new GraphSession(binding, binding.loadSavedModel(folder, SERVE));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /**
   * Runs what the fetches need, once, and gives their values. The first run with a new set of feeds and fetches takes
   * longer: TensorFlow prepares the part of the graph that it needs.
   */
  run(feeds: Record<string, Feed>, fetches: string[]): Float32Array[] {
    const uploaded = new Map<string, number>();
    try {
      for (const [name, feed] of Object.entries(feeds)) uploaded.set(name, this.#upload(feed));
      return this.#run(uploaded, fetches);
    } finally {
      for (const id of uploaded.values()) this.#binding.deleteTensor(id);
    }
  }

  /**
   * The same with feeds that are made one after the other, so that never two of them are in JavaScript's memory. Those with
   * an offset are in the file `mapped`.
   */
  async runStreamed(
    feeds: AsyncIterable<[name: string, feed: Feed | MappedFeed]>,
    fetches: string[],
    mapped?: { path: string; bytes: number },
  ): Promise<void> {
    const file = mapped && new MappedFile(this.#binding, mapped.path, mapped.bytes);
    const uploaded = new Map<string, number>();
    try {
      for await (const [name, feed] of feeds)
        uploaded.set(
          name,
          'offset' in feed
            ? required(file, 'the file of mapped weights').matrix(feed.offset, feed.shape)
            : this.#upload(feed),
        );
      this.#run(uploaded, fetches);
    } finally {
      for (const id of uploaded.values()) this.#binding.deleteTensor(id);
      file?.close();
    }
  }

  #run(uploaded: Map<string, number>, fetches: string[]): Float32Array[] {
    const inputNames = [...uploaded.keys()].map((name) => `${name}:0`).join(',');
    const outputNames = fetches.map((name) => `${name}:0`).join(',');
    const outputs = this.#binding.runSavedModel(this.#id, [...uploaded.values()], inputNames, outputNames);
    try {
      return outputs.map(({ id }) => this.#binding.tensorDataSync(id).slice());
    } finally {
      for (const { id } of outputs) this.#binding.deleteTensor(id);
    }
  }

  close(): void {
    this.#binding.deleteSavedModel(this.#id);
  }

  /**
   * The addon keeps an array that lies at a multiple of 64 bytes as it is, and copies any other. It must copy: variables
   * would share memory with JavaScript. Four bytes past the start of a buffer is never such a place.
   */
  #upload({ dtype, shape, data }: Feed): number {
    const copy = new Uint8Array(new ArrayBuffer(data.byteLength + 4), 4);
    copy.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const values =
      dtype === 'float32'
        ? new Float32Array(copy.buffer, 4)
        : dtype === 'int32'
          ? new Int32Array(copy.buffer, 4)
          : copy;
    return this.#binding.createTensor(shape, DTYPES[dtype], values);
  }
}
