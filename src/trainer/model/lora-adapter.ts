import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { MersenneTwister } from '../../shared/random.ts';
import type { Qwen2Config } from './config.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';
import { LINEARS, type LinearName, linearPath, linearShape, type NamedTensor } from './weights.ts';
import { writeFolder } from './write-folder.ts';

/** LoRA adapters (Hu et al., 2021) on the seven linear layers of every decoder layer. */
export interface LoraAdapter {
  rank: number;
  /** The adapters' output is scaled by `alpha / rank`. */
  alpha: number;
  /** Share of the adapters' inputs dropped while training, 0..1. */
  dropout: number;
  /** `lora_A.weight [rank, in]` and `lora_B.weight [out, rank]` under PEFT's names. */
  tensors: Map<string, NamedTensor>;
}

/** PEFT's name of an adapter matrix. */
export function adapterTensorName(path: string, matrix: 'A' | 'B'): string {
  return `base_model.model.${path}.lora_${matrix}.weight`;
}

export interface CreateLoraAdapterParameters {
  config: Qwen2Config;
  rank: number;
  alpha: number;
  dropout: number;
  random: MersenneTwister;
}

/** A new adapter as PEFT starts it: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt 5), B zero, so nothing changes yet. */
export function createLoraAdapter(parameters: CreateLoraAdapterParameters): LoraAdapter {
  const { config, rank, alpha, dropout, random } = parameters;
  const tensors = new Map<string, NamedTensor>();
  for (const { path, shape } of allLinears(config)) {
    const [out, in_] = shape;
    const bound = 1 / Math.sqrt(in_);
    const a = new Float32Array(rank * in_);
    for (let i = 0; i < a.length; i++) a[i] = (2 * random.nextUniform() - 1) * bound;
    tensors.set(adapterTensorName(path, 'A'), { shape: [rank, in_], data: a });
    tensors.set(adapterTensorName(path, 'B'), { shape: [out, rank], data: new Float32Array(out * rank) });
  }
  return { rank, alpha, dropout, tensors };
}

/** @throws FlockOffError `bad-model` when the adapter was not made for this model. */
export function checkAdapterFits(adapter: LoraAdapter, config: Qwen2Config): void {
  const linears = allLinears(config);
  for (const { path, shape } of linears) {
    const [out, in_] = shape;
    for (const [matrix, expected] of [
      ['A', [adapter.rank, in_]],
      ['B', [out, adapter.rank]],
    ] as const) {
      const name = adapterTensorName(path, matrix);
      const seen = adapter.tensors.get(name);
      if (!seen) throw badAdapter(`tensor ${name} is missing`);
      if (seen.shape.join() !== expected.join()) {
        throw badAdapter(`tensor ${name} has shape [${seen.shape}], the model needs [${expected}]`);
      }
      if (seen.data.length !== expected[0] * expected[1]) {
        throw badAdapter(`tensor ${name} has ${seen.data.length} values, its shape is [${seen.shape}]`);
      }
    }
  }
  if (adapter.tensors.size !== 2 * linears.length) {
    throw badAdapter(`it has ${adapter.tensors.size} tensors, the model's linear layers need ${2 * linears.length}`);
  }
}

const AdapterConfig = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  bias: z.literal('none').default('none'),
  use_dora: z.literal(false).nullish(),
  use_rslora: z.literal(false).nullish(),
  fan_in_fan_out: z.literal(false).nullish(),
  rank_pattern: z.strictObject({}).nullish(),
  alpha_pattern: z.strictObject({}).nullish(),
  modules_to_save: z.null().optional(),
  // The others change the base model, so that the adapter fits no other.
  init_lora_weights: z.union([z.boolean(), z.enum(['gaussian', 'orthogonal', 'eva'])]).nullish(),
  layer_replication: z.null().optional(),
  alora_invocation_tokens: z.null().optional(),
});

/**
 * Reads a PEFT adapter folder: `adapter_config.json` and `adapter_model.safetensors`.
 * @throws FlockOffError `bad-model` when it is damaged or uses what this trainer does not (DoRA, rank patterns, biases).
 */
export async function loadLoraAdapter({ folder }: { folder: string }): Promise<LoraAdapter> {
  const config = await readAdapterConfig(folder);
  const file = await openSafetensors(join(folder, 'adapter_model.safetensors'));
  try {
    const tensors = new Map<string, NamedTensor>();
    for (const [name, { shape }] of file.entries) tensors.set(name, { shape, data: await file.readFloats(name) });
    return { rank: config.r, alpha: config.lora_alpha, dropout: config.lora_dropout, tensors };
  } finally {
    await file.close();
  }
}

export interface SaveLoraAdapterParameters {
  adapter: LoraAdapter;
  /** Made when missing. */
  folder: string;
  /** Hub id or path of the base model, for whoever loads the adapter. */
  baseModel: string;
}

/**
 * Writes the adapter as a folder that PEFT loads. @throws FlockOffError `disk`.
 * @example
 * await saveLoraAdapter({ adapter, folder: 'adapter', baseModel: 'Qwen/Qwen2.5-0.5B-Instruct' });
 * const same = await loadLoraAdapter({ folder: 'adapter' });
 */
export async function saveLoraAdapter({ adapter, folder, baseModel }: SaveLoraAdapterParameters): Promise<void> {
  const tensors = new Map(
    [...adapter.tensors].map(([name, tensor]) => [name, { shape: tensor.shape, read: () => tensor.data }]),
  );
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: adapter.dropout,
    bias: 'none',
    target_modules: targetModules(adapter),
    inference_mode: true,
  };
  await writeFolder({
    folder,
    configPath: join(folder, 'adapter_config.json'),
    config,
    content: () => writeSafetensors({ path: join(folder, 'adapter_model.safetensors'), tensors }),
  });
}

/** The names PEFT itself writes: full paths below 20 layers, else the last part of them. */
function targetModules(adapter: LoraAdapter): string[] {
  const paths = [...adapter.tensors.keys()]
    .filter((name) => name.endsWith('.lora_A.weight'))
    .map((name) => name.slice('base_model.model.'.length, -'.lora_A.weight'.length));
  const names = paths.length < 20 ? paths : paths.map((path) => path.slice(path.lastIndexOf('.') + 1));
  return [...new Set(names)].sort();
}

async function readAdapterConfig(folder: string): Promise<z.infer<typeof AdapterConfig>> {
  const path = join(folder, 'adapter_config.json');
  try {
    return AdapterConfig.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    throw badAdapter(issue ? `${path}: ${issue.path.join('.')}: ${issue.message}` : `${path} cannot be read`, cause);
  }
}

export function allLinears(config: Qwen2Config): { path: string; shape: [number, number] }[] {
  return Array.from({ length: config.layers }, (_, layer) =>
    LINEARS.map((linear: LinearName) => ({ path: linearPath(layer, linear), shape: linearShape(config, linear) })),
  ).flat();
}

function badAdapter(reason: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the LoRA adapter cannot be used: ${reason}`,
    fix: 'use an adapter of this base model on all its linear layers',
    facts: { reason },
    cause,
  });
}
