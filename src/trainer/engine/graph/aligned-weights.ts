import { createHash } from 'node:crypto';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../../shared/incomplete-file.ts';
import { onDisk } from '../../../shared/on-disk.ts';
import { requiredItem } from '../../../shared/required.ts';
import type { Qwen2Config } from '../../model/config.ts';
import type { KnownHashes } from '../../model/known-hashes.ts';
import type { ModelWeights } from '../../model/model-files.ts';
import { weightShapes } from '../../model/weights.ts';

/** The matrices of a model in one file, each where TensorFlow can use it as it lies. */
export interface AlignedWeights {
  path: string;
  bytes: number;
  /** Where each matrix begins, in bytes: a multiple of {@link ALIGNMENT}. */
  offsets: Map<string, number>;
}

export interface AlignWeightsParameters {
  config: Qwen2Config;
  weights: Pick<ModelWeights, 'readBfloat16'>;
  /** Names the model by content. */
  baseSha256: string;
  /** Where the file is kept. */
  cacheDir: string;
  hashes: KnownHashes;
}

/** TensorFlow copies values that do not begin at a multiple of this many bytes. */
export const ALIGNMENT = 64;

/**
 * The matrices in bfloat16 in a file of the cache folder, which is written once for each model: safetensors files begin their
 * tensors at any multiple of 8 bytes. A file that is there counts when its size and its SHA-256 are those it was written with.
 * @throws FlockOffError `disk` when it cannot be written; then nothing of it stays.
 */
export async function alignWeights(parameters: AlignWeightsParameters): Promise<AlignedWeights> {
  const { config, weights, baseSha256, cacheDir, hashes } = parameters;
  const path = join(cacheDir, `${baseSha256}.bf16`);
  const aligned = { path, ...layOut(config) };
  if (await isWhole(aligned, hashes)) return aligned;
  const what = `the weights cannot be cached in ${cacheDir}`;
  const fix = `make room for ${(aligned.bytes / 1e9).toFixed(1)} GB, or choose another cache folder`;
  await onDisk({ path, what, fix, bytes: aligned.bytes }, async () => {
    const sha256 = await writeWhole(path, async (incomplete) => {
      const written = await write(incomplete, aligned, weights);
      await writeFile(sumOf(path), written);
      return written;
    });
    await hashes.learn(path, sha256);
  });
  return aligned;
}

function layOut(config: Qwen2Config): Omit<AlignedWeights, 'path'> {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const [name, [rows, columns]] of weightShapes(config)) {
    if (columns === undefined) continue;
    offsets.set(name, bytes);
    bytes += Math.ceil((2 * rows * columns) / ALIGNMENT) * ALIGNMENT;
  }
  return { bytes, offsets };
}

async function isWhole({ path, bytes }: AlignedWeights, hashes: KnownHashes): Promise<boolean> {
  const size = await stat(path).then(
    (found) => found.size,
    () => -1,
  );
  const sum = await readFile(sumOf(path), 'utf8').catch(() => null);
  return size === bytes && sum !== null && sum === (await hashes.of(path));
}

async function write(
  path: string,
  { bytes, offsets }: AlignedWeights,
  weights: AlignWeightsParameters['weights'],
): Promise<string> {
  const file = await open(path, 'wx');
  try {
    const hash = createHash('sha256');
    const append = async (data: Uint8Array) => {
      hash.update(data);
      await file.writeFile(data); // goes on where the last one ended
    };
    const ends = [...offsets.values(), bytes].slice(1);
    for (const [i, [name, offset]] of [...offsets].entries()) {
      const halves = await weights.readBfloat16(name);
      await append(new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength));
      await append(new Uint8Array(requiredItem(ends, i) - offset - halves.byteLength));
    }
    await file.sync();
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}

const sumOf = (path: string) => `${path}.sha256`;
