import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { cacheEntry, checkFreeSpace } from './cache.ts';
import { fetchCudaLibraries } from './cuda-libraries.ts';
import type { PinnedWheels } from './pinned-wheels.ts';
import { downloadWheels, findPip } from './pip.ts';
import { unpackWheel } from './unpack-wheel.ts';

/** A wheel of TensorFlow that holds what the addon needs. */
export interface Wheel {
  /** Name on the Python package index. */
  distribution: string;
  version: string;
  /** Wheel platform tag. */
  platform: string;
  /** Its two shared libraries, inside the wheel. */
  libraries: [string, string];
  /** True when it computes on CUDA devices. */
  cuda: boolean;
  /** Free space that download and unpacking need together. */
  needsBytes: number;
}

/** libtensorflow and its C headers, unpacked in the user's cache. */
export interface UnpackedWheel extends Wheel {
  /** Top folder: libraries in `tensorflow/`, headers in `tensorflow/include/`, those of CUDA in `nvidia/`. */
  folder: string;
}

const LINUX_LIBRARIES: [string, string] = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
];
const MAC_LIBRARIES: [string, string] = [
  'tensorflow/libtensorflow_cc.2.dylib',
  'tensorflow/libtensorflow_framework.2.dylib',
];

/** TensorFlow's Linux wheels need glibc 2.27. */
const GLIBC_MINOR = 27;

/** What the addon's two source files include, directly or not. */
const HEADERS =
  /^tensorflow\/include\/(tensorflow\/c\/|tensorflow\/core\/platform\/ctstring|(xla\/)?tsl\/(platform\/ctstring|c\/)).*\.h$/;

export interface WheelForParameters {
  platform: NodeJS.Platform;
  arch: string;
  /** Version of glibc; `null` on Linux means another C library (musl), for which there are no wheels. */
  glibc: string | null;
  gpu: boolean;
}

/** The wheel for a machine, or `null` where TensorFlow publishes none. */
export function wheelFor({ platform, arch, glibc, gpu }: WheelForParameters): Wheel | null {
  if (platform === 'linux' && atLeast(glibc, 2, GLIBC_MINOR)) {
    const linux = { version: '2.21.0', libraries: LINUX_LIBRARIES };
    if (arch === 'x64' && gpu) {
      return { ...linux, distribution: 'tensorflow', platform: 'manylinux_2_27_x86_64', cuda: true, needsBytes: 6.5e9 };
    }
    if (arch === 'x64') {
      return {
        ...linux,
        distribution: 'tensorflow-cpu',
        platform: 'manylinux_2_27_x86_64',
        cuda: false,
        needsBytes: 1.3e9,
      };
    }
    if (arch === 'arm64') {
      return {
        ...linux,
        distribution: 'tensorflow',
        platform: 'manylinux_2_27_aarch64',
        cuda: false,
        needsBytes: 1.3e9,
      };
    }
  }
  if (platform === 'darwin' && arch === 'arm64') {
    const mac = { version: '2.21.0', libraries: MAC_LIBRARIES, cuda: false, needsBytes: 1.1e9 };
    return { ...mac, distribution: 'tensorflow', platform: 'macosx_12_0_arm64' };
  }
  return null;
}

/** Version of the C library this process runs on, or `null` when it is not glibc. */
export function glibcVersion(): string | null {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime ?? null;
}

export interface FetchWheelParameters {
  wheel: Wheel;
  /** Cache folder of this package. */
  cacheFolder: string;
  /** Downloads and unpacks even when the cache has it. */
  force: boolean;
  pinned: PinnedWheels;
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/**
 * Takes libtensorflow and its C headers out of a wheel, with the CUDA libraries that it asks for, or finds them in the
 * cache. The cache entry appears by one rename once every wheel has its pinned SHA-256 and every file the one that its
 * wheel records, so an interrupted run leaves nothing half-made.
 * @throws FlockOffError `backend-unavailable` without pip, route or such a wheel, or for a wheel of another hash; `disk`
 *   without space.
 */
export async function fetchWheel({
  wheel,
  cacheFolder,
  force,
  pinned,
  env,
  log,
}: FetchWheelParameters): Promise<UnpackedWheel> {
  const name = `${wheel.distribution}-${wheel.version}-${wheel.platform}`;
  const entry = cacheEntry(join(cacheFolder, 'tensorflow'), name);
  const unpacked = { ...wheel, folder: entry.folder };
  if (!force && (await isComplete(unpacked))) return unpacked;
  const { incomplete } = await entry.start();
  try {
    await checkFreeSpace(incomplete, wheel.needsBytes);
    log(`Downloading ${wheel.distribution} ${wheel.version} with pip (once; kept in ${cacheFolder})`);
    const pip = await findPip(env);
    const [file] = await downloadWheels({
      pip,
      requirements: [`${wheel.distribution}==${wheel.version}`],
      platforms: [wheel.platform],
      folder: incomplete,
      pinned,
      env,
    });
    log('Unpacking libtensorflow');
    const metadata = await unpackLibtensorflow(join(incomplete, file!), wheel, incomplete);
    await rm(join(incomplete, file!));
    if (wheel.cuda) {
      await fetchCudaLibraries({
        pip,
        metadata,
        platforms: manylinuxTags('x86_64'),
        folder: incomplete,
        pinned,
        env,
        log,
      });
    }
    // Another process may have finished the same entry meanwhile, and compile against it by now: it is left alone.
    if (force || !(await isComplete(unpacked))) await replaceFolder(incomplete, entry.folder);
    return unpacked;
  } catch (error) {
    if (!force && (await isComplete(unpacked))) return unpacked;
    throw error;
  } finally {
    await rm(incomplete, { recursive: true, force: true });
  }
}

/** Moves a folder to where another may be, which is removed only if the rename fails. */
async function replaceFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch {
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  }
}

/** @returns the wheel's core metadata. */
async function unpackLibtensorflow(path: string, wheel: Wheel, folder: string): Promise<string> {
  const wanted = (name: string) => wheel.libraries.includes(name) || HEADERS.test(name);
  const title = `${wheel.distribution} ${wheel.version}`;
  const { names, metadata } = await unpackWheel({ path, folder, wanted, title });
  const missing = wheel.libraries.find((library) => !names.includes(library));
  if (missing) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: `the wheel ${title} holds no ${missing}`,
      fix: 'run the command again with --force',
    });
  }
  return metadata;
}

async function isComplete({ folder, libraries, cuda }: UnpackedWheel): Promise<boolean> {
  try {
    if (cuda) await stat(join(folder, 'nvidia'));
    for (const library of libraries) if ((await stat(join(folder, library))).size === 0) return false;
    return true;
  } catch {
    return false;
  }
}

/** Platform tags of wheels that run wherever TensorFlow's own does. */
function manylinuxTags(architecture: string): string[] {
  const tags = [`manylinux2014_${architecture}`];
  for (let minor = 17; minor <= GLIBC_MINOR; minor++) tags.push(`manylinux_2_${minor}_${architecture}`);
  return tags;
}

function atLeast(version: string | null, major: number, minor: number): boolean {
  const [a = 0, b = 0] = (version ?? '').split('.').map(Number);
  return a > major || (a === major && b >= minor);
}
