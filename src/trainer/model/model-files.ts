import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { requiredEntry } from '../../shared/required.ts';
import { sha256OfFile } from '../../shared/sha256-of-file.ts';
import { parseQwen2Config, type Qwen2Config } from './config.ts';
import type { HashOf } from './known-hashes.ts';
import { allFinite, floatsToBfloat16, openSafetensors, type SafetensorsFile, writeSafetensors } from './safetensors.ts';
import { type NamedTensor, weightShapes } from './weights.ts';

/** Where a model's weights are, unless they are in shards. */
export const SINGLE_WEIGHTS = 'model.safetensors';
/** Names the shards. */
export const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** What a tokenizer is read from. */
export const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json'];

const ShardIndex = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)),
});

/** Reads and checks a model folder's `config.json`. @throws FlockOffError `bad-model`. */
export async function readModelConfig(folder: string): Promise<Qwen2Config> {
  return parseQwen2Config(await readJson(folder, 'config.json'));
}

/** The weights files of a model folder, open. */
export interface ModelWeights {
  /**
   * One weight as float32.
   * @throws FlockOffError `bad-model` when it is missing, has another shape or type than it must have, or a value in it is
   * infinite or NaN: later that would look like a dataset's fault.
   */
  read(name: string): Promise<NamedTensor>;
  /** The same in bfloat16: as stored, or rounded. */
  readBfloat16(name: string): Promise<Uint16Array>;
  /** True when every matrix is stored in bfloat16. */
  inBfloat16: boolean;
  close(): Promise<void>;
}

/**
 * Opens the weights of a model: one file, or shards with an index.
 * @throws FlockOffError `bad-model` when a file is missing or damaged, or a tensor is in two of them.
 */
export async function openModelWeights(folder: string, config: Qwen2Config): Promise<ModelWeights> {
  const shapes = weightShapes(config);
  const files: SafetensorsFile[] = [];
  const close = async () => {
    for (const file of files) await file.close();
  };
  const homes = new Map<string, SafetensorsFile>();
  try {
    for (const fileName of await weightFiles(folder)) {
      const file = await openSafetensors(join(folder, fileName));
      files.push(file);
      for (const name of file.entries.keys()) {
        if (homes.has(name)) throw badModel(folder, `tensor ${name} is in two of its files, ${fileName} is one`);
        homes.set(name, file);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const find = (name: string): SafetensorsFile => {
    const shape = requiredEntry(shapes, name);
    const file = homes.get(name);
    if (!file) throw badModel(folder, `tensor ${name} is missing`);
    const seen = requiredEntry(file.entries, name).shape;
    if (seen.join() !== shape.join()) {
      throw badModel(folder, `tensor ${name} has shape [${seen}], config.json asks for [${shape}]`);
    }
    return file;
  };
  const finite = <T extends Float32Array | Uint16Array>(name: string, values: T): T => {
    if (!allFinite(values)) throw badModel(folder, `tensor ${name} has a value that is infinite or NaN`);
    return values;
  };
  const read = async (name: string) => ({
    shape: requiredEntry(shapes, name),
    data: finite(name, await find(name).readFloats(name)),
  });
  const isBfloat16 = (name: string) => homes.get(name)?.entries.get(name)?.dtype === 'BF16';
  return {
    read,
    readBfloat16: async (name) =>
      isBfloat16(name)
        ? finite(name, new Uint16Array((await find(name).readBytes(name)).buffer))
        : floatsToBfloat16((await read(name)).data),
    inBfloat16: [...shapes].every(([name, shape]) => shape.length < 2 || isBfloat16(name)),
    close,
  };
}

export interface SaveModelWeightsParameters {
  folder: string;
  weights: Map<string, NamedTensor>;
  dtype?: 'F32' | 'BF16';
}

/** Writes weights as the folder's one `model.safetensors`. */
export async function saveModelWeights({ folder, weights, dtype }: SaveModelWeightsParameters): Promise<void> {
  const tensors = new Map([...weights].map(([name, { shape, data }]) => [name, { shape, read: () => data }]));
  await writeSafetensors({ path: join(folder, SINGLE_WEIGHTS), tensors, dtype });
}

/**
 * SHA-256 over configuration, tokenizer and weights files of a model folder: what a loss depends on besides data and seed.
 * @throws FlockOffError `bad-model` when one is missing, `disk` when one cannot be read.
 */
export async function sha256OfModel(folder: string, hashOf: HashOf = sha256OfFile): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['config.json', ...TOKENIZER_FILES, ...(await weightFiles(folder))]) {
    const content = await hashOf(join(folder, file)).catch((cause) => unreadable(folder, file, cause));
    if (content === null) throw badModel(folder, `${file} is missing`);
    hash.update(`${file} ${content}\n`);
  }
  return hash.digest('hex');
}

/** Names of the files with weights. @throws FlockOffError `bad-model` when neither they nor an index of them is there. */
export async function weightFiles(folder: string): Promise<string[]> {
  if (await isFile(folder, SINGLE_WEIGHTS)) return [SINGLE_WEIGHTS];
  const parsed = ShardIndex.safeParse(await readJson(folder, WEIGHTS_INDEX));
  if (!parsed.success) throw badModel(folder, `${WEIGHTS_INDEX} is not an index of safetensors shards`);
  return [...new Set(Object.values(parsed.data.weight_map))].sort();
}

async function readJson(folder: string, file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, file), 'utf8'));
  } catch (cause) {
    throw badModel(folder, `${file} cannot be read`, cause);
  }
}

async function isFile(folder: string, file: string): Promise<boolean> {
  return access(join(folder, file)).then(
    () => true,
    () => false,
  );
}

function unreadable(folder: string, file: string, cause: unknown): never {
  throw new FlockOffError({
    code: 'disk',
    what: `the model file ${join(folder, file)} cannot be read: ${messageOf(cause)}`,
    fix: 'check the disk, and that it is a file',
    facts: { path: join(folder, file) },
    cause,
  });
}

function badModel(folder: string, reason: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the folder ${folder} holds no usable model: ${reason}`,
    fix: 'copy or download the whole model folder again',
    facts: { path: folder, reason },
    cause,
  });
}
