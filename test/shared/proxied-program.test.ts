import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { HubDatasetStore } from 'flock-off';
import { LocalChain, LocalHub } from 'flock-off/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../src/setup/run-command.ts';
import { startForwardProxy } from './forward-proxy.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
/** Key and certificate for `localhost`, until 2120; trusted by the tests' own child processes alone. */
const PEM = here('../vectors/tls/localhost.pem');
const REPO = 'ann/chats';
let folder: string;
let commit: string;
const closing: (() => unknown)[] = [];
/** Servers behind TLS, `host:port` each. */
let hub: string;
let chain: string;

/** Takes TLS off in front of a server. Returns its `host:port`. */
async function behindTls(url: string): Promise<string> {
  const pem = await readFile(PEM);
  const { port } = new URL(url);
  const server = createServer({ key: pem, cert: pem }, (socket) => {
    const onward = connect(Number(port), '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-proxied-'));
  const localHub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }] });
  const localChain = await LocalChain.open({ subnets: [{ netuid: 96, neurons: [] }] });
  closing.push(
    () => localHub.close(),
    () => localChain.close(),
  );
  await writeFile(join(folder, 'up.jsonl'), '{"conversations":[]}\n');
  const store = new HubDatasetStore({ endpoint: localHub.url, token: 'hf_ann', proxy: false });
  ({ commit } = await store.upload({ repo: REPO, path: join(folder, 'up.jsonl') }));
  [hub, chain] = [await behindTls(localHub.url), await behindTls(localChain.url)];
});
afterAll(async () => {
  for (const close of closing) await close();
  await rm(folder, { recursive: true, force: true });
});

function program(endpoint: string, hubUrl: string, env: NodeJS.ProcessEnv) {
  const clean = Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name));
  return runCommand({
    command: process.execPath,
    args: ['--import', 'tsx', here('proxied-program.ts'), endpoint, hubUrl, REPO, commit, join(folder, 'data.jsonl')],
    env: { ...Object.fromEntries(clean), NODE_EXTRA_CA_CERTS: PEM, ...env },
    timeoutMs: 60_000,
  });
}

test('https and wss go through the proxy of HTTPS_PROXY, in tunnels, and the program ends by itself', async () => {
  // Addresses that only the proxy knows, so that nothing can have gone past it.
  const proxy = await startForwardProxy({ hosts: { 'localhost:4001': hub, 'localhost:4002': chain } });
  proxy.credentials = 'ann:p@ss';
  const HTTPS_PROXY = proxy.url.replace('//', '//ann:p%40ss@');
  const { code, stdout, stderr } = await program('wss://localhost:4002', 'https://localhost:4001', { HTTPS_PROXY });
  await proxy.close();
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{"file":true,"neurons":0}\n', stderr: '' });
  expect([...new Set(proxy.seen)].sort()).toEqual(['CONNECT localhost:4001', 'CONNECT localhost:4002']);
});

test('a certificate that does not name the address of the node is refused in a tunnel, too', async () => {
  const proxy = await startForwardProxy({ hosts: { 'localhost:4001': hub, '127.0.0.2:4002': chain } });
  const env = { HTTPS_PROXY: proxy.url };
  const { code, stderr } = await program('wss://127.0.0.2:4002', 'https://localhost:4001', env);
  await proxy.close();
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/its certificate is not accepted .*127\.0\.0\.2/);
});

test('what NO_PROXY exempts goes past a proxy that does not work', async () => {
  const env = { https_proxy: 'http://127.0.0.1:1', no_proxy: '127.0.0.1' };
  const { code, stdout, stderr } = await program(`wss://${chain}`, `https://${hub}`, env);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{"file":true,"neurons":0}\n', stderr: '' });
});
