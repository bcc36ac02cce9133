import { existsSync } from 'node:fs';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { secretsOfProcess } from '../shared/process-secrets.ts';
import { Secrets } from '../shared/secrets.ts';
import { buildAddon, placeAddon, removeAddon } from './addon.ts';
import { PINNED_WHEELS, type PinnedWheels } from './pinned-wheels.ts';
import { installPrebuilt } from './prebuilt.ts';
import { explainNoCuda, type Proof, proveNative, proveWasm } from './proof.ts';
import { DEFAULT_ROUTES, type Route } from './routes.ts';
import { findTensorFlowPackage, type TensorFlowPackage } from './tensorflow-package.ts';
import { fetchWheel, glibcVersion, wheelFor } from './wheel.ts';

export interface LinkTensorFlowParameters {
  /** Cache folder of this package: wheels are unpacked and addons kept there. */
  cacheFolder: string;
  /** The package to link. Default: the one that the trainer will load; `null` when none is installed. */
  tensorflow?: TensorFlowPackage | null;
  /** Try these alone, in this order. Default: {@link DEFAULT_ROUTES}. */
  routes?: readonly Route[];
  /** Link the build that computes on CUDA devices. */
  gpu?: boolean;
  /** Download and compile again, whatever is there. */
  force?: boolean;
  /** The wheels that may be downloaded. Default: {@link PINNED_WHEELS}. */
  pinned?: PinnedWheels;
  env?: NodeJS.ProcessEnv;
  /** Receives a line before each step that takes time. */
  log?: (line: string) => void;
}

/** The TensorFlow that works now, verified by a matrix product in a child process. */
export interface LinkedTensorFlow {
  route: Route;
  /** `native` is libtensorflow, `wasm` the backend that needs nothing but npm packages. */
  backend: 'native' | 'wasm';
  /** Version of libtensorflow, or of the wasm package. */
  version: string;
  /** True when a CUDA device computes. */
  cuda: boolean;
  /** With `gpu`: why none does, as far as that is known; else `null`. */
  cudaProblem: string | null;
  /** The npm package that was linked; `null` for wasm. */
  package: TensorFlowPackage | null;
  /** Why each earlier route could not be taken, one line each. */
  failures: string[];
}

const NO_PACKAGE =
  'Neither @tensorflow/tfjs-node-gpu nor @tensorflow/tfjs-node is installed beside flock-off: run "npm install --ignore-scripts @tensorflow/tfjs-node-gpu".';

/**
 * Gives the installed tfjs-node a native TensorFlow, by the first route that works: what is linked already, the pip
 * wheel; else falls back to wasm. Safe to repeat and to interrupt.
 * @throws FlockOffError `backend-unavailable` when not even wasm works, with the reason of each route.
 */
export async function linkTensorFlow(options: LinkTensorFlowParameters): Promise<LinkedTensorFlow> {
  const { routes = DEFAULT_ROUTES, force = false, tensorflow = findTensorFlowPackage() } = options;
  const failures: string[] = tensorflow ? [] : [NO_PACKAGE];
  // pip and the compiler quote addresses of indexes and proxies.
  const secrets = new Secrets(secretsOfProcess({ env: options.env ?? process.env }));
  for (const route of routes) {
    if ((route === 'linked' && force) || (route !== 'wasm' && !tensorflow)) continue;
    try {
      if (route === 'wasm') {
        // When --gpu or --force fails, the addon that works stays.
        const kept = routes.includes('linked') && tensorflow ? await keepLinked(tensorflow, options) : null;
        if (kept) return { ...kept, failures };
        if (tensorflow && existsSync(tensorflow.addon))
          options.log?.(`Taking the native addon out of ${tensorflow.name}`);
        return { ...(await useWasm(tensorflow)), failures };
      }
      return { ...(await linkNative(route, tensorflow!, options)), failures };
    } catch (error) {
      // Nothing linked yet is no failure.
      if (route !== 'linked') failures.push(secrets.mask(`${route}: ${messageOf(error)}`));
    }
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `TensorFlow could not be linked. ${failures.join(' ')}`.replace(/\.$/, ''),
    facts: { tried: failures },
  });
}

async function linkNative(
  route: Exclude<Route, 'wasm'>,
  tensorflow: TensorFlowPackage,
  options: LinkTensorFlowParameters,
) {
  const { cacheFolder, gpu = false, force = false, pinned = PINNED_WHEELS } = options;
  const { env = process.env, log = () => {} } = options;
  if (route === 'prebuilt') await installPrebuilt({ tensorflow, gpu, env, log });
  if (route === 'wheel') {
    const wheel = wheelFor({ platform: process.platform, arch: process.arch, glibc: glibcVersion(), gpu });
    if (!wheel) {
      throw new FlockOffError({
        code: 'backend-unavailable',
        what: `there is no wheel of TensorFlow for ${process.platform} on ${process.arch} with this C library`,
        fix: 'to take the download of tfjs-node itself, which no hash checks, run "npx flock-off tensorflow --only prebuilt,wasm"',
      });
    }
    const unpacked = await fetchWheel({ wheel, cacheFolder, force, pinned, env, log });
    const addon = await buildAddon({ tensorflow, wheel: unpacked, force, env, log });
    await placeAddon(addon, { tensorflow, wheel: unpacked });
  }
  const proof: Proof = existsSync(tensorflow.addon)
    ? await proveNative(tensorflow)
    : { ok: false, reason: 'its addon is not linked' };
  if (proof.ok && (proof.cuda || !gpu || route !== 'linked')) {
    const { version, cuda } = proof;
    const cudaProblem = gpu && !cuda ? await explainNoCuda(tensorflow) : null;
    return { route, backend: 'native' as const, version, cuda, cudaProblem, package: tensorflow };
  }
  // An addon that crashes would take the trainer down with it; without one the trainer falls back to wasm.
  if (!proof.ok && route !== 'linked') await removeAddon(tensorflow);
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `${tensorflow.name} did not run (${proof.ok ? 'no CUDA device computes' : proof.reason})`,
  });
}

async function keepLinked(tensorflow: TensorFlowPackage, options: LinkTensorFlowParameters) {
  return linkNative('linked', tensorflow, { ...options, gpu: false }).catch(() => null);
}

async function useWasm(tensorflow: TensorFlowPackage | null) {
  if (tensorflow) await removeAddon(tensorflow);
  const proof = await proveWasm();
  if (!proof.ok) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: `the wasm backend did not run (${proof.reason})`,
      fix: 'install @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm',
    });
  }
  const { version } = proof;
  return { route: 'wasm' as const, backend: 'wasm' as const, version, cuda: false, cudaProblem: null, package: null };
}

/** The outcome as one line. */
export function describeTensorFlow({ backend, version, cuda, package: linked }: LinkedTensorFlow): string {
  if (backend === 'wasm') return `TensorFlow.js ${version} on WebAssembly`;
  return `TensorFlow ${version}, native, on ${cuda ? 'CUDA' : 'the CPU'} (${linked?.name} ${linked?.version})`;
}

/** A warning about the wasm backend: what is slower, why, and how to fix it. */
export function wasmWarning({ failures }: LinkedTensorFlow, command: string): string {
  return [
    'No native TensorFlow: training runs on WebAssembly, ten times slower on all but the smallest models, without GPU.',
    ...failures.map((failure) => `  ${failure}`),
    failures.length > 0 ? `When that is done, run "${command}".` : `To link a native one, run "${command}".`,
  ].join('\n');
}
