import { isCode, messageOf } from '../../errors/flock-off-error.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine } from '../engine/engine.ts';
import { type AlignedWeights, alignWeights } from '../engine/graph/aligned-weights.ts';
import { canRunGraphs } from '../engine/graph/binding.ts';
import type { MatrixType } from '../engine/graph/graph.ts';
import { GraphEngine, type WeightReader } from '../engine/graph/graph-engine.ts';
import type { Checkpointing } from '../engine/graph/memory.ts';
import { type MatmulTimes, probeMatmul } from '../engine/graph/probe-matmul.ts';
import { TfjsEngine } from '../engine/plain/tfjs-engine.ts';
import type { BackendInfo, Tf } from '../engine/tensorflow.ts';
import type { Qwen2Config } from '../model/config.ts';
import { openModelWeights } from '../model/model-files.ts';
import { weightShapes } from '../model/weights.ts';
import { collate } from '../tokens/batches.ts';
import { freeMemoryBytes } from './free-memory.ts';

/** The type of the matrix products, and why it was chosen. Everything else is float32. */
export interface Precision {
  matmul: MatrixType;
  reason: string;
}

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
  matmul?: Precision['matmul'];
  /** Default `auto`. */
  checkpointing?: Checkpointing;
  /** Default: what is free. */
  memoryBytes?: number;
  /** Default: for large models on a CPU. */
  mapWeights?: boolean;
  /** Where mapped weights are kept, under the model's `baseSha256`. */
  cacheDir: string;
  baseSha256: string;
  signal?: AbortSignal;
}

/** Weights from which a model is large: smaller ones stay in float32, where bfloat16 saves too little time for its rounding. */
const LARGE = 100_000_000;
/** The least speed-up for which bfloat16 is chosen. */
const WORTH = 1.2;
const TRIED_TOKENS = 128;

/** Loads the base model into the best engine for this device: one graph where it can run, else plain operations. */
export async function openEngine(parameters: OpenEngineParameters): Promise<OpenedEngine> {
  const { tf, backend, folder, config, checkpointing = 'auto', signal } = parameters;
  const { memoryBytes = await freeMemoryBytes(backend) } = parameters;
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
        precision: { matmul: 'float32', reason },
        weightStorage: { dtype: 'float32', mapped: false, reason },
      };
    }
    const large = countWeights(config) >= LARGE;
    const precision = await choosePrecision(parameters, large);
    const storage = precision.matmul === 'float32' && large && weights.inBfloat16 ? 'bfloat16' : precision.matmul;
    const { mapped, reason } = await mapWeights(parameters, storage, large, yielding);
    const options = { matmul: precision.matmul, storage, mapped, checkpointing, memoryBytes } as const;
    const engine = await GraphEngine.create(tf, config, yielding, options);
    if (precision.matmul === 'float16' && !(await staysFinite(engine))) {
      engine.dispose();
      const opened = await openEngine({ ...parameters, matmul: 'float32' });
      return { ...opened, precision: { matmul: 'float32', reason: 'this base model exceeds the range of float16' } };
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
  const { backend, config, baseSha256, cacheDir, mapWeights: wanted = large && !backend.cuda } = parameters;
  if (!wanted) return { reason: backend.cuda ? 'they are in the memory of the GPU' : 'the model is small' };
  if (storage !== 'bfloat16') return { reason: 'only bfloat16 is mapped' };
  try {
    const mapped = await alignWeights({ config, weights, baseSha256, cacheDir });
    return { mapped, reason: `mapped from ${mapped.path}` };
  } catch (error) {
    if (!isCode(error, 'disk')) throw error;
    return { reason: messageOf(error) };
  }
}

async function choosePrecision({ tf, matmul }: OpenEngineParameters, large: boolean): Promise<Precision> {
  if (matmul) return { matmul, reason: 'as asked for' };
  if (!large) return { matmul: 'float32', reason: 'the model is small' };
  return chooseMatmul(await probeMatmul(tf));
}

/** bfloat16, which has the range of float32, before float16, whose losses must be scaled. */
function chooseMatmul(times: MatmulTimes): Precision {
  const half = times.bfloat16 === null ? 'float16' : 'bfloat16';
  const ms = times[half];
  if (ms === null) return { matmul: 'float32', reason: 'this device multiplies float32 only' };
  const ratio = times.float32 / ms;
  const reason = `${half} is ${ratio.toFixed(1)} times as fast as float32 here`;
  return { matmul: ratio >= WORTH ? half : 'float32', reason };
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

function countWeights(config: Qwen2Config): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}
