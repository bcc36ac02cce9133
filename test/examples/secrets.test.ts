import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Receipt, ReceiptFolder, type UnsignedReceipt, WalletHotkey } from 'flock-off';
import { LocalChain, writeDevWallet } from 'flock-off/local';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { maskSecrets } from '../../examples/secrets.ts';
import { ROWS, startExample } from './run-example.ts';

// What a miner prints, at its most talkative, when what it was given does not work: nothing of it.

const PIECE = 'XyZzY7';
const TOKEN = `hf_${PIECE}abc${PIECE}`;
let folder: string;
let chain: LocalChain;
let server: Server;
let answer: (request: IncomingMessage) => { status: number; headers?: Record<string, string>; body: string };
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-secrets-'));
  const known = await writeDevWallet({ path: join(folder, 'wallets'), name: 'known' });
  chain = await LocalChain.open({ subnets: [{ netuid: 96, neurons: [known] }] });
  await writeFile(join(folder, 'good.jsonl'), `${ROWS.join('\n')}\n`);
  server = createServer((request, response) => {
    const { status, headers = {}, body } = answer(request);
    response.writeHead(status, headers).end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await chain.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Starts the miner, waits until it has said something of the kind, and ends it. */
async function minerSays(pattern: RegExp, changed: Record<string, string>, env: Record<string, string>) {
  const flags = {
    '--wallet.path': join(folder, 'wallets'),
    '--wallet.name': 'known',
    '--subtensor.chain_endpoint': chain.url,
    '--hf_endpoint': url,
    '--netuid': '96',
    '--hf_repo_id': 'ann/chats',
    '--dataset_path': join(folder, 'good.jsonl'),
    ...changed,
  };
  const miner = startExample('miner.ts', [...Object.entries(flags).flat(), '--logging.trace'], { env, cwd: folder });
  try {
    await miner.warned(pattern);
  } finally {
    miner.interrupt();
  }
  const { stdout, stderr } = await miner.ended;
  return stdout + stderr;
}

const withToken = { HF_TOKEN: TOKEN };
const NOBODY = `ann:${PIECE}pass@nobody.invalid`;

test.each<[string, RegExp, Record<string, string>, Record<string, string>]>([
  ['a token on two lines', /HF_TOKEN holds a line break/, {}, { HF_TOKEN: `${TOKEN}\nother${PIECE}` }],
  [
    'a node that nobody knows',
    /no host of that name/,
    { '--subtensor.chain_endpoint': `wss://${NOBODY}/v1/${PIECE}?key=${PIECE}` },
    {},
  ],
  [
    'a node without a port',
    /is neither a network/,
    { '--subtensor.chain_endpoint': `wss://ann:${PIECE}/${PIECE}@127.0.0.1:port` },
    {},
  ],
  [
    'a network with a password',
    /is neither a network/,
    { '--subtensor.network': `ann:${PIECE}pass@node:port`, '--subtensor.chain_endpoint': '' },
    {},
  ],
  ['a hub that is no web address', /Expected an address/, { '--hf_endpoint': `ftp://${NOBODY}` }, {}],
  ['a hub with a password', /has a user name or password/, { '--hf_endpoint': `http://${NOBODY}` }, withToken],
  [
    'a proxy that nobody knows',
    /the proxy nobody\.invalid:8080 cannot be used/,
    {},
    { ...withToken, HTTP_PROXY: `http://${NOBODY}:8080` },
  ],
  [
    'a proxy that cannot be one',
    /is not the address of a proxy/,
    {},
    { ...withToken, HTTP_PROXY: `http://ann:${PIECE}/${PIECE}@127.0.0.1:x` },
  ],
])('%s is complained of without being shown', async (_, pattern, flags, env) => {
  expect(await minerSays(pattern, flags, env)).not.toMatch(/XyZzY/i);
});

test.each<[string, (authorization: string) => ReturnType<typeof answer>]>([
  [
    'in its sentence',
    (authorization) => ({ status: 401, body: JSON.stringify({ error: `no such user: ${authorization}` }) }),
  ],
  [
    'percent-encoded',
    (authorization) => ({ status: 403, body: JSON.stringify({ error: encodeURIComponent(`<${authorization}>`) }) }),
  ],
  [
    'in a header',
    (authorization) => ({
      status: 403,
      headers: { 'X-Error-Code': authorization, 'X-Error-Message': authorization },
      body: '',
    }),
  ],
  [
    'cut off',
    (authorization) => ({ status: 500, body: JSON.stringify({ error: `${'.'.repeat(285)}${authorization}` }) }),
  ],
  [
    'in what is no JSON',
    (authorization) => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: `${authorization.slice(7)}, you`,
    }),
  ],
])('a hub that repeats the token %s is quoted without it', async (_, says) => {
  answer = ({ headers }) => says(headers.authorization ?? '');
  expect(await minerSays(/\*\*\*/, {}, withToken)).not.toMatch(/XyZzY/i);
});

test('a report is stored without what a verdict or an error quotes', async () => {
  vi.stubEnv('HF_TOKEN', TOKEN);
  const hotkey = await WalletHotkey.open({ path: join(folder, 'wallets'), name: 'known' });
  const receipts = new ReceiptFolder({ folder, hotkey, mask: maskSecrets });
  const outcome = { kind: 'postponed', by: 'hub', message: `said "${TOKEN}\n"` };
  const report = { startBlock: 7, netuid: 7, inputs: {}, entries: [{ outcome, why: `evaluated again: ${TOKEN}` }] };
  await receipts.put(report as unknown as UnsignedReceipt);
  const { entries } = JSON.parse(await readFile(join(folder, 'epoch-7.json'), 'utf8')) as Receipt;
  expect(entries).toEqual([{ outcome: { ...outcome, message: 'said "***\n"' }, why: 'evaluated again: ***' }]);
});
