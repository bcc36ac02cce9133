import { delimiter } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { childEnvironment } from '../shared/child-environment.ts';
import { fetchFailure } from '../shared/fetch-failure.ts';
import { proxySettings } from '../shared/proxy.ts';
import { httpRoute } from '../shared/proxy-fetch.ts';
import { removeAddon } from './addon.ts';
import { reasonOf, runCommand } from './run-command.ts';
import { binFolders, type TensorFlowPackage } from './tensorflow-package.ts';

/** What the install script reads, for mirrors. */
const SETTINGS = ['TFJS_NODE_CDN_STORAGE', 'CDN_STORAGE', 'TFJS_NODE_BASE_URI'].flatMap((name) => [
  name,
  `npm_config_${name}`,
]);
const PROBE_TIMEOUT_MS = 5_000;
const INSTALL_TIMEOUT_MS = 1_200_000;

export interface InstallPrebuiltParameters {
  tensorflow: TensorFlowPackage;
  gpu: boolean;
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
}

/**
 * Runs the install script of tfjs-node itself, which downloads libtensorflow 2.9.1 (for GPUs: CUDA 11.2) and an addon. No
 * hash checks them, so this route is taken only where it is named.
 * @throws FlockOffError `backend-unavailable` when the download host does not answer within 5 s, or the script fails.
 */
export async function installPrebuilt({ tensorflow, gpu, env, log }: InstallPrebuiltParameters): Promise<void> {
  const host = env.TFJS_NODE_CDN_STORAGE || 'https://storage.googleapis.com/';
  await probe(`${host}tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz`, env);
  log('Downloading libtensorflow 2.9.1, prebuilt for tfjs-node');
  await removeAddon(tensorflow);
  const result = await runCommand({
    command: process.execPath,
    args: ['scripts/install.js', gpu ? 'gpu' : 'cpu', 'download'],
    cwd: tensorflow.folder,
    env: {
      ...childEnvironment({ env, names: SETTINGS }),
      ...proxyOfInstallScript(host, env),
      PATH: [...binFolders(tensorflow.folder), env.PATH].join(delimiter),
    },
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

async function probe(url: string, env: NodeJS.ProcessEnv): Promise<void> {
  let seen: string;
  try {
    const { fetch } = httpRoute({ env }, url);
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    if (response.ok) return;
    seen = `it answered ${response.status}`;
  } catch (error) {
    seen = fetchFailure(error);
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `the download host of tfjs-node, ${new URL(url).host}, cannot be used (${seen})`,
    fix: 'check the route to it',
    transient: true,
  });
}

/** The script knows proxies but not NO_PROXY. */
function proxyOfInstallScript(host: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const url = proxySettings(undefined, env)?.(host)?.url;
  return url ? { HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: env.no_proxy ?? env.NO_PROXY } : {};
}
