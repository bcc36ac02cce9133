import { expect, test } from 'vitest';
import { PINNED_WHEELS, pinnedRequirement } from '../../src/setup/pinned-wheels.ts';
import { parseRoutes } from '../../src/setup/routes.ts';
import { parseRecord, requirementsOfExtra } from '../../src/setup/unpack-wheel.ts';
import { wheelFor } from '../../src/setup/wheel.ts';

test.each([
  ['linux', 'x64', '2.36', false, 'tensorflow-cpu', 'manylinux_2_27_x86_64'],
  ['linux', 'x64', '2.36', true, 'tensorflow', 'manylinux_2_27_x86_64'],
  ['linux', 'arm64', '2.27', false, 'tensorflow', 'manylinux_2_27_aarch64'],
  ['darwin', 'arm64', null, false, 'tensorflow', 'macosx_12_0_arm64'],
] as const)('%s on %s with glibc %s, GPU %s, takes %s for %s', (platform, arch, glibc, gpu, distribution, tag) => {
  const wheel = wheelFor({ platform, arch, glibc, gpu });
  expect(wheel).toMatchObject({ distribution, platform: tag, cuda: gpu });
  const file = `${distribution.replace('-', '_')}-${wheel?.version}-cp311-cp311-${tag}.whl`;
  expect(PINNED_WHEELS[file]).toMatch(/^[0-9a-f]{64}$/);
  expect(pinnedRequirement(distribution, PINNED_WHEELS)).toBe(`${distribution}==${wheel?.version}`);
});

test.each([
  ['Linux with another C library than glibc', 'linux', 'x64', null],
  ['Linux with a glibc before 2.27', 'linux', 'x64', '2.26'],
  ['Linux on another processor', 'linux', 'riscv64', '2.40'],
  ['a Mac with an Intel processor', 'darwin', 'x64', null],
  ['Windows', 'win32', 'x64', null],
] as const)('%s has no wheel', (_, platform, arch, glibc) => {
  expect(wheelFor({ platform, arch, glibc, gpu: false })).toBeNull();
});

test('a CUDA library has one pinned version, however its name is written; an unknown one is refused', () => {
  expect(pinnedRequirement('nvidia-nccl-cu12', PINNED_WHEELS)).toBe('nvidia-nccl-cu12==2.32.3');
  expect(pinnedRequirement('NVIDIA.nccl_cu12', PINNED_WHEELS)).toBe('NVIDIA.nccl_cu12==2.32.3');
  expect(() => pinnedRequirement('nvidia-nccl', PINNED_WHEELS)).toThrow(
    'TensorFlow asks for nvidia-nccl, of which this version of flock-off knows no wheel. Update flock-off.',
  );
});

test('a wheel record gives the SHA-256 of each file, and none for the record itself', () => {
  const record = 'a/lib.so.2,sha256=ab-_9,12\r\n"b,c.h",sha256=xyz,3\nt.dist-info/RECORD,,\n';
  expect([...parseRecord(record)]).toEqual([
    ['a/lib.so.2', 'ab-_9'],
    ['b,c.h', 'xyz'],
  ]);
});

test('the requirements of an extra are those alone, without their markers', () => {
  const metadata = [
    'Requires-Dist: numpy>=1.26.0',
    'Provides-Extra: and-cuda',
    'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
    "Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; sys_platform == 'linux' and extra == 'and-cuda'",
    'Requires-Dist: tensorflow-io-gcs-filesystem>=0.23.1; python_version < "3.13" and extra == "gcs-filesystem"',
  ].join('\n');
  expect(requirementsOfExtra(metadata, 'and-cuda')).toEqual([
    'nvidia-cublas-cu12<13.0,>=12.5.3.2',
    'nvidia-nccl-cu12 (<3.0,>=2.27.7)',
  ]);
});

test('routes are read in their order; nothing means those whose downloads are checked; a wrong name is refused with the right ones', () => {
  expect(parseRoutes('wasm, wheel')).toEqual(['wasm', 'wheel']);
  expect(parseRoutes(undefined)).toEqual(['linked', 'wheel', 'wasm']);
  expect(parseRoutes('')).toEqual(['linked', 'wheel', 'wasm']);
  expect(parseRoutes('prebuilt')).toEqual(['prebuilt']);
  expect(() => parseRoutes('wheel,cuda')).toThrow(
    '"cuda" is no route to TensorFlow. Choose among linked, wheel, prebuilt, wasm.',
  );
});
