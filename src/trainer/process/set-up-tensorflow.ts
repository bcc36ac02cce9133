import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Qwen2Config } from '../model/config.ts';
import { isTiny } from '../model/weights.ts';
import type { EngineParameters } from './trainer-parameters.ts';

/** What XLA compiles: every operation that it can, on GPUs and on the CPU. */
const XLA_FLAGS = '--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit';
const JIT_FLAG = /\s*--tf_xla_(auto_jit|cpu_global_jit)(=\S*)?/g;

/** What a training process is started with where the environment says nothing else. */
export const START_ENVIRONMENT = {
  TF_CPP_MIN_LOG_LEVEL: '3',
  // By default TensorFlow reserves all the memory of a GPU, which other programs may use.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // By default glibc keeps more and more of what was freed, such as what loading weights took.
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** What TensorFlow of this process was started with. */
let started: string | undefined;

/**
 * Sets what TensorFlow and CUDA read once in the life of a process and what losses depend on: to be called before they are
 * loaded. Whatever the environment says, float32 is float32 unless `tf32` is asked for, and XLA compiles where it is asked to.
 * @returns whether XLA compiles.
 * @throws FlockOffError `bad-argument` where TensorFlow was started otherwise in this process.
 */
export function setUpTensorFlow({ matmul, xla = 'auto' }: Pick<EngineParameters, 'matmul' | 'xla'>): boolean {
  const compiles = xla === 'on';
  const wanted = JSON.stringify({ tf32: matmul === 'tf32', xla: compiles });
  if (started !== undefined && started !== wanted)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `TensorFlow was started in this process with ${started}, ${wanted} is asked for`,
      fix: "leave out 'inline', so that each trainer has a process of its own",
    });
  started = wanted;
  if (matmul === 'tf32') delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = '0';
  const others = (process.env.TF_XLA_FLAGS ?? '').replace(JIT_FLAG, '').trim();
  const flags = [others, compiles ? XLA_FLAGS : ''].filter(Boolean).join(' ');
  if (flags) process.env.TF_XLA_FLAGS = flags;
  else delete process.env.TF_XLA_FLAGS;
  return compiles;
}

/**
 * Lets an operation of a tiny model run in one thread, and two threads begin the operations of a larger one, unless the
 * environment says how many: each of them keeps up to 1024 products as oneDNN prepared them, 250 kB each, one for each shape.
 * One alone takes the layers that are computed again all together, before the backward pass reads the first. To be called
 * before TensorFlow is loaded, which reads it once.
 */
export function setThreads(config: Qwen2Config): void {
  if (isTiny(config)) process.env.TF_NUM_INTRAOP_THREADS ??= '1';
  else process.env.TF_NUM_INTEROP_THREADS ??= '2';
}
