import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { childEnvironment, DOWNLOADING } from '../shared/child-environment.ts';
import { checkPinnedWheel, type PinnedWheels } from './pinned-wheels.ts';
import { type CommandResult, reasonOf, runCommand } from './run-command.ts';

/** A command that starts pip, and its first arguments. */
export type Pip = readonly [command: string, args: readonly string[]];

/** Ways to start pip, in the order they are tried. */
const PIP_COMMANDS: Pip[] = [
  ['python3', ['-m', 'pip']],
  ['python', ['-m', 'pip']],
  ['pip3', []],
  ['pip', []],
];

export interface DownloadWheelsParameters {
  pip: Pip;
  /** pip requirement specifiers. */
  requirements: string[];
  /** Wheel platform tags. */
  platforms: string[];
  folder: string;
  /** The wheels that may arrive. */
  pinned: PinnedWheels;
  env: NodeJS.ProcessEnv;
}

/**
 * Downloads wheels for CPython 3.11, whatever Python this machine has, without their dependencies.
 * @returns the names of the files that arrived.
 * @throws FlockOffError `backend-unavailable` without a route, when there is no such wheel, or when its hash is not the pinned one.
 */
export async function downloadWheels({
  pip: [command, args],
  requirements,
  platforms,
  folder,
  pinned,
  env,
}: DownloadWheelsParameters): Promise<string[]> {
  const result = await runCommand({
    command,
    args: [
      ...args,
      'download',
      ...['--no-deps', '--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'],
      ...platforms.flatMap((platform) => ['--platform', platform]),
      // pip's own cache would hold the archive in memory, and keep a second copy on disk.
      ...[
        '--no-cache-dir',
        '--no-input',
        '--disable-pip-version-check',
        '--retries',
        '2',
        '--timeout',
        '30',
        '--quiet',
      ],
      ...['--dest', folder],
      ...requirements,
    ],
    env: pipEnvironment(env),
    timeoutMs: 1_200_000,
  });
  if (result.code !== 0) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: `pip could not download ${requirements.join(', ')} (${reasonOf(result)})`,
      fix: 'check the route to the Python package index',
      transient: true,
    });
  }
  const files = (await readdir(folder)).filter((name) => name.endsWith('.whl'));
  for (const file of files) await checkPinnedWheel(join(folder, file), pinned);
  return files;
}

/** @throws FlockOffError `backend-unavailable` where there is none. */
export async function findPip(env: NodeJS.ProcessEnv): Promise<Pip> {
  const seen: string[] = [];
  for (const [command, args] of PIP_COMMANDS) {
    const result: CommandResult = await runCommand({
      command,
      args: [...args, '--version'],
      env: pipEnvironment(env),
      timeoutMs: 30_000,
    });
    if (result.code === 0) return [command, args];
    seen.push([command, ...args].join(' '));
  }
  throw new FlockOffError({
    code: 'backend-unavailable',
    what: `pip was not found (tried ${seen.join(', ')})`,
    fix: 'install Python 3 with pip, for example "apt-get install python3-pip"',
  });
}

/** Its own settings and proxies, without tokens and wallets. */
function pipEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return childEnvironment({ env, groups: [DOWNLOADING] });
}
