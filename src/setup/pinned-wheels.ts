import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';

/** SHA-256 in hex by the file name of a wheel, which says distribution, version and platform. */
export type PinnedWheels = Readonly<Record<string, string>>;

/**
 * Every wheel that set-up may download: TensorFlow's for each machine of `wheelFor`, and the CUDA libraries that it asks
 * for on Linux x64. Source: the Python package index, as `pip install --dry-run --report` prints it.
 */
export const PINNED_WHEELS: PinnedWheels = {
  'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl':
    '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl':
    '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl':
    '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
  'tensorflow-2.21.0-cp311-cp311-macosx_12_0_arm64.whl':
    '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
  'nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl':
    'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
  'nvidia_cuda_cupti_cu12-12.9.79-py3-none-manylinux_2_25_x86_64.whl':
    '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
  'nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl':
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
  'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl':
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
  'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl':
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
  'nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl':
    '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
  'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl':
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
  'nvidia_curand_cu12-10.3.10.19-py3-none-manylinux_2_27_x86_64.whl':
    '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
  'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl':
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
  'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl':
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
  'nvidia_nccl_cu12-2.32.3-py3-none-manylinux_2_27_x86_64.whl':
    'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
  'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl':
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
};

/**
 * The requirement that names the pinned version of a distribution, such as `nvidia-nccl-cu12==2.32.3`.
 * @throws FlockOffError `backend-unavailable` when none is pinned.
 */
export function pinnedRequirement(distribution: string, pinned: PinnedWheels): string {
  const name = distribution.replace(/[-_.]+/g, '_').toLowerCase();
  const version = Object.keys(pinned)
    .map((file) => file.split('-'))
    .find(([pinnedName]) => pinnedName === name)?.[1];
  if (version !== undefined) return `${distribution}==${version}`;
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `TensorFlow asks for ${distribution}, of which this version of flock-off knows no wheel`,
    fix: 'update flock-off',
  });
}

/**
 * Removes a downloaded wheel unless it is the pinned one.
 * @throws FlockOffError `backend-unavailable` for a wheel of another hash or name.
 */
export async function checkPinnedWheel(path: string, pinned: PinnedWheels): Promise<void> {
  const file = basename(path);
  const expected = Object.hasOwn(pinned, file) ? pinned[file] : 'none';
  const seen = await sha256OfFile(path);
  if (seen === expected) return;
  await rm(path, { force: true });
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `the downloaded wheel ${file} is not the one that flock-off knows and was removed: expected the SHA-256 ${expected}, saw ${seen}`,
    fix: 'check the package index that pip uses (PIP_INDEX_URL), and run the command again',
  });
}
