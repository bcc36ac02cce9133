import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ZSH = fileURLToPath(new URL('./completed.zsh', import.meta.url));

function cli(...args: string[]) {
  return runCommand({
    command: process.execPath,
    args: ['--import', import.meta.resolve('tsx'), CLI, ...args],
    env: { ...process.env, TSX_TSCONFIG_PATH: `${ROOT}tsconfig.json` },
    timeoutMs: 60_000,
  });
}

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const isThere = (shell: string) => spawnSync(shell, ['--version']).status === 0;
for (const shell of SHELLS)
  if (!isThere(shell)) console.log(`skipped: there is no ${shell} here (Debian: apt-get install ${shell})`);

let folder: string;
/** By shell. */
let scripts: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-completion-'));
  await mkdir(join(folder, 'files'));
  await writeFile(join(folder, 'files', 'one.jsonl'), '');
  const printed = await Promise.all(SHELLS.map((shell) => cli('completion', shell)));
  scripts = Object.fromEntries(SHELLS.map((shell, i) => [shell, printed[i]!.stdout]));
  for (const shell of SHELLS) await writeFile(join(folder, shell), scripts[shell]!);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** What bash offers for a line. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const program = `${scripts.bash}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _flock_off; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

test.each([
  ['flock-off sta', ['status', 'state']],
  ['flock-off state b', ['backup']],
  ['flock-off state backup --d', ['--data_dir']],
  ['flock-off status --j', ['--json']],
  ['flock-off validator --metrics_p', ['--metrics_port']],
  ['flock-off miner --wallet.n', ['--wallet.name']],
  ['flock-off validator --netuid 7 --dry', ['--dry_run']],
  ['flock-off pro', []],
  // A value: bash itself then offers files.
  ['flock-off status --data_dir ', []],
])('bash completes %j', (line, words) => {
  expect(offered(line).sort()).toEqual([...words].sort());
});

test.skipIf(!isThere('zsh'))(
  'zsh completes commands, flags and files',
  () => {
    const cases: [line: string, completed: string][] = [
      ['flock-off val', 'flock-off validator '],
      ['flock-off sta', 'flock-off stat'],
      ['flock-off state b', 'flock-off state backup '],
      ['flock-off state backup --d', 'flock-off state backup --data_dir '],
      ['flock-off validator --metrics_po', 'flock-off validator --metrics_port '],
      ['flock-off validator --netuid 7 --dry', 'flock-off validator --netuid 7 --dry_run '],
      ['flock-off pro', 'flock-off pro'],
      ['flock-off status --data_dir fil', 'flock-off status --data_dir files/'],
      ['flock-off check files/', 'flock-off check files/one.jsonl '],
    ];
    const options = { cwd: folder, encoding: 'utf8' as const, timeout: 30_000, env: { ...process.env, HOME: folder } };
    const { stdout } = spawnSync('zsh', ['-f', ZSH, join(folder, 'zsh'), ...cases.map(([it]) => it)], options);
    const completed = [...stdout.matchAll(/<<(.*)>>/g)].map(([, line]) => line);
    expect(completed, stdout).toEqual(cases.map(([, line]) => line));
  },
  60_000,
);

test.skipIf(!isThere('fish')).each([
  ['flock-off val', ['validator']],
  ['flock-off sta', ['state', 'status']],
  ['flock-off state b', ['backup']],
  ['flock-off state backup --d', ['--data_dir']],
  ['flock-off validator --metrics_p', ['--metrics_port']],
  // What `check` takes is not offered after `state check`.
  ['flock-off state check --c', []],
  ['flock-off check --conv', ['--convert']],
  ['flock-off pro', []],
  ['flock-off status --data_dir fil', ['files/']],
  ['flock-off check files/o', ['files/one.jsonl']],
])('fish completes %j', (line, words) => {
  const options = { cwd: folder, encoding: 'utf8' as const, env: { ...process.env, HOME: folder } };
  const program = 'source $argv[1]; complete -C $argv[2]';
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', program, join(folder, 'fish'), line], options);
  expect(stderr).toBe('');
  const offered = stdout.split('\n').filter(Boolean);
  expect(offered.map((it) => it.split('\t')[0]!).sort()).toEqual(words);
});

test('another shell gets a sentence', async () => {
  expect((await cli('completion', 'tcsh')).stderr).toContain('Allowed choices are bash, zsh, fish');
}, 60_000);

test('flags stand under what they are for, with their defaults', async () => {
  const { stdout } = await cli('validator', '--help');
  for (const heading of ['Wallet:', 'Chain and hub:', 'Competition:', 'Log:', 'Epoch:', 'Files:', 'Watching:'])
    expect(stdout).toContain(`\n${heading}\n`);
  expect(stdout).toMatch(/--miner_sample_size <miners>\s+miners evaluated in an epoch \(default: 32\)/);
}, 60_000);
