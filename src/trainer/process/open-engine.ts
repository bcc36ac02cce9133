import { join } from 'node:path';
import { isCode, messageOf } from '../../errors/flock-off-error.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine } from '../engine/engine.ts';
import { type AlignedWeights, alignWeights } from '../engine/graph/aligned-weights.ts';
import { canRunGraphs } from '../engine/graph/binding.ts';
import type { MatrixType } from '../engine/graph/graph.ts';
import { GraphEngine, type WeightReader } from '../engine/graph/graph-engine.ts';
import type { Checkpointing } from '../engine/graph/memory.ts';
import { TfjsEngine } from '../engine/plain/tfjs-engine.ts';
import type { BackendInfo, Tf } from '../engine/tensorflow.ts';
import type { Qwen2Config } from '../model/config.ts';
import type { KnownHashes } from '../model/known-hashes.ts';
import { openModelWeights } from '../model/model-files.ts';
import { countWeights } from '../model/weights.ts';
import { collate } from '../tokens/batches.ts';
import { choosePrecision, type MatmulType, type Precision } from './choose-precision.ts';
import { freeMemoryBytes } from './free-memory.ts';

/** How the base model's matrices are stored, and why. */
export interface WeightStorage {
  dtype: MatrixType;
  /** True when they are read from a file of the cache folder as they are needed: their memory can be taken back any time. */
  mapped: boolean;
  reason: string;
}

export interface OpenedEngine {
  engine: LoraEngine;
  precision: Precision;
  weightStorage: WeightStorage;
}

export interface OpenEngineParameters {
  tf: Tf;
  /** Model folder. */
  folder: string;
  config: Qwen2Config;
  /** The backend. */
  backend: BackendInfo;
  /** Default: chosen. */
  matmul?: MatmulType;
  /** Whether XLA compiles the graph, as it was set before TensorFlow was loaded. */
  xla: boolean;
  /** Default `auto`. */
  checkpointing?: Checkpointing;
  /** Default: what is free. */
  memoryBytes?: number;
  /** Of what is free. Default 1. */
  memoryShare?: number;
  /** Default: for large models on a CPU. */
  mapWeights?: boolean;
  /** Where mapped weights are kept, under the model's `baseSha256`, in `aligned`. */
  cacheDir: string;
  hashes: KnownHashes;
  baseSha256: string;
  signal?: AbortSignal;
}

/** Weights from which a model is large: smaller ones stay in float32, where bfloat16 saves too little time for its rounding. */
const LARGE = 100_000_000;
const TRIED_TOKENS = 128;

/** Loads the base model into the best engine for this device: one graph where it can run, else plain operations. */
export async function openEngine(parameters: OpenEngineParameters): Promise<OpenedEngine> {
  const { tf, backend, folder, config, checkpointing = 'auto', xla, signal } = parameters;
  const { memoryShare = 1, memoryBytes = memoryShare * (await freeMemoryBytes(backend)) } = parameters;
  const weights = await openModelWeights(folder, config);
  const yielding: WeightReader = {
    read: async (name) => {
      await yieldToEventLoop(signal);
      return weights.read(name);
    },
    readBfloat16: async (name) => {
      await yieldToEventLoop(signal);
      return weights.readBfloat16(name);
    },
  };
  try {
    if (!canRunGraphs(tf)) {
      const reason = 'this backend computes in float32 only';
      return {
        engine: await TfjsEngine.create(tf, config, yielding.read),
        precision: { matmul: 'float32', xla: false, reason },
        weightStorage: { dtype: 'float32', mapped: false, reason },
      };
    }
    const large = countWeights(config) >= LARGE;
    const precision = { ...(await choosePrecision({ ...parameters, large })), xla };
    const matmul = precision.matmul === 'tf32' ? 'float32' : precision.matmul;
    const storage = matmul === 'float32' && large && weights.inBfloat16 ? 'bfloat16' : matmul;
    const { mapped, reason } = await mapWeights(parameters, storage, large, yielding);
    const device = backend.cuda ? 'gpu' : 'cpu';
    const options = { matmul, storage, mapped, checkpointing, memoryBytes, device, buckets: xla } as const;
    const engine = await GraphEngine.create(tf, config, yielding, options);
    if (matmul === 'float16' && !(await staysFinite(engine))) {
      engine.dispose();
      const opened = await openEngine({ ...parameters, matmul: 'float32' });
      const reason = 'this base model exceeds the range of float16';
      return { ...opened, precision: { ...opened.precision, reason } };
    }
    return { engine, precision, weightStorage: { dtype: storage, mapped: mapped !== undefined, reason } };
  } finally {
    await weights.close();
  }
}

/** A full disk costs memory, not the run. */
async function mapWeights(
  parameters: OpenEngineParameters,
  storage: WeightStorage['dtype'],
  large: boolean,
  weights: WeightReader,
): Promise<{ mapped?: AlignedWeights; reason: string }> {
  const { backend, config, baseSha256, hashes, mapWeights: wanted = large && !backend.cuda } = parameters;
  const cacheDir = join(parameters.cacheDir, 'aligned');
  if (!wanted) return { reason: backend.cuda ? 'they are in the memory of the GPU' : 'the model is small' };
  if (storage !== 'bfloat16') return { reason: 'only bfloat16 is mapped' };
  try {
    const mapped = await alignWeights({ config, weights, baseSha256, cacheDir, hashes });
    return { mapped, reason: `mapped from ${mapped.path}` };
  } catch (error) {
    if (!isCode(error, 'disk')) throw error;
    return { reason: messageOf(error) };
  }
}

/** Whether the base model computes numbers on a row of tokens from all over its vocabulary. */
async function staysFinite(engine: LoraEngine): Promise<boolean> {
  const { vocabSize } = engine.config;
  const inputIds = Array.from({ length: TRIED_TOKENS }, (_, i) => Math.floor((i * vocabSize) / TRIED_TOKENS));
  const evaluation = engine.startEvaluation(null);
  try {
    return (await evaluation.tokenLosses(collate([{ inputIds, labels: inputIds }]))).every(Number.isFinite);
  } finally {
    evaluation.dispose();
  }
}
