import { delimiter } from 'node:path';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { removeAddon } from './addon.ts';
import { reasonOf, runCommand } from './run-command.ts';
import { binFolders, type TensorFlowPackage } from './tensorflow-package.ts';

const PROBE_TIMEOUT_MS = 5_000;
const INSTALL_TIMEOUT_MS = 1_200_000;

export interface InstallPrebuiltParameters {
  tensorflow: TensorFlowPackage;
  gpu: boolean;
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/**
 * Runs the install script of tfjs-node itself, which downloads libtensorflow 2.9.1 (for GPUs: CUDA 11.2) and an addon.
 * @throws FlockOffError `backend-unavailable` when the download host does not answer within 5 s, or the script fails.
 */
export async function installPrebuilt({ tensorflow, gpu, env, log }: InstallPrebuiltParameters): Promise<void> {
  const host = env.TFJS_NODE_CDN_STORAGE || 'https://storage.googleapis.com/';
  await probe(`${host}tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz`);
  log('Downloading libtensorflow 2.9.1, prebuilt for tfjs-node');
  await removeAddon(tensorflow);
  const result = await runCommand({
    command: process.execPath,
    args: ['scripts/install.js', gpu ? 'gpu' : 'cpu', 'download'],
    cwd: tensorflow.folder,
    env: { ...env, PATH: [...binFolders(tensorflow.folder), env.PATH].join(delimiter) },
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
  if (result.code === 0) return;
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `the install script of ${tensorflow.name} failed (${reasonOf(result)})`,
    fix: 'try again later',
    transient: true,
  });
}

async function probe(url: string): Promise<void> {
  let seen: string;
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    if (response.ok) return;
    seen = `it answered ${response.status}`;
  } catch (error) {
    seen = messageOf(error instanceof Error && error.cause ? error.cause : error);
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `the download host of tfjs-node, ${new URL(url).host}, cannot be used (${seen})`,
    fix: 'check the route to it',
    transient: true,
  });
}
