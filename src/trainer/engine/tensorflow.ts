import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import util from 'node:util';
import type * as tfjs from '@tensorflow/tfjs';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';

/** TensorFlow.js as a value, so that nothing in this room imports it. */
export type Tf = typeof tfjs;

/** Backends that can run the model, in the order they are tried. */
export const BACKENDS = ['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** The backend in use, for reports. */
export interface BackendInfo {
  name: BackendName;
  /** Version of the npm package. */
  packageVersion: string;
  /** Version of the native libtensorflow; `null` for wasm and cpu. */
  libraryVersion: string | null;
  /** True when libtensorflow computes on a CUDA device. */
  cuda: boolean;
}

export interface LoadedTensorFlow {
  tf: Tf;
  backend: BackendInfo;
}

/** One line of the doctor's report: `info` when the backend runs here, else the `reason` why it does not. */
export interface BackendProbe {
  name: BackendName;
  info: BackendInfo | null;
  reason: string | null;
}

export interface LoadTensorFlowParameters {
  /** Use this one and no other. Default: the first of {@link BACKENDS} that runs. */
  backend?: BackendName;
}

const PACKAGES: Record<BackendName, string> = {
  'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu',
  'tfjs-node': '@tensorflow/tfjs-node',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: '@tensorflow/tfjs',
};

/**
 * Loads TensorFlow.js with the asked-for backend, or with the first one that runs.
 * The environment of libtensorflow (`TF_CPP_MIN_LOG_LEVEL` and others) is the caller's to set, before this call.
 * @throws FlockOffError `backend-unavailable`, with the reason of each backend that was tried.
 */
export async function loadTensorFlow({ backend }: LoadTensorFlowParameters = {}): Promise<LoadedTensorFlow> {
  const failures: string[] = [];
  for (const name of backend ? [backend] : BACKENDS) {
    try {
      return await start(name);
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`);
    }
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `no TensorFlow.js backend could be started (${failures.join('; ')})`,
    fix: 'run "npx flock-off tensorflow", or install @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm',
    facts: { tried: failures },
  });
}

/** Starts every backend in turn and says which run here, for `flock-off doctor`. Leaves the best one active. */
export async function probeBackends(): Promise<BackendProbe[]> {
  const probes: BackendProbe[] = [];
  for (const name of BACKENDS) {
    // Two native addons in one process would load libtensorflow twice.
    const native = probes.find((probe) => probe.info?.libraryVersion);
    if (native && name === 'tfjs-node') {
      probes.push({ name, info: null, reason: `not tried: ${native.name} is in use` });
      continue;
    }
    try {
      const { backend } = await start(name);
      probes.push({ name, info: backend, reason: null });
    } catch (error) {
      probes.push({ name, info: null, reason: reasonOf(error) });
    }
  }
  const best = probes.find((probe) => probe.info);
  if (best) await start(best.name);
  return probes;
}

async function start(name: BackendName): Promise<LoadedTensorFlow> {
  const isNative = name === 'tfjs-node-gpu' || name === 'tfjs-node';
  if (isNative) restoreRemovedNodeFunctions();
  const packageVersion = await installedVersion(PACKAGES[name]);
  const tf = await importTensorFlow(isNative ? PACKAGES[name] : PACKAGES.cpu);
  // Without production mode the JavaScript kernels advertise the native package on the console.
  if (!isNative) tf.enableProdMode();
  if (name === 'wasm') await import(PACKAGES.wasm);
  const wanted = isNative ? 'tensorflow' : name;
  if (!(await tf.setBackend(wanted))) throw new Error(`TensorFlow.js refused its backend "${wanted}"`);
  await tf.ready();
  const native = isNative ? (tf.backend() as unknown as NativeBackend) : null;
  return {
    tf,
    backend: {
      name,
      packageVersion,
      libraryVersion: native?.binding.TF_Version ?? null,
      cuda: native?.isUsingGpuDevice ?? false,
    },
  };
}

interface NativeBackend {
  binding: { TF_Version: string };
  isUsingGpuDevice: boolean;
}

async function importTensorFlow(packageName: string): Promise<Tf> {
  const module = (await import(packageName)) as Tf & { default?: Tf };
  return module.default ?? module;
}

async function installedVersion(packageName: string): Promise<string> {
  const path = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}

/** tfjs-node 4.22 calls two functions of node:util that Node 23 removed (tfjs issue 8609). */
function restoreRemovedNodeFunctions(): void {
  if (Number(process.versions.node.split('.')[0]) < 23) return;
  const legacy = util as unknown as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return 'not installed';
  return messageOf(error).split('\n')[0] ?? '';
}
