import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { commit, connect, connectRpc, include, keyOf, NETUID, read, start } from './client.ts';

/** One message as it is, and the answer to it. */
async function raw(url: string, message: string, options = {}): Promise<unknown> {
  const socket = new WebSocket(url, options);
  await once(socket, 'open');
  socket.send(message);
  const [data] = await once(socket, 'message');
  socket.close();
  return JSON.parse(String(data));
}

test('requests are answered as JSON-RPC 2.0 asks for', async () => {
  const { url } = await start();
  expect(await raw(url, '{"jsonrpc":"2.0","id":"a","method":"system_chainType"}')).toEqual({
    jsonrpc: '2.0',
    id: 'a',
    result: 'Development',
  });
  const batch = '[{"id":1,"method":"system_chainType"},{"id":2,"method":"constructor"},{"id":3},null]';
  expect(await raw(url, batch)).toMatchObject([
    { id: 1, result: 'Development' },
    { id: 2, error: { code: -32601 } },
    { id: 3, error: { code: -32600 } },
    { id: null, error: { code: -32600 } },
  ]);
  expect(await raw(url, '{"id":1,"method":"system_chain","params":5}')).toMatchObject({ error: { code: -32602 } });
  expect(await raw(url, 'nonsense')).toMatchObject({ error: { code: -32700 } });
});

test('pages of another origin are refused, those of this machine are not', async () => {
  const { url } = await start();
  const from = (origin: string) => raw(url, '{"id":1,"method":"system_chainType"}', { origin });
  await expect(from('https://evil.example')).rejects.toThrow('403');
  await expect(from('null')).rejects.toThrow('403');
  expect(await from('http://localhost:5173')).toMatchObject({ result: 'Development' });
});

test('whoever names another host is refused', async () => {
  const { url } = await start();
  await expect(raw(url, '{}', { headers: { Host: 'evil.example' } })).rejects.toThrow('403');
});

test('a port in use is one clear sentence', async () => {
  const port = Number(new URL((await start()).url).port);
  await expect(start({ chain: { port } })).rejects.toMatchObject({
    code: 'port-in-use',
    message: expect.stringContaining(`port ${port} is in use`),
  });
});

test('a client finds a development chain of TAO', async () => {
  const api = await connect(await start());
  expect(api.runtimeChain.toString()).toBe('FLock OFF development chain');
  expect(api.registry.chainTokens).toEqual(['TAO']);
  expect(api.registry.chainDecimals).toEqual([9]);
  expect((await api.rpc.chain.getHeader()).hash.toHex()).toBe((await api.rpc.chain.getBlockHash()).toHex());
});

test('storage is read as plain values, vectors, maps and double maps', async () => {
  const [bob, eve] = [keyOf('Bob').address, keyOf('Eve').address];
  const neurons = [
    { hotkey: keyOf('Alice').address, validatorPermit: true },
    { hotkey: bob, coldkey: eve },
  ];
  const api = await connect(await start({ neurons, tempo: 42 }));
  expect(await read(api, 'tempo', NETUID)).toBe(42);
  expect(await read(api, 'validatorPermit', NETUID)).toEqual([true, false]);
  expect([await read(api, 'uids', NETUID, bob), await read(api, 'uids', NETUID, eve)]).toEqual([1, null]);
  expect([await read(api, 'owner', bob), await read(api, 'ownedHotkeys', eve)]).toEqual([eve, [bob]]);
});

test('blocks form a chain, and each begins with setting the clock', async () => {
  let nowMs = 1_700_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: async () => {} };
  const chain = await start({ chain: { clock } });
  const api = await connect(chain);
  for (let number = 1; number <= 3; number++) {
    nowMs += 1_000;
    await chain.produceBlocks(1);
    const hash = await api.rpc.chain.getBlockHash(number);
    const { block } = await api.rpc.chain.getBlock(hash);
    expect(block.header.hash.toHex()).toBe(hash.toHex());
    expect(block.header.parentHash.toHex()).toBe((await api.rpc.chain.getBlockHash(number - 1)).toHex());
    expect(block.extrinsics[0]!.method.toHuman()).toMatchObject({ section: 'timestamp', method: 'set' });
    expect(block.extrinsics[0]!.args[0]!.toString()).toBe(String(nowMs));
    expect((await api.query.timestamp!.now!()).toString()).toBe(String(nowMs));
  }
});

test('time on the chain keeps up with blocks that are made by hand', async () => {
  const chain = await start();
  const now = () => Number(chain.storage('Timestamp.Now'));
  await chain.produceBlocks(1);
  const first = now();
  await chain.produceBlocks(100);
  expect(now() - first).toBeGreaterThanOrEqual(100 * 250);
});

test('a chain of fast blocks says the time of day', async () => {
  const chain = await start({ chain: { blockTimeMs: 20 } });
  await expect.poll(() => chain.currentBlock(), { timeout: 20_000 }).toBeGreaterThan(50);
  expect(Math.abs(Date.now() - Number(chain.storage('Timestamp.Now')))).toBeLessThan(5_000);
});

test('equal histories have equal hashes, others do not', async () => {
  const clock = { nowMs: () => 1, sleep: async () => {} };
  const hashAfter = async (tempo: number) => {
    const chain = await start({ tempo, chain: { clock } });
    await chain.produceBlocks(2);
    return (await connectRpc(chain)).request('chain_getBlockHash');
  };
  expect(await hashAfter(10)).toBe(await hashAfter(10));
  expect(await hashAfter(10)).not.toBe(await hashAfter(11));
});

test('what is unknown is null, or an error where state is asked for', async () => {
  const rpc = await connectRpc(await start());
  const unknown = `0x${'ab'.repeat(32)}`;
  expect(await rpc.request('chain_getHeader', [unknown])).toBeNull();
  expect(await rpc.request('chain_getBlock', [unknown])).toBeNull();
  expect(await rpc.request('chain_getBlockHash', [99])).toBeNull();
  expect(await rpc.request('state_getStorage', ['0x1234'])).toBeNull();
  await expect(rpc.request('state_getStorage', ['0x1234', unknown])).rejects.toMatchObject({ code: 4003 });
});

test('a map is read in pages', async () => {
  const names = Array.from({ length: 25 }, (_, i) => `n${i}`);
  const api = await connect(await start({ names }));
  const seen: string[] = [];
  for (let startKey: string | undefined; ; ) {
    const page = await api.query.subtensorModule!.keys!.entriesPaged({ args: [NETUID], pageSize: 10, startKey });
    seen.push(...page.map(([, hotkey]) => hotkey.toString()));
    if (page.length < 10) break;
    startKey = page.at(-1)![0].toHex();
  }
  expect(seen).toEqual(names.map((name) => keyOf(name).address));
});

test('a page begins after the key that is named, in whatever hex, and has at most 1000 keys', async () => {
  const rpc = await connectRpc(await start());
  const page = (...params: unknown[]) => rpc.request('state_getKeysPaged', params) as Promise<string[]>;
  const all = await page('0x', 1_000);
  expect(all.length).toBeGreaterThan(5);
  const second = all[1]!;
  const bare = second.slice(2);
  for (const after of [second, bare, bare.toUpperCase(), `0x${bare.toUpperCase()}`])
    expect(await page('0x', 2, after), after).toEqual(all.slice(2, 4));
  expect(await page('', 3, null)).toEqual(all.slice(0, 3));
  expect(await page('0x', 0)).toEqual([]);
  for (const after of [26, '0xabc', {}])
    await expect(page('0x', 2, after), String(after)).rejects.toMatchObject({ code: -32602 });
  for (const count of [-1, 1.5, '2', null]) await expect(page('0x', count)).rejects.toMatchObject({ code: -32602 });
  await expect(page('0x', 1_001)).rejects.toMatchObject({ code: 4002 });
});

test('a subscription hears of every change of its item, and of nothing else', async () => {
  const chain = await start({ tempo: 10 });
  const api = await connect(chain);
  const seen: number[] = [];
  const stop = await api.query.subtensorModule!.tempo!(NETUID, (tempo: { toNumber(): number }) => {
    seen.push(tempo.toNumber());
  });
  await chain.produceBlocks(3);
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 20 });
  await chain.produceBlocks(3);
  await expect.poll(() => seen).toEqual([10, 20]);
  (stop as unknown as () => void)();
  await api.rpc.system.chain(); // The subscription ends in order.
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 30 });
  await chain.produceBlocks(1);
  await api.rpc.system.chain();
  expect(seen).toEqual([10, 20]);
});

test('two clients send at once and see the same blocks', async () => {
  const chain = await start({ chain: { blockTimeMs: 30 } });
  const clients = await Promise.all([connect(chain), connect(chain)]);
  const landed = clients.map(
    (api, i) =>
      new Promise((resolve, reject) => {
        const key = keyOf(['Alice', 'Bob'][i]!);
        commit(api, `client ${i}`)
          .signAndSend(key, ({ status }) => {
            if (status.isFinalized) resolve(status.asFinalized.toHex());
          })
          .catch(reject);
      }),
  );
  await Promise.all(landed);
  for (const api of clients) expect(await api.query.commitments!.commitmentOf!.entries(NETUID)).toHaveLength(2);
});

test('with instant sealing what comes at once is in one block', async () => {
  const chain = await start({ chain: { blockTimeMs: 'instant' } });
  const [api, rpc] = [await connect(chain), await connectRpc(chain)];
  const signed = await Promise.all(['Alice', 'Bob'].map((name) => commit(api, name).signAsync(keyOf(name))));
  await rpc.request('system_chain');
  await Promise.all(signed.map((transaction) => rpc.request('author_submitExtrinsic', [transaction.toHex()])));
  await expect.poll(() => chain.storage('Commitments.CommitmentOf', NETUID, keyOf('Bob').address)).not.toBeNull();
  expect(chain.currentBlock()).toBeLessThanOrEqual(2);
  const before = chain.currentBlock();
  chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 9 });
  await expect.poll(() => chain.currentBlock()).toBe(before + 1);
});

test('state of 2400 blocks is kept, older state is discarded, blocks are not', async () => {
  const chain = await start();
  const rpc = await connectRpc(chain);
  await chain.produceBlocks(2_450);
  const key = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac'; // System.Number
  const hashOf = (block: number) => rpc.request('chain_getBlockHash', [block]);
  expect(await rpc.request('state_getStorage', [key, await hashOf(50)])).toBe('0x32000000');
  await expect(rpc.request('state_getStorage', [key, await hashOf(49)])).rejects.toMatchObject({ code: 4003 });
  expect(await rpc.request('chain_getBlock', [await hashOf(49)])).toMatchObject({
    block: { header: { number: '0x31' } },
  });
});

test('closing ends every connection, and nothing of the chain keeps a process alive', async () => {
  const script = `
    import { WebSocket } from 'ws';
    import { LocalChain } from ${JSON.stringify(new URL('../../../src/local/chain/local-chain.ts', import.meta.url).href)};
    const chain = await LocalChain.open({ blockTimeMs: 20, subnets: [] });
    chain.faults.inject({ on: 'system_name', fault: { kind: 'delay', ms: 60_000 } });
    const client = new WebSocket(chain.url);
    await new Promise((resolve) => client.once('open', resolve));
    client.send('{"id":1,"method":"chain_subscribeNewHeads"}');
    client.send('{"id":2,"method":"system_name"}');
    await new Promise((resolve) => client.once('message', resolve));
    await chain.close();
    await new Promise((resolve) => client.once('close', resolve));
    process.stdout.write('closed');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'exit');
  expect({ code, output }).toEqual({ code: 0, output: 'closed' });
});

test('a client may leave in the middle of everything', async () => {
  const chain = await start();
  const api = await connect(chain);
  const rpc = await connectRpc(chain);
  const signed = await commit(api, 'x').signAsync(keyOf('Bob'));
  const watching = { method: 'author_submitAndWatchExtrinsic', unsubscribe: 'author_unwatchExtrinsic' };
  await rpc.subscribe({ ...watching, params: [signed.toHex()] }, () => {});
  rpc.close('leaving');
  await chain.produceBlocks(2);
  expect(await include(api, chain, commit(api, 'y'), keyOf('Bob'))).toContain('commitments.Commitment');
});
