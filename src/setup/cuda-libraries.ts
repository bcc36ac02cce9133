import { readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { type PinnedWheels, pinnedRequirement } from './pinned-wheels.ts';
import { downloadWheels, type Pip } from './pip.ts';
import { requirementsOfExtra, unpackWheel } from './unpack-wheel.ts';

export interface FetchCudaLibrariesParameters {
  pip: Pip;
  /** Core metadata of TensorFlow's wheel, which names the libraries that it was made for. */
  metadata: string;
  /** Wheel platform tags that fit this machine. */
  platforms: string[];
  /** The folder that holds `tensorflow/`: NVIDIA's libraries come to `nvidia/` beside it. */
  folder: string;
  pinned: PinnedWheels;
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/** Libraries, the assembler `ptxas`, and the device code that it links. Headers are not unpacked. */
const WANTED = /^nvidia\/[^/]+\/(lib\/[^/]+\.so[.\d]*|bin\/[^/]+|nvvm\/.+\.(so|bc))$/;
/**
 * libtensorflow looks for CUDA's libraries in its RUNPATH, which names folders of `$ORIGIN/../nvidia`, but not all of them:
 * in 2.21 that of cuSOLVER is missing, and without it no GPU is used. So every library is linked into one that it names.
 */
const COMMON = join('cuda_runtime', 'lib');

/**
 * Puts the CUDA libraries of the extra `and-cuda` where libtensorflow finds them by itself. One wheel after the other is
 * downloaded, checked, unpacked and removed.
 * @throws FlockOffError `backend-unavailable` without a route, or when a download is damaged.
 */
export async function fetchCudaLibraries(parameters: FetchCudaLibrariesParameters): Promise<void> {
  const { pip, metadata, platforms, folder, pinned, env, log } = parameters;
  const names = requirementsOfExtra(metadata, 'and-cuda').map(
    (requirement) => /^[\w.-]+/.exec(requirement)?.[0] ?? requirement,
  );
  const requirements = names.map((name) => pinnedRequirement(name, pinned));
  if (requirements.length === 0) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: 'the wheel of TensorFlow names no CUDA libraries (extra "and-cuda")',
    });
  }
  for (const [i, requirement] of requirements.entries()) {
    log(`Downloading ${requirement} with pip (${i + 1} of ${requirements.length})`);
    const [file] = await downloadWheels({ pip, requirements: [requirement], platforms, folder, pinned, env });
    const path = join(folder, file!);
    const { names } = await unpackWheel({ path, folder, wanted: (name) => WANTED.test(name), title: file! });
    if (names.length === 0) {
      throw new FlockOffError({
        code: 'backend-unavailable',
        what: `the wheel ${file} holds none of the files that CUDA needs below nvidia/`,
      });
    }
    await rm(path);
  }
  await linkTogether(join(folder, 'nvidia'));
}

async function linkTogether(nvidia: string): Promise<void> {
  await makeFolder(join(nvidia, COMMON));
  const there = new Set(await readdir(join(nvidia, COMMON)));
  for (const part of await readdir(nvidia)) {
    for (const library of await readdir(join(nvidia, part, 'lib')).catch(() => [])) {
      if (there.has(library)) continue;
      there.add(library);
      await symlink(join('..', '..', part, 'lib', library), join(nvidia, COMMON, library));
    }
  }
}
