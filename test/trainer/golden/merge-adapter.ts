import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterTensorName, checkAdapterFits, type LoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { openModelWeights, readModelConfig, TOKENIZER_FILES } from '../../../src/trainer/model/model-files.ts';
import { type TensorSource, writeSafetensors } from '../../../src/trainer/model/safetensors.ts';
import { type NamedTensor, weightShapes } from '../../../src/trainer/model/weights.ts';
import { writeFolder } from '../../../src/trainer/model/write-folder.ts';

export interface MergeAdapterParameters {
  /** Folder of the base model. */
  model: string;
  adapter: LoraAdapter;
  /** Folder of the merged model; made when missing. */
  to: string;
  /** Default F32. */
  dtype?: 'F32' | 'BF16';
}

/**
 * Writes the base model with the adapter worked into its weights, W + (alpha / rank) B A, as PEFT's `merge_and_unload`.
 * @throws FlockOffError `bad-model` when the adapter does not fit, `disk`.
 */
export async function mergeAdapter({ model, adapter, to, dtype = 'F32' }: MergeAdapterParameters): Promise<void> {
  const config = await readModelConfig(model);
  checkAdapterFits(adapter, config);
  const weights = await openModelWeights(model, config);
  try {
    const tensors = new Map<string, TensorSource>();
    for (const [name, shape] of weightShapes(config)) {
      tensors.set(name, { shape, read: async () => mergeWeight(name, await weights.read(name), adapter) });
    }
    const json = JSON.parse(await readFile(join(model, 'config.json'), 'utf8'));
    await writeFolder({
      folder: to,
      configPath: join(to, 'config.json'),
      config: { ...json, torch_dtype: dtype === 'F32' ? 'float32' : 'bfloat16' },
      content: async () => {
        await writeSafetensors({ path: join(to, 'model.safetensors'), tensors, dtype });
        for (const file of TOKENIZER_FILES) await copyFile(join(model, file), join(to, file));
      },
    });
  } finally {
    await weights.close();
  }
}

function mergeWeight(name: string, { data, shape }: NamedTensor, adapter: LoraAdapter): Float32Array {
  const path = name.replace(/\.weight$/, '');
  const a = adapter.tensors.get(adapterTensorName(path, 'A'))?.data; // [rank, in]
  const b = adapter.tensors.get(adapterTensorName(path, 'B'))?.data; // [out, rank]
  if (!a || !b) return data;
  const { rank, alpha } = adapter;
  const [rows, columns] = shape as [number, number];
  const row = new Float64Array(columns);
  // biome-ignore-start lint/style/noNonNullAssertion: the adapter was checked to fit, so no index is outside
  for (let i = 0; i < rows; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = (alpha / rank) * b[i * rank + k]!;
      for (let j = 0; j < columns; j++) row[j]! += factor * a[k * columns + j]!;
    }
    for (let j = 0; j < columns; j++) data[i * columns + j]! += row[j]!;
  }
  // biome-ignore-end lint/style/noNonNullAssertion: as above
  return data;
}
