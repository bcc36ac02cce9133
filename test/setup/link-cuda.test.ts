import { constants, existsSync } from 'node:fs';
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linkTensorFlow } from '../../src/setup/link-tensorflow.ts';
import type { TensorFlowPackage } from '../../src/setup/tensorflow-package.ts';
import {
  type FakeWheel,
  isLinked,
  makeCudaWheel,
  makeLibrary,
  makePackage,
  makeWheel,
  missingTool,
  pin,
  pipEnvironment,
  startIndex,
  wheelForThisMachine,
} from './fake-tensorflow.ts';

const missing =
  missingTool() ?? (wheelForThisMachine({ gpu: true })?.cuda ? null : 'no build for GPUs for this machine');
if (missing) console.warn(`Linking with CUDA is not tested here: ${missing}.`);

// Wheels of a few kilobytes; the library of the first finds cuSOLVER by its own RUNPATH or not at all, as the real one does.
describe.skipIf(missing)('linking TensorFlow with CUDA', { timeout: 120_000 }, () => {
  let root: string;
  let tensorFlow: FakeWheel;
  let cuSolver: FakeWheel;
  let tools: FakeWheel;
  let tensorflow: TensorFlowPackage;
  let cacheFolder: string;
  let count = 0;
  const offline = pipEnvironment('http://127.0.0.1:9/simple');
  const inCache = (...path: string[]) =>
    join(cacheFolder, 'tensorflow', 'tensorflow-2.21.0-manylinux_2_27_x86_64', ...path);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'flock-off-cuda-'));
    tensorFlow = await makeWheel(root, {
      version: '2.21.0',
      cuda: ['nvidia-cuda-nvcc-cu12<13.0,>=12.5', 'nvidia-cusolver-cu12<12.0,>=11.6'],
    });
    cuSolver = makeCudaWheel('nvidia-cusolver-cu12', '11.7', {
      'nvidia/cusolver/lib/libcusolver.so.11': await makeLibrary(root, 'libcusolver.so.11'),
      'nvidia/cusolver/include/cusolver.h': 'not needed',
    });
    tools = makeCudaWheel('nvidia-cuda-nvcc-cu12', '12.9', {
      'nvidia/cuda_nvcc/bin/ptxas': '#!/bin/sh',
      'nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc': 'code',
    });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  beforeEach(async () => {
    count += 1;
    tensorflow = await makePackage(join(root, `package-${count}`));
    cacheFolder = join(root, `cache-${count}`);
  });

  test('the CUDA libraries that the wheel asks for are where it finds them by itself, and are downloaded once', async () => {
    const tooNew = makeCudaWheel('nvidia-cusolver-cu12', '12.0', { 'nvidia/cusolver/lib/libcusolver.so.12': 'new' });
    const index = await startIndex(tensorFlow, tools, cuSolver, tooNew);
    const lines: string[] = [];
    const options = {
      tensorflow,
      cacheFolder,
      gpu: true,
      pinned: pin(tensorFlow, tools, cuSolver),
      env: pipEnvironment(index.url),
    };
    const linked = await linkTensorFlow({ ...options, log: (line) => lines.push(line) });
    expect(linked).toMatchObject({ route: 'wheel', cuda: true, cudaProblem: null, failures: [] });
    expect(lines).toContain('Downloading nvidia-cusolver-cu12==11.7 with pip (2 of 2)');
    expect(index.downloads).toBe(3);
    await access(inCache('nvidia/cuda_nvcc/bin/ptxas'), constants.X_OK);
    expect(existsSync(inCache('nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc'))).toBe(true);
    expect(existsSync(inCache('nvidia/cusolver/include'))).toBe(false);
    expect((await readdir(inCache())).filter((name) => name.endsWith('.whl'))).toEqual([]);

    const copy = await makePackage(join(root, 'copy'));
    const again = await linkTensorFlow({ ...options, tensorflow: copy, env: offline });
    expect(again).toMatchObject({ route: 'wheel', cuda: true });
    await index.close();
  });

  test.each([
    [
      'a damaged CUDA library',
      () => [
        makeCudaWheel(
          'nvidia-cusolver-cu12',
          '11.7',
          { 'nvidia/cusolver/lib/libcusolver.so.11': '' },
          { damaged: true },
        ),
      ],
      'SHA-256',
    ],
    ['an index without one of them', () => [], /pip could not download nvidia-cusolver-cu12/],
    [
      'a wheel without libraries',
      () => [makeCudaWheel('nvidia-cusolver-cu12', '11.7', { 'cusolver.txt': '' })],
      'holds none of the files',
    ],
  ])('%s is refused and leaves nothing behind', async (_, offered, sentence) => {
    const wheels = [tensorFlow, tools, ...offered()];
    const index = await startIndex(...wheels);
    const pinned = pin(cuSolver, ...wheels);
    const options = { tensorflow, cacheFolder, gpu: true, pinned, routes: ['wheel'] as const };
    await expect(linkTensorFlow({ ...options, env: pipEnvironment(index.url) })).rejects.toThrow(sentence);
    expect(await readdir(join(cacheFolder, 'tensorflow'))).toEqual([]);
    expect(isLinked(tensorflow)).toBe(false);
    await index.close();
  });

  test('a wheel that was unpacked without CUDA libraries is fetched again', async () => {
    const index = await startIndex(tensorFlow, tools, cuSolver);
    const options = {
      tensorflow,
      cacheFolder,
      gpu: true,
      pinned: pin(tensorFlow, tools, cuSolver),
      env: pipEnvironment(index.url),
    };
    await linkTensorFlow(options);
    await rm(inCache('nvidia'), { recursive: true });
    expect(await linkTensorFlow(options)).toMatchObject({ route: 'wheel', cuda: true });
    expect(index.downloads).toBe(6);
    await index.close();
  });
});
