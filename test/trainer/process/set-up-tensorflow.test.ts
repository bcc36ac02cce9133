import { beforeEach, expect, it, vi } from 'vitest';
import { setThreads } from '../../../src/trainer/process/set-up-tensorflow.ts';
import { SHAPES } from '../../bench/shapes.ts';

/** Of a process in which TensorFlow was not started. */
async function fresh() {
  vi.resetModules();
  return (await import('../../../src/trainer/process/set-up-tensorflow.ts')).setUpTensorFlow;
}

beforeEach(() => {
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', undefined);
  vi.stubEnv('TF_XLA_FLAGS', undefined);
  vi.stubEnv('TF_NUM_INTRAOP_THREADS', undefined);
  vi.stubEnv('TF_NUM_INTEROP_THREADS', undefined);
});

it.each([undefined, 'float32', 'bfloat16'] as const)('does without TensorFloat-32 for %s', async (matmul) => {
  process.env.NVIDIA_TF32_OVERRIDE = '1';
  (await fresh())({ matmul });
  expect(process.env.NVIDIA_TF32_OVERRIDE).toBe('0');
});

it('lets TensorFloat-32 be where it is asked for', async () => {
  process.env.NVIDIA_TF32_OVERRIDE = '0';
  (await fresh())({ matmul: 'tf32' });
  expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
});

it('lets XLA compile where it is asked to, whatever the environment says', async () => {
  process.env.TF_XLA_FLAGS = '--tf_xla_auto_jit=2 --tf_xla_max_cluster_size=9';
  expect((await fresh())({})).toBe(false);
  expect(process.env.TF_XLA_FLAGS).toBe('--tf_xla_max_cluster_size=9');
  expect((await fresh())({ xla: 'on' })).toBe(true);
  expect(process.env.TF_XLA_FLAGS).toMatch(/^--tf_xla_max_cluster_size=9 --tf_xla_auto_jit=2 /);
});

it('refuses what TensorFlow of this process was not started with', async () => {
  const setUp = await fresh();
  setUp({ matmul: 'bfloat16' });
  setUp({ matmul: 'float32', xla: 'off' });
  expect(() => setUp({ xla: 'on' })).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  expect(() => setUp({ matmul: 'tf32' })).toThrow(expect.objectContaining({ code: 'bad-argument' }));
});

it('computes tiny models in one thread and begins operations of others in two, unless the environment says how many', () => {
  setThreads(SHAPES['0.5b']!);
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBeUndefined();
  expect(process.env.TF_NUM_INTEROP_THREADS).toBe('2');
  process.env.TF_NUM_INTEROP_THREADS = '4';
  setThreads(SHAPES['0.5b']!);
  expect(process.env.TF_NUM_INTEROP_THREADS).toBe('4');
  setThreads(SHAPES.tiny!);
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBe('1');
  process.env.TF_NUM_INTRAOP_THREADS = '2';
  setThreads(SHAPES.tiny!);
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBe('2');
});
