import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ChainFault } from '../../../src/local/chain/node/faults.ts';
import { connectRpc, start } from './client.ts';

async function withFault(fault: ChainFault, times?: number) {
  const chain = await start();
  chain.faults.inject({ on: 'system_chainType', fault, times });
  return { chain, rpc: await connectRpc(chain) };
}
const ask = (rpc: Awaited<ReturnType<typeof connectRpc>>) => rpc.request('system_chainType');

test('an error is answered as often as wanted, and only to the method it is for', async () => {
  const { rpc } = await withFault({ kind: 'error', code: -32000, message: 'overloaded' }, 2);
  expect(await rpc.request('system_name')).toBe('flock-off local chain');
  for (let i = 0; i < 2; i++) await expect(ask(rpc)).rejects.toMatchObject({ code: -32000, message: 'overloaded' });
  expect(await ask(rpc)).toBe('Development');
});

test('a dropped connection can be opened again', async () => {
  const { chain, rpc } = await withFault({ kind: 'drop' });
  await expect(ask(rpc)).rejects.toThrow('the connection was closed');
  expect(await ask(await connectRpc(chain))).toBe('Development');
  expect(chain.faults.requests).toEqual(['system_chainType', 'system_chainType']);
});

test('a hanging request leaves the others alone', async () => {
  const { rpc } = await withFault({ kind: 'hang' });
  let answered = false;
  ask(rpc).then(
    () => (answered = true),
    () => {},
  );
  for (let i = 0; i < 3; i++) await rpc.request('system_name');
  expect(answered).toBe(false);
});

test('a delayed answer comes late', async () => {
  const { rpc } = await withFault({ kind: 'delay', ms: 150 });
  const started = performance.now();
  expect(await ask(rpc)).toBe('Development');
  expect(performance.now() - started).toBeGreaterThanOrEqual(145);
});

test('an answer is lost after the work was done', async () => {
  const chain = await start();
  chain.faults.inject({ on: 'author_submit', fault: { kind: 'lose-answer' } });
  const rpc = await connectRpc(chain);
  const { connect, commit, keyOf } = await import('./client.ts');
  const api = await connect(chain);
  const signed = await commit(api, 'x').signAsync(keyOf('Bob'));
  await expect(rpc.request('author_submitExtrinsic', [signed.toHex()])).rejects.toThrow('the connection was closed');
  expect(await api.rpc.author.pendingExtrinsics()).toHaveLength(1);
});

test('connections are refused, or cut, until they are not', async () => {
  const chain = await start();
  chain.faults.refuseConnections = true;
  await expect(connectRpc(chain)).rejects.toThrow('503');
  chain.faults.clear();
  const rpc = await connectRpc(chain);
  chain.dropConnections();
  await expect(ask(rpc)).rejects.toThrow('the connection was closed');
});

test('a half-open connection neither answers nor closes, and does not answer pings', async () => {
  const { chain, rpc } = await withFault({ kind: 'half-open' });
  let settled = false;
  const end = () => (settled = true);
  ask(rpc).then(end, end);
  rpc.request('system_name').then(end, end);
  await sleep(100);
  expect(settled).toBe(false);
  const impatient = await connectRpc(chain, { pingIntervalMs: 40 });
  chain.faults.inject({ on: 'system_chainType', fault: { kind: 'half-open' } });
  await expect(ask(impatient)).rejects.toThrow('nothing came from the node for 40 ms, not even an answer to a ping');
});

test('a node that lies answers with what is wanted', async () => {
  const { rpc } = await withFault({ kind: 'lie', result: 'Moon' });
  expect(await ask(rpc)).toBe('Moon');
  expect(await ask(rpc)).toBe('Development');
});

test('a block that a re-org takes back gives its transactions to a later one', async () => {
  const { connect, commit, keyOf } = await import('./client.ts');
  const chain = await start({ chain: { finalityLagBlocks: 2 } });
  const api = await connect(chain);
  const rpc = await connectRpc(chain);
  const signed = await commit(api, 'x').signAsync(keyOf('Bob'));
  const statuses: string[] = [];
  const watch = { method: 'author_submitAndWatchExtrinsic', unsubscribe: 'author_unwatchExtrinsic' };
  await rpc.subscribe({ ...watch, params: [signed.toHex()] }, (status: string | object) => {
    statuses.push(typeof status === 'string' ? status : Object.keys(status)[0]!);
  });
  await chain.produceBlocks(1);
  const retracted = await rpc.request<string>('chain_getBlockHash', [1]);
  chain.reorg();
  expect(chain.currentBlock()).toBe(2);
  const [first, second] = await Promise.all([1, 2].map((at) => rpc.request<string>('chain_getBlockHash', [at])));
  expect(first).not.toBe(retracted);
  const extrinsics = async (hash: string) =>
    (await rpc.request<{ block: { extrinsics: string[] } }>('chain_getBlock', [hash])).block.extrinsics;
  expect(await extrinsics(first!)).toHaveLength(1);
  expect(await extrinsics(second!)).toContain(signed.toHex());
  expect(await rpc.request('state_getStorage', ['0x00', second])).toBeNull();
  await expect(rpc.request('state_getStorage', ['0x00', retracted])).rejects.toThrow('UnknownBlock');
  await chain.produceBlocks(2);
  expect(await rpc.request('chain_getFinalizedHead')).toBe(second);
  await expect.poll(() => statuses).toEqual(['ready', 'inBlock', 'retracted', 'inBlock', 'finalized']);
});

test('a final block is not taken back', async () => {
  const chain = await start();
  await chain.produceBlocks(1);
  expect(() => chain.reorg()).toThrow('block 1 is final');
});

test('a head may be announced twice', async () => {
  const chain = await start();
  const rpc = await connectRpc(chain);
  const heads: number[] = [];
  const subscription = { method: 'chain_subscribeNewHeads', unsubscribe: 'chain_unsubscribeNewHeads' };
  await rpc.subscribe(subscription, ({ number }: { number: string }) => void heads.push(Number(number)));
  await expect.poll(() => heads).toEqual([0]);
  await chain.produceBlocks(1);
  chain.repeatHead();
  await expect.poll(() => heads).toEqual([0, 1, 1]);
});

test('a restart keeps the chain and its port, and forgets what was waiting', async () => {
  const { connect, commit, keyOf } = await import('./client.ts');
  const chain = await start();
  const api = await connect(chain);
  const rpc = await connectRpc(chain);
  const signed = await commit(api, 'x').signAsync(keyOf('Bob'));
  await api.disconnect();
  await chain.produceBlocks(3);
  await rpc.request('author_submitExtrinsic', [signed.toHex()]);
  const back = chain.restart(100);
  await expect(rpc.request('system_name')).rejects.toThrow('the connection was closed');
  await expect(connectRpc(chain)).rejects.toThrow('ECONNREFUSED');
  await back;
  const again = await connectRpc(chain);
  expect(await again.request('author_pendingExtrinsics')).toEqual([]);
  expect(Number((await again.request<{ number: string }>('chain_getHeader')).number)).toBe(3);
});
