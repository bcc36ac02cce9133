import { expect, test } from 'vitest';
import type { ChainFault } from '../../../src/local/chain/faults.ts';
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
