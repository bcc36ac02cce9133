import { breathe } from './breathe.ts';
import type { Qwen2Config } from './config.ts';
import type { LoraEngine } from './engine.ts';
import { GraphEngine } from './graph/graph-engine.ts';
import { probeMatmul } from './graph/probe-matmul.ts';
import { canRunGraphs } from './graph/session.ts';
import { type ModelWeights, openModelWeights } from './model-files.ts';
import type { Tf } from './tensorflow.ts';
import { TfjsEngine } from './tfjs-engine.ts';
import { weightShapes } from './weights.ts';

/** What matrices are multiplied in, and why. Everything else is float32. */
export interface Precision {
  matmul: 'float32' | 'bfloat16';
  reason: string;
}

export interface OpenEngineParameters {
  tf: Tf;
  /** Model folder. */
  folder: string;
  config: Qwen2Config;
  /** Default: chosen. */
  matmul?: Precision['matmul'];
  checkpointing?: 'none' | 'layer';
  signal?: AbortSignal;
}

/** Below this many weights the rounding of bfloat16 buys too little time. */
const LARGE = 100_000_000;
/** How much faster bfloat16 must be to be chosen. */
const WORTH = 1.2;

/** Loads the base model into the engine that suits this device: one graph where it can run, plain operations elsewhere. */
export async function openEngine(
  parameters: OpenEngineParameters,
): Promise<{ engine: LoraEngine; precision: Precision }> {
  const { tf, folder, config, checkpointing, signal } = parameters;
  const weights = await openModelWeights(folder, config);
  const readPatiently: Pick<ModelWeights, 'read' | 'readBfloat16'> = {
    read: async (name) => {
      await breathe(signal);
      return weights.read(name);
    },
    readBfloat16: async (name) => {
      await breathe(signal);
      return weights.readBfloat16(name);
    },
  };
  try {
    if (!canRunGraphs(tf)) {
      const precision: Precision = { matmul: 'float32', reason: 'this backend computes in float32 only' };
      return { engine: await TfjsEngine.create(tf, config, readPatiently.read), precision };
    }
    const large = countWeights(config) >= LARGE;
    const precision = await choosePrecision(parameters, large);
    const storage = precision.matmul === 'bfloat16' || (large && weights.inBfloat16) ? 'bfloat16' : 'float32';
    const engine = await GraphEngine.create(tf, config, readPatiently, {
      matmul: precision.matmul,
      storage,
      checkpointing,
    });
    return { engine, precision };
  } finally {
    await weights.close();
  }
}

async function choosePrecision({ tf, matmul }: OpenEngineParameters, large: boolean): Promise<Precision> {
  if (matmul) return { matmul, reason: 'as asked for' };
  if (!large) return { matmul: 'float32', reason: 'the model is small' };
  const { float32, bfloat16 } = await probeMatmul(tf);
  if (bfloat16 === null) return { matmul: 'float32', reason: 'this device does not multiply bfloat16' };
  const ratio = float32 / bfloat16;
  const measured = `bfloat16 is ${ratio.toFixed(1)} times as fast as float32 here`;
  return { matmul: ratio >= WORTH ? 'bfloat16' : 'float32', reason: measured };
}

function countWeights(config: Qwen2Config): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}
