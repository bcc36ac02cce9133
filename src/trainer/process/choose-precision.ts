import type { MatrixType } from '../engine/graph/graph.ts';
import { hasMatmul, type MatmulTimes, probeMatmul } from '../engine/graph/probe-matmul.ts';
import type { BackendInfo, Tf } from '../engine/tensorflow.ts';
import { askNvidiaSmi } from './nvidia-smi.ts';

/**
 * Type of the matrix products. `tf32` is float32 whose factors an NVIDIA GPU of compute capability 8.0 or later rounds to 10 bits
 * of mantissa: faster, and less exact than it looks. It is used where it is asked for, and nowhere else.
 */
export type MatmulType = MatrixType | 'tf32';

/** The type of the matrix products, and why it was chosen. Everything else is float32. */
export interface Precision {
  matmul: MatmulType;
  /** True where TensorFlow's compiler XLA fuses operations: sums are rounded in another order. */
  xla: boolean;
  reason: string;
}

export interface ChoosePrecisionParameters {
  tf: Tf;
  backend: Pick<BackendInfo, 'cuda'>;
  /** As asked for. */
  matmul?: MatmulType;
  /** Whether the model has so many weights that time decides. */
  large: boolean;
}

type Choice = Omit<Precision, 'xla'>;

/** The first with units for products of bfloat16 (A100), which TF32 came with; the first with those for float16 (V100). */
const BFLOAT16_SINCE = 8;
const FLOAT16_SINCE = 7;
/** How much faster than float32 another type must be to be chosen. */
const WORTH = 1.2;

/** By what is known of the GPU; where that does not decide, by time. */
export async function choosePrecision({ tf, backend, matmul, large }: ChoosePrecisionParameters): Promise<Choice> {
  const capability = backend.cuda ? await askNvidiaSmi('compute_cap') : null;
  if (matmul === 'tf32' && !(backend.cuda && (capability ?? BFLOAT16_SINCE) >= BFLOAT16_SINCE))
    return { matmul: 'float32', reason: `tf32 is of GPUs of compute capability ${BFLOAT16_SINCE}.0 and later` };
  if (matmul) return { matmul, reason: 'as asked for' };
  if (!large) return { matmul: 'float32', reason: 'the model is small' };
  const known = capability === null ? null : await chooseByCapability(tf, capability);
  return known ?? chooseByTime(await probeMatmul(tf, backend));
}

/** Types without a kernel on the GPU are no candidates: their products would be computed on the CPU. */
async function chooseByCapability(tf: Tf, capability: number): Promise<Choice | null> {
  const reason = `the GPU is of compute capability ${capability.toFixed(1)}`;
  if (capability >= BFLOAT16_SINCE && (await hasMatmul(tf, 'bfloat16'))) return { matmul: 'bfloat16', reason };
  if (capability >= FLOAT16_SINCE && (await hasMatmul(tf, 'float16'))) return { matmul: 'float16', reason };
  return null;
}

/** bfloat16, which has the range of float32, before float16, whose losses must be scaled. */
function chooseByTime({ float32, bfloat16, float16 }: MatmulTimes): Choice {
  for (const [matmul, ms] of [['bfloat16', bfloat16] as const, ['float16', float16] as const]) {
    if (ms === null) continue;
    const ratio = float32 / ms;
    const reason = `${matmul} is ${ratio.toFixed(1)} times as fast as float32 here`;
    return { matmul: ratio >= WORTH ? matmul : 'float32', reason };
  }
  return { matmul: 'float32', reason: 'this device multiplies float32 only' };
}
