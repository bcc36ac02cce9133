import { expect, test } from 'vitest';
import { cudaProblemIn, placementsIn } from '../../src/setup/tensorflow-log.ts';

// Lines of libtensorflow 2.21; that of the GPU is the CPU's with another device.
const CPU = '/job:localhost/replica:0/task:0/device:CPU:0';
const GPU = '/job:localhost/replica:0/task:0/device:GPU:0';
const processed = (node: string, op: string, device: string) =>
  `I0000 00:00:1795459803.578372   22968 executor.cc:879] Process node: 8 step 1 {{node ${node}}} = ${op}[T=DT_BFLOAT16, _device="${device}"](n1, n1) device: ${device}`;
const missing = (library: string) =>
  `I0000 00:00:1795460073.355937   26392 dso_loader.cc:144] Could not load dynamic library '${library}'; dlerror: ${library}: cannot open shared object file: No such file or directory`;
const opened =
  'I0000 00:00:1795460074.626532   26409 dso_loader.cc:133] Successfully opened dynamic library libcuda.so.1';
const refused =
  'E0000 00:00:1795460073.355975   26392 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)';

test('the log says on which device each node ran', () => {
  const log = [
    processed('MatMul_bfloat16_3', '_MklMatMul', CPU),
    'noise',
    processed('Softmax_float32_1', 'Softmax', GPU),
  ];
  expect([...placementsIn(log.join('\n'))]).toEqual([
    ['MatMul_bfloat16_3', 'CPU:0'],
    ['Softmax_float32_1', 'GPU:0'],
  ]);
});

test.each([
  ['no driver', [missing('libcuda.so.1'), refused], 'the NVIDIA driver is not installed (there is no libcuda.so.1)'],
  [
    'libraries missing',
    [opened, missing('libcusolver.so.11'), missing('libcudnn.so.9')],
    'libcusolver.so.11, libcudnn.so.9 could not be loaded',
  ],
  [
    'a driver that does not start',
    [opened, refused],
    'the NVIDIA driver does not start (Failed call to cuInit: UNKNOWN ERROR (303))',
  ],
  ['a build without CUDA', ['nothing about libraries'], 'the TensorFlow that is linked was built for the CPU alone'],
  ['nothing wrong that it tells', [opened], null],
])('%s: the reason why no CUDA device computes', (_, lines, reason) => {
  expect(cudaProblemIn(lines.join('\n'))).toBe(reason);
});
