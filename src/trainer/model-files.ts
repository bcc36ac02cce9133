import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { parseQwen2Config, type Qwen2Config } from './config.ts';
import { openSafetensors, type SafetensorsFile, writeSafetensors } from './safetensors.ts';
import { type NamedTensor, weightShapes } from './weights.ts';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

const ShardIndex = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+\.safetensors$/)),
});

/** Reads and checks a model folder's `config.json`. @throws FlockOffError `bad-model`. */
export async function readModelConfig(folder: string): Promise<Qwen2Config> {
  return parseQwen2Config(await readJson(folder, 'config.json'));
}

/**
 * The model's weights one by one, as float32, from one file or from shards with an index.
 * @throws FlockOffError `bad-model` when one is missing or has another shape than the configuration asks for.
 */
export async function* readModelWeights(
  folder: string,
  config: Qwen2Config,
  signal?: AbortSignal,
): AsyncGenerator<[string, NamedTensor]> {
  const shapes = weightShapes(config);
  for (const [file, names] of await filesOfWeights(folder, [...shapes.keys()])) {
    const weights = await openSafetensors(join(folder, file));
    try {
      for (const name of names) {
        signal?.throwIfAborted();
        yield [name, await readWeight(weights, name, shapes.get(name)!, folder)];
      }
    } finally {
      await weights.close();
    }
  }
}

export interface SaveModelWeightsParameters {
  folder: string;
  weights: Map<string, NamedTensor>;
  dtype?: 'F32' | 'BF16';
}

/** Writes weights as the folder's one `model.safetensors`. */
export async function saveModelWeights({ folder, weights, dtype }: SaveModelWeightsParameters): Promise<void> {
  const tensors = new Map([...weights].map(([name, { shape, data }]) => [name, { shape, read: () => data }]));
  await writeSafetensors({ path: join(folder, SINGLE), tensors, dtype });
}

/** SHA-256 over configuration, tokenizer and weights files of a model folder: what a loss depends on besides data and seed. */
export async function sha256OfModel(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const weightFiles = (await isFile(folder, SINGLE)) ? [SINGLE] : await shardNames(folder);
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', ...weightFiles]) {
    const content = createHash('sha256');
    await pipeline(createReadStream(join(folder, file)), content);
    hash.update(`${file} ${content.digest('hex')}\n`);
  }
  return hash.digest('hex');
}

async function filesOfWeights(folder: string, names: string[]): Promise<Map<string, string[]>> {
  if (await isFile(folder, SINGLE)) return new Map([[SINGLE, names]]);
  const { weight_map: fileOf } = await readShardIndex(folder);
  const files = new Map<string, string[]>();
  for (const name of names) {
    const file = fileOf[name];
    if (file === undefined) throw badModel(folder, `${INDEX} does not list ${name}`);
    files.set(file, [...(files.get(file) ?? []), name]);
  }
  return files;
}

async function readWeight(file: SafetensorsFile, name: string, shape: number[], folder: string): Promise<NamedTensor> {
  const entry = file.entries.get(name);
  if (!entry) throw badModel(folder, `tensor ${name} is missing`);
  if (entry.shape.join() !== shape.join()) {
    throw badModel(folder, `tensor ${name} has shape [${entry.shape}], config.json asks for [${shape}]`);
  }
  return { shape, data: await file.readFloats(name) };
}

/** File names of the shards, sorted. */
async function shardNames(folder: string): Promise<string[]> {
  const { weight_map: fileOf } = await readShardIndex(folder);
  return [...new Set(Object.values(fileOf))].sort();
}

async function readShardIndex(folder: string): Promise<z.infer<typeof ShardIndex>> {
  const parsed = ShardIndex.safeParse(await readJson(folder, INDEX));
  if (!parsed.success) throw badModel(folder, `${INDEX} is not an index of safetensors shards`);
  return parsed.data;
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

function badModel(folder: string, reason: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the folder ${folder} holds no usable model: ${reason}`,
    fix: 'copy or download the whole model folder again',
    facts: { folder, reason },
    cause,
  });
}
