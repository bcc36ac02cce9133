import { childEnvironment } from '../shared/child-environment.ts';
import { reasonOf, runCommand } from './run-command.ts';
import { cudaProblemIn, VERBOSE_LOGGING } from './tensorflow-log.ts';
import { packageFolder, type TensorFlowPackage } from './tensorflow-package.ts';

/** The outcome of a matrix product with a backend, in a child process. */
export type Proof =
  | {
      ok: true /** Version of libtensorflow, or of the wasm package. */;
      version: string /** Computes on a CUDA device. */;
      cuda: boolean;
    }
  | { ok: false; reason: string };

const PROOF_TIMEOUT_MS = 180_000;

// tfjs-node 4.22 calls two functions of node:util that Node 23 removed (tfjs issue 8609).
const NATIVE_SCRIPT = `
  const util = require('node:util');
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const tf = require(process.argv[1]);
  const { binding, isUsingGpuDevice } = tf.backend();
  const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync();
  console.log(JSON.stringify({ version: binding.TF_Version, cuda: isUsingGpuDevice === true, product: [...product] }));`;

const WASM_SCRIPT = `
  const tf = require(process.argv[1]);
  const { version_wasm: version } = require(process.argv[2]);
  tf.enableProdMode();
  tf.setBackend('wasm').then((chosen) => {
    if (!chosen) throw new Error('TensorFlow.js refused its backend "wasm"');
    const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync();
    console.log(JSON.stringify({ version, cuda: false, product: [...product] }));
  });`;

/** Loads the native addon in a child process, so that a crash of its C++ code does not end this one. */
export function proveNative({ folder }: TensorFlowPackage): Promise<Proof> {
  return prove(NATIVE_SCRIPT, [folder]);
}

/** Why the native addon uses no CUDA device, in libtensorflow's own words, or `null` when it says nothing. */
export async function explainNoCuda({ folder }: TensorFlowPackage): Promise<string | null> {
  const { stderr } = await runScript(NATIVE_SCRIPT, [folder], VERBOSE_LOGGING);
  return cudaProblemIn(stderr);
}

/** Loads the wasm backend in a child process. */
export async function proveWasm(): Promise<Proof> {
  const folders = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'].map((name) => packageFolder(name));
  if (folders.includes(null))
    return { ok: false, reason: '@tensorflow/tfjs or @tensorflow/tfjs-backend-wasm is not installed' };
  return prove(WASM_SCRIPT, folders as string[]);
}

async function prove(script: string, args: string[]): Promise<Proof> {
  const result = await runScript(script, args, { TF_CPP_MIN_LOG_LEVEL: '3' });
  if (result.code !== 0)
    return { ok: false, reason: result.stoppedBy ? `the process was ended by ${result.stoppedBy}` : reasonOf(result) };
  try {
    const { version, cuda, product } = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '');
    if (String(product) !== '19,22,43,50') return { ok: false, reason: `it multiplied two matrices to ${product}` };
    return { ok: true, version, cuda };
  } catch {
    return { ok: false, reason: reasonOf(result) };
  }
}

function runScript(script: string, args: string[], settings: NodeJS.ProcessEnv) {
  return runCommand({
    command: process.execPath,
    args: ['-e', script, ...args],
    // Without it TensorFlow reserves all the memory of the GPU, which other programs may be using.
    env: { TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...childEnvironment({ env: process.env }), ...settings },
    timeoutMs: PROOF_TIMEOUT_MS,
  });
}
