import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { devHotkey } from './dev-hotkey.ts';
import { connect, NETUID, proxyTo, startSubnet } from './start-subnet.ts';

test('the current block grows, and waiting for one returns as soon as it is there', async () => {
  const chain = await startSubnet();
  const subtensor = await connect(chain.url);
  expect(subtensor.url).toBe(chain.url);
  const start = await subtensor.currentBlock();
  const reached = await subtensor.waitForBlock({ block: start + 3 });
  expect(reached).toBeGreaterThanOrEqual(start + 3);
  expect(reached).toBeLessThanOrEqual(start + 5);
  expect(await subtensor.waitForBlock({ block: 1 })).toBeGreaterThanOrEqual(reached);
});

test('waiting for a block ends with the reason of the signal', async () => {
  const subtensor = await connect((await startSubnet()).url);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('stopped by the user')), 100);
  await expect(subtensor.waitForBlock({ block: 1_000_000, signal: stop.signal })).rejects.toThrow(
    'stopped by the user',
  );
  expect(await subtensor.currentBlock()).toBeGreaterThan(0);
});

test('a subnet that does not exist is one sentence', async () => {
  const subtensor = await connect((await startSubnet()).url);
  await expect(subtensor.metagraph({ netuid: 5 })).rejects.toMatchObject({
    code: 'bad-argument',
    sentence: 'the chain has no subnet 5. Check --netuid and --subtensor.network.',
  });
});

test('registered hotkeys have a uid, others do not', async () => {
  const subtensor = await connect((await startSubnet()).url);
  const ann = await devHotkey('ann');
  const eve = await devHotkey('eve');
  expect(await subtensor.uid({ netuid: NETUID, hotkey: ann.address })).toBe(1);
  expect(await subtensor.isRegistered({ netuid: NETUID, hotkey: ann.address })).toBe(true);
  expect(await subtensor.uid({ netuid: NETUID, hotkey: eve.address })).toBeNull();
  expect(await subtensor.isRegistered({ netuid: NETUID, hotkey: eve.address })).toBe(false);
});

test('a read whose connection is cut is made again on a new one', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const subtensor = await connect(proxy.url);
  let cuts = 0;
  proxy.fateOfRequest = (method) => (method === 'state_queryStorageAt' && cuts++ === 0 ? 'cut' : 'pass');
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  expect(proxy.connections).toBe(2);
});

test('waiting for a block survives a lost connection', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const subtensor = await connect(proxy.url);
  const start = await subtensor.currentBlock();
  const waiting = subtensor.waitForBlock({ block: start + 12 });
  setTimeout(() => proxy.cutAll(), 200);
  expect(await waiting).toBeGreaterThanOrEqual(start + 12);
});

test('a chain that is gone for good is an error in seconds, for every call', async () => {
  const chain = await startSubnet();
  const proxy = await proxyTo(chain.url);
  const subtensor = await connect(proxy.url);
  const pending = subtensor.waitForBlock({ block: 1_000_000 });
  pending.catch(() => {});
  await proxy.close();
  const started = performance.now();
  await expect(pending).rejects.toMatchObject({ code: 'chain-unreachable', transient: true });
  await expect(subtensor.currentBlock()).rejects.toMatchObject({ code: 'chain-unreachable', transient: true });
  expect(performance.now() - started).toBeLessThan(8_000);
});

test('a node that falls silent is given up at the deadline, and the next call connects anew', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const subtensor = await connect(proxy.url, { timeoutMs: 3_000 });
  proxy.fateOfRequest = () => 'swallow';
  const started = performance.now();
  await expect(subtensor.metagraph({ netuid: NETUID })).rejects.toMatchObject({
    code: 'timeout',
    transient: true,
    message: expect.stringContaining(`reading the metagraph: no answer from the chain at ${proxy.url} within 3000 ms`),
  });
  expect(performance.now() - started).toBeLessThan(9_000);
  proxy.fateOfRequest = () => 'pass';
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
});

test('a chain that makes no blocks is noticed', async () => {
  const subtensor = await connect((await startSubnet({ chain: { blockTimeMs: 'manual' } })).url, {
    blockTimeoutMs: 400,
  });
  await expect(subtensor.waitForBlock({ block: 50 })).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringMatching(/^waiting for the block after 0: no new block .* within 400 ms/),
  });
});

test('after close() every call says so, and the process exits', async () => {
  const chain = await startSubnet();
  const script = `
    import { Subtensor } from ${JSON.stringify(new URL('../../src/chain/subtensor.ts', import.meta.url).href)};
    const subtensor = await Subtensor.open({ endpoint: ${JSON.stringify(chain.url)} });
    await subtensor.metagraph({ netuid: ${NETUID} });
    const waiting = subtensor.waitForBlock({ block: 1_000_000 }).catch((error) => error.code);
    await subtensor.close();
    const after = await subtensor.currentBlock().catch((error) => error.message);
    console.log(JSON.stringify([await waiting, after]));`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(JSON.parse(output)).toEqual([
    'chain-unreachable',
    expect.stringContaining('the connection was closed by this program'),
  ]);
});
