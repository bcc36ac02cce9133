import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultCacheFolder } from '../../src/setup/cache.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { VERBOSE_LOGGING } from '../../src/setup/tensorflow-log.ts';
import { glibcVersion, wheelFor } from '../../src/setup/wheel.ts';

const wheel = wheelFor({ platform: process.platform, arch: process.arch, glibc: glibcVersion(), gpu: true });
const folder = wheel?.cuda
  ? join(defaultCacheFolder(process.env), 'tensorflow', `${wheel.distribution}-${wheel.version}-${wheel.platform}`)
  : null;
const here = folder !== null && existsSync(join(folder, 'nvidia'));
if (!here)
  console.warn('The real CUDA libraries are not tested here: "flock-off tensorflow --gpu" has not fetched them.');

const OPEN_DEVICES = `
  #include "tensorflow/c/c_api.h"
  #include "tensorflow/c/eager/c_api.h"
  int main() { TFE_NewContext(TFE_NewContextOptions(), TF_NewStatus()); }`;

test.runIf(here)(
  'libtensorflow opens every CUDA library out of the cache by itself, given a driver',
  { timeout: 120_000 },
  async () => {
    const work = await mkdtemp(join(tmpdir(), 'flock-off-driver-'));
    try {
      const driver = fileURLToPath(new URL('stand-in-driver.cc', import.meta.url));
      execFileSync('g++', ['-shared', '-fPIC', driver, '-o', join(work, 'libcuda.so.1')]);
      await copyFile(join(work, 'libcuda.so.1'), join(work, 'libnvidia-ml.so.1'));
      await writeFile(join(work, 'open.cc'), OPEN_DEVICES);
      const program = join(work, 'open');
      const tensorflow = join(folder!, 'tensorflow');
      const libraries = wheel!.libraries.map((library) => join(folder!, library));
      const include = `-I${join(tensorflow, 'include')}`;
      execFileSync('g++', [include, join(work, 'open.cc'), ...libraries, `-Wl,-rpath,${tensorflow}`, '-o', program]);
      // The driver alone is found there. What comes after the libraries are open, it cannot do.
      const env = { ...VERBOSE_LOGGING, LD_LIBRARY_PATH: work };
      const { stderr } = await runCommand({ command: program, args: [], env, timeoutMs: 60_000 });
      const opened = [...stderr.matchAll(/Successfully opened dynamic library (\S+)\.so/g)].map(([, name]) => name);
      expect([...new Set(opened)].sort()).toEqual(
        ['cuda', 'nvidia-ml', 'cudart', 'cublas', 'cublasLt', 'cufft', 'cusolver', 'cusparse', 'cudnn']
          .map((name) => `lib${name}`)
          .sort(),
      );
      expect(stderr).not.toMatch(/Could not load dynamic library|Cannot dlopen/);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
);
