import { expect, test } from 'vitest';
import { canRunGraphs } from '../../../../src/trainer/engine/graph/binding.ts';
import { probeOperations } from '../../../../src/trainer/engine/graph/probe-operations.ts';
import { loadTensorFlow } from '../../../../src/trainer/engine/tensorflow.ts';

test('each key operation is run and its result checked', async ({ skip }) => {
  const { tf } = await loadTensorFlow();
  if (!canRunGraphs(tf)) skip('no native TensorFlow is linked');
  const probes = await probeOperations(tf);
  expect(probes.map(({ operation, dtype }) => `${operation} ${dtype}`)).toEqual([
    'MatMul float32',
    'BatchMatMulV2 float32',
    'MatMul bfloat16',
    'BatchMatMulV2 bfloat16',
    'MatMul float16',
    'BatchMatMulV2 float16',
    'Softmax float32',
    'GatherV2 bfloat16',
    'UnsortedSegmentSum float32',
    'StatelessRandomUniformFullIntV2 uint32',
    'GreaterEqual uint16',
    'ResourceApplyAdam float32',
  ]);
  expect(probes.filter(({ problem }) => problem !== null)).toEqual([]);
  expect(new Set(probes.map(({ node }) => node)).size).toBe(probes.length);
});

test('without the native addon nothing is run', async () => {
  const { tf } = await loadTensorFlow({ backend: 'cpu' });
  expect(await probeOperations(tf)).toEqual([]);
});
