import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalChain, LocalHub, writeDevWallet } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { everyOtherInCi } from '../shared/in-ci.ts';
import { type Interrupt, onTerminal, ROOT, type TerminalRun } from './on-terminal.ts';
import { ROWS } from './run-example.ts';

const TOKEN = 'hf_ending_token';
const NODE = [process.execPath, '--import', 'tsx'];
const CODES = { 'ctrl-c': 130, SIGINT: 130, SIGTERM: 143, SIGHUP: 129, close: 129, SIGKILL: 137 };

let folder: string;
let hub: Awaited<ReturnType<typeof LocalHub.open>>;
let chain: Awaited<ReturnType<typeof LocalChain.open>>;
let miner: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-ending-'));
  const path = join(folder, 'wallets');
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  // Without blocks the miner waits for its commitment as long as it is let.
  chain = await LocalChain.open({
    blockTimeMs: 'manual',
    subnets: [{ netuid: 96, neurons: [await writeDevWallet({ path, name: 'miner' })] }],
  });
  await writeFile(join(folder, 'data.jsonl'), `${ROWS.join('\n')}\n`);
  const flags = {
    '--wallet.path': path,
    '--wallet.name': 'miner',
    '--subtensor.chain_endpoint': chain.url,
    '--hf_endpoint': hub.url,
    '--netuid': '96',
    '--hf_repo_id': 'ann/chats',
    '--dataset_path': join(folder, 'data.jsonl'),
  };
  miner = ['examples/miner.ts', ...Object.entries(flags).flat()];
});
afterAll(async () => {
  await chain.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

/** The same sequence in [0, 1) each time. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** Runs it with a temporary folder of its own, and expects that nothing is left: no process, no folder, no hidden cursor. */
async function interrupted(command: string[], afterText: string, ...interrupts: Interrupt[]): Promise<TerminalRun> {
  const temporary = await mkdtemp(join(folder, 'tmp-'));
  const env = { TMPDIR: temporary, HF_TOKEN: TOKEN };
  const run = await onTerminal({ command, afterText, interrupts, withinMs: 15_000, env });
  expect(run, run.output).toMatchObject({ interrupted: true, left: [] });
  expect(run.output.lastIndexOf('\u001b[?25l')).toBeLessThanOrEqual(run.output.lastIndexOf('\u001b[?25h'));
  const ours = async () => (await readdir(temporary)).filter((name) => name.startsWith('flock-off'));
  await vi.waitFor(async () => expect(await ours(), run.output).toEqual([]), { timeout: 10_000 });
  return run;
}

describe('an interrupt at any moment ends everything, and leaves nothing', () => {
  const random = seededRandom(20);
  const TSX = ['node_modules/.bin/tsx'];
  const local = ['examples/validator.ts', '--local', '--epochs', '1'];
  const moments: [name: string, command: () => string[], afterText: string, spreadMs: number, how: Interrupt['how']][] =
    [
      ['miner', () => [...NODE, ...miner], '', 2_000, 'ctrl-c'],
      ['miner', () => [...NODE, ...miner], '', 3_000, 'SIGTERM'],
      ['miner', () => [...TSX, ...miner], '', 3_000, 'ctrl-c'],
      ['miner', () => [...NODE, ...miner], 'connecting', 300, 'ctrl-c'],
      ['miner', () => [...TSX, ...miner], 'rows are valid', 100, 'SIGTERM'],
      ['miner', () => [...NODE, ...miner], 'uploaded to', 2_000, 'close'],
      ['miner', () => [...TSX, ...miner], 'uploaded to', 2_000, 'ctrl-c'],
      ['validator', () => [...NODE, ...local], '', 3_000, 'SIGTERM'],
      ['validator', () => [...TSX, ...local], '', 3_000, 'ctrl-c'],
      ['validator', () => [...TSX, ...local], 'starting a local subnet', 2_000, 'ctrl-c'],
      ['validator', () => [...NODE, ...local], 'starting a local subnet', 3_000, 'ctrl-c'],
      ['validator', () => [...NODE, ...local], 'loading the base model', 3_000, 'close'],
      ['validator', () => [...TSX, ...local], 'loading the base model', 3_000, 'ctrl-c'],
      ['validator', () => [...NODE, ...local], ': training ', 500, 'ctrl-c'],
      ['validator', () => [...NODE, ...local], ': training ', 500, 'SIGTERM'],
      ['npm start', () => ['npm', 'start'], '', 4_000, 'ctrl-c'],
      ['npm start', () => ['npm', 'start'], 'Six miners', 2_000, 'ctrl-c'],
      ['npm start', () => ['npm', 'start'], 'Six miners', 2_000, 'SIGTERM'],
      ['npm start', () => ['npm', 'start'], 'loading the base model', 3_000, 'close'],
      ['npm start', () => ['npm', 'start'], ': training ', 500, 'ctrl-c'],
    ];
  const drawn = moments.map((moment) => [...moment, Math.round(random() * moment[3])] as const);
  // Each starts a program and waits for its end.
  test.concurrent.each(everyOtherInCi(drawn))(
    '%s %#',
    { timeout: 120_000 },
    async (_name, command, afterText, _spreadMs, how, afterMs) => {
      const { exitCode } = await interrupted(command(), afterText, { how, afterMs });
      expect(exitCode).toBe(CODES[how]);
    },
  );
});

describe.concurrent('whatever a script does', () => {
  const stubborn = (how: string, ...flags: string[]) => [...NODE, 'test/examples/stubborn.ts', how, ...flags];
  const CTRL_C: Interrupt = { how: 'ctrl-c', afterMs: 0 };

  test('it ends some seconds after Ctrl-C though it does not hear of it, and says what is left at --logging.debug', async () => {
    const { exitCode, tookMs, output } = await interrupted(stubborn('deaf', '--logging.debug'), 'owns', CTRL_C);
    expect(exitCode).toBe(130);
    expect(tookMs).toBeGreaterThan(4_500);
    expect(output).toMatch(/ended 5000 ms after its end began, with work left: .*Timeout/);
  });

  test('it ends though something that it forgot keeps the process alive', async () => {
    const { exitCode, output } = await interrupted(stubborn('left'), 'owns', CTRL_C);
    expect(exitCode).toBe(130);
    expect(output).toContain('Stopped.');
  });

  test('a second Ctrl-C ends it at once, and the same one passed on by npm or tsx is no second', async () => {
    const twice = await interrupted(stubborn('deaf'), 'owns', CTRL_C, { how: 'ctrl-c', afterMs: 1_000 });
    expect(twice.exitCode).toBe(130);
    expect(twice.tookMs).toBeLessThan(4_500);
    const passedOn = await interrupted(stubborn('deaf'), 'owns', CTRL_C, { how: 'SIGINT', afterMs: 20 });
    expect(passedOn.exitCode).toBe(130);
    expect(passedOn.tookMs).toBeGreaterThan(4_500);
  });

  test('killed while it owns a folder, it leaves none, also where tsx kills it for being busy at Ctrl-C', async () => {
    expect((await interrupted(stubborn('busy'), 'owns', { how: 'SIGKILL', afterMs: 0 })).exitCode).toBe(137);
    const tsx = ['node_modules/.bin/tsx', 'test/examples/stubborn.ts', 'busy'];
    expect((await interrupted(tsx, 'owns', CTRL_C)).exitCode).toBe(130);
  });

  test.runIf(process.platform === 'linux')(
    'it ends with the npx that is told to, though only a shell hears of it',
    async () => {
      // No terminal: its end would be a signal of its own.
      const temporary = await mkdtemp(join(folder, 'tmp-'));
      const npx = spawn('npx', ['tsx', 'test/examples/stubborn.ts', 'done'], {
        cwd: ROOT,
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(npx.stdout, 'data');
      npx.kill('SIGTERM');
      // Whoever still runs holds the pipe.
      await once(npx, 'close', { signal: AbortSignal.timeout(20_000) });
      const ours = async () => (await readdir(temporary)).filter((name) => name.startsWith('flock-off'));
      await vi.waitFor(async () => expect(await ours()).toEqual([]), { timeout: 10_000 });
    },
  );

  test.each([
    ['throws', 1, /Cannot read properties of null/],
    ['rejects', 1, /nobody waits for this/],
    ['fails', 1, /it failed/],
    ['exits', 7, /owns/],
  ])('one that %s ends with code %i, one sentence and nothing left', async (how, code, sentence) => {
    const never: Interrupt = { how: 'SIGKILL', afterMs: 12_000 };
    const temporary = await mkdtemp(join(folder, 'tmp-'));
    const run = await onTerminal({
      command: stubborn(how),
      interrupts: [never],
      withinMs: 1_000,
      env: { TMPDIR: temporary },
    });
    expect(run, run.output).toMatchObject({ exitCode: code, interrupted: false, left: [] });
    expect(run.output).toMatch(sentence);
    expect(run.output).not.toMatch(/\n\s+at /);
    expect((await readdir(temporary)).filter((name) => name.startsWith('flock-off'))).toEqual([]);
  });

  test('one that runs until Ctrl-C has done its work then', async () => {
    expect((await interrupted(stubborn('done'), 'owns', CTRL_C)).exitCode).toBe(0);
  });
});
