import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalChain, LocalHub, writeDevWallet } from 'flock-off/local';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ROWS, startExample } from './run-example.ts';

// A chain or a hub that is down when a command starts is waited for, with a line that says so, until Ctrl-C.

const NETUID = 7;
const TOKEN = 'hf_outage_token';
let folder: string;
let neurons: Parameters<typeof LocalChain.open>[0]['subnets'][number]['neurons'];
const running: (LocalChain | LocalHub)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-outage-'));
  const path = join(folder, 'wallets');
  const validator = await writeDevWallet({ path, name: 'validator' });
  neurons = [{ ...validator, validatorPermit: true, stake: 1_000 }, await writeDevWallet({ path, name: 'miner' })];
  await writeFile(join(folder, 'data.jsonl'), `${ROWS.join('\n')}\n`);
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function up<T extends LocalChain | LocalHub>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  running.push(server);
  return server;
}
const chainAt = (port = 0) => up(LocalChain.open({ port, subnets: [{ netuid: NETUID, neurons }] }));
const hubAt = (port = 0) => up(LocalHub.open({ port, users: [{ name: 'ann', token: TOKEN }] }));
const portOf = ({ url }: { url: string }) => Number(new URL(url).port);

/** Where nobody listens, but somebody may later. */
async function freePort(): Promise<number> {
  const hub = await LocalHub.open({ users: [] });
  await hub.close();
  return portOf(hub);
}

function start(script: 'miner.ts' | 'validator.ts', chainPort: number, hubPort: number) {
  const shared = {
    '--wallet.path': join(folder, 'wallets'),
    '--wallet.name': script === 'miner.ts' ? 'miner' : 'validator',
    '--subtensor.chain_endpoint': `ws://127.0.0.1:${chainPort}`,
    '--hf_endpoint': `http://127.0.0.1:${hubPort}`,
    '--netuid': String(NETUID),
  };
  const own =
    script === 'miner.ts'
      ? { '--hf_repo_id': 'ann/chats', '--dataset_path': join(folder, 'data.jsonl') }
      : {
          '--data_dir': join(folder, 'data'),
          '--cache_dir': join(folder, 'cache'),
          '--eval_data_dir': folder,
          '--base_model': 'ann/no-model',
        };
  return startExample(script, Object.entries({ ...shared, ...own }).flat(), { env: { HF_TOKEN: TOKEN } });
}

const WAITS_FOR_CHAIN =
  /^\S+ waiting for the chain: the chain at ws:\/\/127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED .*\. Asking again in \d+ s; Ctrl-C stops\.$/m;

test('the miner waits for a chain and then for a hub, and publishes when they are up', async () => {
  const [chainPort, hubPort] = [await freePort(), await freePort()];
  const miner = start('miner.ts', chainPort, hubPort);
  await miner.warned(WAITS_FOR_CHAIN);
  await chainAt(chainPort);
  await miner.warned(/waiting for hub and chain: the Hub at http:\S+ did not serve \S+: .*Ctrl-C stops\.$/m);
  const hub = await hubAt(hubPort);
  const { code, stdout, stderr } = await miner.ended;
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^\S+ this is subnet 7 /),
    expect.stringMatching(/^\S+ 2 rows are valid/),
    expect.stringMatching(/^\S+ ann\/chats will be made, private; it becomes public/),
    expect.stringMatching(/^\S+ uploaded to ann\/chats at [0-9a-f]{40}$/),
    expect.stringMatching(/^\S+ committed ann\/chats:1:[0-9a-f]{40} in block \d+$/),
    expect.stringMatching(/^\S+ ann\/chats is public, in block \d+$/),
  ]);
  expect(code).toBe(0);
  expect(hub.repository('ann/chats')?.head.files.size).toBeGreaterThan(0);
  expect(stderr).not.toContain(TOKEN);
}, 120_000);

test('the validator waits for a chain and then for the base model', async () => {
  const [chainPort, hubPort] = [await freePort(), await freePort()];
  const validator = start('validator.ts', chainPort, hubPort);
  await validator.warned(WAITS_FOR_CHAIN);
  await chainAt(chainPort);
  await validator.warned(/waiting for the hub: the Hub at \S+ did not serve \S+ann\/no-model\S+: .*Ctrl-C stops\.$/m);
  await hubAt(hubPort);
  const { code, stderr } = await validator.ended;
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^the hub has no model ann\/no-model/);
  expect(code).toBe(1);
}, 120_000);

test.each(['miner.ts', 'validator.ts'] as const)(
  'Ctrl-C ends the wait of %s at once',
  async (script) => {
    const waiting = start(script, await freePort(), await freePort());
    await waiting.warned(WAITS_FOR_CHAIN);
    const interruptedAt = performance.now();
    waiting.interrupt();
    const { stderr, stdout } = await waiting.ended;
    expect(performance.now() - interruptedAt).toBeLessThan(15_000);
    expect(stderr.trimEnd().split('\n').at(-1)).toBe('Stopped.');
    expect(stdout).toBe('');
  },
  60_000,
);
