import { access, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as local from 'flock-off/local';
import { sampleDatasets } from 'flock-off/local';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LocalSubnet, startLocalSubnet, withLocalSubnet } from '../../examples/local-subnet.ts';
import { Owners } from '../../examples/owners.ts';
import { announce } from '../../examples/served-subnet.ts';
import { validatorCommand } from '../../examples/validator-command.ts';
import { startExample } from './run-example.ts';

// Everything is real; spies only make the start of the chain fail, and tell the addresses of what was started.
vi.mock('flock-off/local', { spy: true });

const home = process.cwd();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-test-'));
  process.chdir(folder);
  vi.stubEnv('TMPDIR', folder); // No subnet is announced here.
  vi.stubEnv('HF_TOKEN', undefined);
});
afterEach(async () => {
  process.chdir(home);
  vi.unstubAllEnvs();
  vi.mocked(local.LocalHub.open).mockClear();
  await rm(folder, { recursive: true, force: true });
});

async function expectNothingLeft({ hubUrl }: { hubUrl: string }): Promise<void> {
  expect(await readdir(folder)).toEqual([]);
  await expect(fetch(hubUrl)).rejects.toThrow();
}

describe('a local subnet leaves nothing behind', () => {
  test('when its chain does not start', async () => {
    vi.mocked(local.LocalChain.open).mockRejectedValueOnce(new Error('no chain today'));
    await expect(startLocalSubnet()).rejects.toThrow('no chain today');
    await expectNothingLeft({ hubUrl: (await vi.mocked(local.LocalHub.open).mock.results[0]!.value).url });
  });

  test('when its start is aborted', async () => {
    await expect(startLocalSubnet({ signal: AbortSignal.abort(new Error('Stopped.')) })).rejects.toThrow('Stopped.');
    await expectNothingLeft({ hubUrl: (await vi.mocked(local.LocalHub.open).mock.results[0]!.value).url });
  });

  test('when it cannot be populated', async () => {
    let started: LocalSubnet | null = null;
    const populate = async (subnet: LocalSubnet) => {
      started = subnet;
      await access(join(subnet.folder, 'competition.json'));
      throw new Error('no samples today');
    };
    await expect(withLocalSubnet({ local: true, flags: of('--local'), wallet: 'validator', populate })).rejects.toThrow(
      'no samples today',
    );
    await expectNothingLeft(started!);
  });

  test('when Ctrl-C comes while the samples are published', async () => {
    const validator = startExample('validator.ts', ['--local'], { env: { TMPDIR: folder }, cwd: folder });
    await vi.waitFor(
      async () => {
        const name = (await readdir(folder)).find((entry) => entry.startsWith('flock-off-'));
        await access(join(folder, name!, 'good.jsonl'));
      },
      { timeout: 20_000 },
    );
    validator.interrupt();
    const { code, stderr } = await validator.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: 'Stopped.\n' });
    expect((await readdir(folder)).filter((entry) => entry.startsWith('flock-off-'))).toEqual([]);
  });
});

test('a settings file, which may be that of a real subnet, wins over nothing that a local one says', async () => {
  const subnet = await startLocalSubnet();
  try {
    await announce(subnet, true);
    const settings = ['--subtensor.chain_endpoint=wss://real.example', '--wallet.name=rich', '--epochs=2'];
    const flags = { settings, given: ['--local', '--wallet.name', 'good'] };
    const { argv } = await withLocalSubnet({ local: true, flags, wallet: 'validator' });
    const opts = validatorCommand().parse(argv, { from: 'user' }).opts();
    const endpoint = opts['subtensor.chain_endpoint'];
    expect({ endpoint, name: opts['wallet.name'], epochs: opts.epochs }).toEqual({
      ...{ endpoint: subnet.chainUrl, name: 'good', epochs: 2 },
    });
  } finally {
    await subnet.close();
  }
});

test('a founded competition needs a subnet that is served', async () => {
  const flags = of('--local', '--competition', 'local/x@0');
  const populate = async () => {};
  await expect(withLocalSubnet({ local: true, flags, wallet: 'validator', populate })).rejects.toThrow(
    /there is no such competition\. Start one in another terminal/,
  );
});

test('a founded competition brings its own rules and base model', async () => {
  const subnet = await startLocalSubnet();
  try {
    await announce(subnet, true);
    const flagsFor = async (...argv: string[]) =>
      (await withLocalSubnet({ local: true, flags: of(...argv), wallet: 'validator' })).argv.filter((flag) =>
        flag.startsWith('--'),
      );
    const own = ['--competition_file', '--base_model'];
    expect(await flagsFor('--local')).toEqual(expect.arrayContaining(own));
    for (const named of [['--competition', 'local/x@0'], ['--competition=local/x@0']])
      expect((await flagsFor('--local', ...named)).filter((flag) => own.includes(flag))).toEqual([]);
  } finally {
    await subnet.close();
  }
});

test('what a script has opened is closed in reverse order, all of it, and the first failure is thrown', async () => {
  const closed: string[] = [];
  const open = new Owners();
  open.own('first', (it) => closed.push(it));
  open.own('second', async (it) => {
    closed.push(it);
    throw new Error('second does not close');
  });
  open.own('third', (it) => {
    closed.push(it);
    throw new Error('third does not close');
  });
  await expect(open.close()).rejects.toThrow('third does not close');
  expect(closed).toEqual(['third', 'second', 'first']);
  await open.close();
  expect(closed).toHaveLength(3);
});

test('a served subnet works where a proxy is set, which is not asked for it', async () => {
  const subnet = await startLocalSubnet();
  try {
    await announce(subnet, true);
    const dead = 'http://127.0.0.1:1';
    await writeFile(join(folder, 'data.jsonl'), sampleDatasets({ seed: 3 }).good);
    const env = { TMPDIR: folder, HTTP_PROXY: dead, HTTPS_PROXY: dead, no_proxy: 'example.test' };
    const args = ['--local', '--hf_repo_id', 'local/mine', '--dataset_path', 'data.jsonl'];
    const { code, stdout, stderr } = await startExample('miner.ts', args, { env, cwd: folder }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('committed local/mine');
  } finally {
    await subnet.close();
  }
});

function of(...given: string[]) {
  return { settings: [], given };
}
