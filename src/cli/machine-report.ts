import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, homedir, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { messageOf } from '../errors/flock-off-error.ts';
import { parseHubToken } from '../schema/hub-token.ts';
import { defaultCacheFolder, freeBytes } from '../setup/cache.ts';
import { reasonOf, runCommand } from '../setup/run-command.ts';
import { cudaProblemIn, placementsIn, VERBOSE_LOGGING } from '../setup/tensorflow-log.ts';
import { installedVersion } from '../setup/tensorflow-package.ts';
import { childEnvironment } from '../shared/child-environment.ts';
import type { OperationProbe } from '../trainer/engine/graph/probe-operations.ts';
import type { BackendProbe } from '../trainer/engine/tensorflow.ts';
import { checkMachine } from './doctor/checks.ts';
import type { MachineCheck } from './doctor/machine-check.ts';

/** What this machine has. Of secrets only whether they are set. */
export interface MachineReport {
  /** Version of flock-off. */
  version: string;
  system: { os: string; arch: string; node: string; npm: string | null; cpus: number; memoryBytes: number };
  /** In the order in which the trainer tries them; the first with `info` is the one it takes. */
  backends: Pick<BackendProbe, 'name' | 'info' | 'reason'>[];
  /** What the driver's tool lists; `computeCapability` is `null` where the driver is too old to say. */
  cudaDevices: { name: string; memory: string; driver: string; computeCapability: string | null }[];
  /** Why TensorFlow uses none of the devices; `null` when it does, when it does not say, and where there are none. */
  cudaProblem: string | null;
  /** On which device each operation that training needs ran. Empty on a machine without CUDA devices. */
  operations: OperationReport[];
  /** Why the operations could not be tried; else `null`. */
  operationsProblem: string | null;
  /** Where the Hugging Face token comes from, or `null` when there is none. Never the token. */
  hubToken: 'environment' | '.env' | null;
  /** Why that token cannot be used, without showing it; `null` when nothing is wrong with its form. */
  hubTokenProblem: string | null;
  wallets: { folder: string; present: boolean };
  disk: { folder: string; freeBytes: number }[];
  /** Clock, open files, disk speed, wallet modes, data folder; with `online` chain and hub. */
  checks: MachineCheck[];
  /** Installed version by npm package; `null` when it is not installed. */
  packages: Record<string, string | null>;
}

export interface OperationReport extends Pick<OperationProbe, 'operation' | 'dtype' | 'problem'> {
  /** As in `GPU:0`, or `null` when it did not run. */
  device: string | null;
}

export interface DescribeMachineParameters {
  version: string;
  /** Path of this command line tool, to probe the backends in a process of their own. */
  cli: string;
  env: NodeJS.ProcessEnv;
  workingFolder: string;
  /** The validator's data folder. */
  dataDir: string;
  /** Which chain and hub are asked; `null`: none. */
  online: { network?: string; endpoints?: string[]; repo?: string } | null;
}

const PACKAGES = [
  '@huggingface/hub',
  '@huggingface/transformers',
  '@polkadot/api',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
];

/** Inspects the machine. Never throws because something is missing. */
export async function describeMachine({
  version,
  cli,
  env,
  workingFolder,
  dataDir,
  online,
}: DescribeMachineParameters): Promise<MachineReport> {
  const [backends, cudaDevices, npm, disk] = await Promise.all([
    probeInChild(cli, env),
    listCudaDevices(),
    npmVersion(env),
    Promise.all(
      [workingFolder, defaultCacheFolder(env)].map(async (folder) => ({
        folder,
        freeBytes: await freeBytes(existing(folder)),
      })),
    ),
  ]);
  const cuda = backends.some(({ info }) => info?.cuda);
  const { operations, operationsProblem, cudaProblem } =
    cuda || cudaDevices.length > 0 ? await probeOperationsInChild(cli, env) : NOT_PROBED;
  const walletFolder = env.BT_WALLET_PATH || join(homedir(), '.bittensor', 'wallets');
  const token = hubToken(env.HF_TOKEN, workingFolder);
  const hubEndpoint = env.HF_ENDPOINT || 'https://huggingface.co';
  // After the backends, whose start would be measured with the disk.
  const checks = await checkMachine({
    ...{ diskFolder: workingFolder, walletFolder, dataDir },
    online: online && { ...online, hubEndpoint, hubToken: token.value },
  });
  return {
    version,
    system: {
      os: `${type()} ${release()}`,
      arch: arch(),
      node: process.version,
      npm,
      cpus: availableParallelism(),
      memoryBytes: totalmem(),
    },
    backends,
    cudaDevices,
    cudaProblem: cuda ? null : cudaProblem,
    operations,
    operationsProblem,
    hubToken: token.hubToken,
    hubTokenProblem: token.hubTokenProblem,
    wallets: { folder: walletFolder, present: existsSync(walletFolder) },
    disk,
    checks,
    packages: Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name)])),
  };
}

/** A native addon that does not fit the machine ends its process, so the backends are tried in another one. */
async function probeInChild(cli: string, env: NodeJS.ProcessEnv): Promise<MachineReport['backends']> {
  const result = await runCommand({
    command: process.execPath,
    args: [...process.execArgv, cli, 'probe'],
    env: { TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...childEnvironment({ env }), TF_CPP_MIN_LOG_LEVEL: '3' },
    timeoutMs: 180_000,
  });
  try {
    return JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    const reason = result.stoppedBy ? `loading it was ended by ${result.stoppedBy}` : reasonOf(result);
    return [{ name: 'tfjs-node-gpu', info: null, reason: `${reason}; run "npx flock-off tensorflow --force"` }];
  }
}

type OperationsReport = Pick<MachineReport, 'operations' | 'operationsProblem' | 'cudaProblem'>;
const NOT_PROBED: OperationsReport = { operations: [], operationsProblem: null, cudaProblem: null };

/** TensorFlow reports only in its log where operations run, so they are run in a child process whose log is read. */
async function probeOperationsInChild(cli: string, env: NodeJS.ProcessEnv): Promise<OperationsReport> {
  const result = await runCommand({
    command: process.execPath,
    args: [...process.execArgv, cli, 'probe-operations'],
    env: { TF_FORCE_GPU_ALLOW_GROWTH: 'true', ...childEnvironment({ env }), ...VERBOSE_LOGGING },
    timeoutMs: 180_000,
  });
  const cudaProblem = cudaProblemIn(result.stderr);
  try {
    const probes: OperationProbe[] = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '');
    const devices = placementsIn(result.stderr);
    const operations = probes.map(({ node, ...probe }) => ({ ...probe, device: devices.get(node) ?? null }));
    return { operations, operationsProblem: null, cudaProblem };
  } catch {
    const operationsProblem = result.stoppedBy ? `the process was ended by ${result.stoppedBy}` : reasonOf(result);
    return { operations: [], operationsProblem, cudaProblem };
  }
}

async function listCudaDevices(): Promise<MachineReport['cudaDevices']> {
  // A driver before release 510 does not know the last field.
  for (const fields of ['name,memory.total,driver_version,compute_cap', 'name,memory.total,driver_version']) {
    const { code, stdout } = await runCommand({
      command: 'nvidia-smi',
      args: [`--query-gpu=${fields}`, '--format=csv,noheader'],
      env: childEnvironment({ env: process.env }),
      timeoutMs: 20_000,
    });
    if (code !== 0) continue;
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [name = '', memory = '', driver = '', computeCapability = null] = line
          .split(',')
          .map((part) => part.trim());
        return { name, memory, driver, computeCapability };
      });
  }
  return [];
}

async function npmVersion(env: NodeJS.ProcessEnv): Promise<string | null> {
  const underNpm = /npm\/(\S+)/.exec(env.npm_config_user_agent ?? '');
  if (underNpm) return underNpm[1]!;
  const { code, stdout } = await runCommand({ command: 'npm', args: ['--version'], timeoutMs: 20_000 });
  return code === 0 ? stdout.trim() : null;
}

interface FoundToken extends Pick<MachineReport, 'hubToken' | 'hubTokenProblem'> {
  /** The token itself, which no report gets. */
  value: string | undefined;
}

function hubToken(exported: string | undefined, folder: string): FoundToken {
  const source = exported === undefined ? '.env' : 'environment';
  try {
    const token = parseHubToken({ token: exported ?? tokenInDotEnv(folder), setting: 'HF_TOKEN' });
    return { hubToken: token === undefined ? null : source, hubTokenProblem: null, value: token };
  } catch (error) {
    return { hubToken: source, hubTokenProblem: messageOf(error), value: undefined };
  }
}

function tokenInDotEnv(folder: string): string | undefined {
  try {
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8')).HF_TOKEN;
  } catch {
    return undefined;
  }
}

/** The folder itself, or the nearest one above it that is there. */
function existing(folder: string): string {
  let at = folder;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}
