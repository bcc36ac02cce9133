import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { commit, connect, connectRpc, keyOf, start } from './client.ts';

// Clients that send what they should not.

async function open() {
  const chain = await start({ profile: 'latest' });
  return { chain, rpc: await connectRpc(chain) };
}
test.each([
  ['signed (0x85)', 0x85],
  ['general (0x45)', 0x45],
  ['bare (0x05)', 0x05],
])('a transaction of version 5, %s, is refused and not included', async (_what, version) => {
  const { chain, rpc } = await open();
  const api = await connect(chain);
  const signed = await commit(api, 'abc').signAsync(keyOf('Alice'), { nonce: -1 });
  const bytes = signed.toU8a();
  const at = bytes.indexOf(0x84);
  bytes[at] = version;
  const hex = `0x${Buffer.from(bytes).toString('hex')}`;
  await expect(rpc.request('author_submitExtrinsic', [hex])).rejects.toMatchObject({ code: 1011 });
  await chain.produceBlocks(1);
  expect(chain.storage('System.Account', keyOf('Alice').address)).toMatchObject({ nonce: 0 });
});

test('a method that no node has is not found, also one that every object has', async () => {
  const { rpc } = await open();
  for (const method of ['chain_getEverything', 'constructor', '__proto__', ''])
    await expect(rpc.request(method, []), method).rejects.toThrow(/not found/i);
});

test('a function that the runtime does not have, and arguments that it cannot read, are errors', async () => {
  const { rpc } = await open();
  const call = (name: unknown, args: unknown) => rpc.request('state_call', [name, args]);
  await expect(call('SubnetInfoRuntimeApi_toString', '0x')).rejects.toThrow('is not found');
  await expect(call('Nothing', '0x')).rejects.toThrow('is not found');
  await expect(call('NeuronInfoRuntimeApi_get_neurons_lite', '0x07')).rejects.toThrow();
  await expect(call('NeuronInfoRuntimeApi_get_neurons_lite', '0x0700ff')).rejects.toThrow();
  await expect(call('NeuronInfoRuntimeApi_get_neurons_lite', 'neurons')).rejects.toThrow('hex');
  // With and without the prefix it is the same.
  expect(await call('NeuronInfoRuntimeApi_get_neurons_lite', '0700')).toBe(
    await call('NeuronInfoRuntimeApi_get_neurons_lite', '0x0700'),
  );
});

test('a subscription to nothing is quiet, and ending one that is not there says so', async () => {
  const { chain, rpc } = await open();
  const id = await rpc.request('state_subscribeStorage', [[]]);
  await chain.produceBlocks(3);
  expect(await rpc.request('state_unsubscribeStorage', [id])).toBe(true);
  expect(await rpc.request('state_unsubscribeStorage', [id])).toBe(false);
  expect(await rpc.request('chain_unsubscribeNewHeads', ['nobody'])).toBe(false);
});

test('10,000 storage keys at once are answered, in their order', async () => {
  const { rpc } = await open();
  const keys = Array.from({ length: 10_000 }, (_, i) => `0x${i.toString(16).padStart(64, '0')}`);
  const [answer] = (await rpc.request('state_queryStorageAt', [keys])) as [{ changes: [string, null][] }];
  expect(answer.changes.map(([key]) => key)).toEqual(keys);
  expect(answer.changes.every(([, value]) => value === null)).toBe(true);
});

test('what Python asks for: the head by another name, storage by an old one, the next nonce', async () => {
  const { chain, rpc } = await open();
  const ask = (method: string, ...params: unknown[]) => rpc.request(method, params);
  expect(await ask('chain_getHead')).toBe(await ask('chain_getBlockHash'));
  const key = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';
  expect(await ask('state_getStorageAt', key, null)).toBe(await ask('state_getStorage', key));
  expect(await ask('account_nextIndex', keyOf('Alice').address)).toBe(0);
  expect(chain.currentBlock()).toBe(0);
});

describe('on the wire', () => {
  /** Sends messages as they are, and reads one answer to each. */
  async function exchange(messages: (string | Buffer)[]): Promise<unknown[]> {
    const { url } = await start();
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const answers: unknown[] = [];
    socket.on('message', (data) => answers.push(JSON.parse(String(data))));
    for (const message of messages) socket.send(message);
    while (answers.length < messages.length) await once(socket, 'message');
    socket.close();
    return answers;
  }
  const request = (more: object = {}) => JSON.stringify({ id: 1, method: 'system_chainType', ...more });
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  test.each([
    ['an empty batch', '[]', -32600],
    ['a list without end', nested(1_000_000), -32600],
    ['an id without end', `{"id":${nested(1_000_000)},"method":"system_chainType"}`, -32600],
    ['an id that is an object', request({ id: { a: 1 } }), -32600],
    ['parameters without end', `{"id":1,"method":"state_getStorage","params":${nested(1_000_000)}}`, -32602],
    ['a function without end', `{"id":1,"method":"state_call","params":[${nested(1_000_000)},"0x"]}`, undefined],
    ['a method in another script', request({ method: '系统_链\u202e' }), -32601],
    ['a key of odd hex', request({ method: 'state_getStorage', params: ['0xabc'] }), -32602],
    ['a key that is a number', request({ method: 'state_getStorage', params: [26] }), -32602],
    ['a list of keys that is none', request({ method: 'state_queryStorageAt', params: ['0xab'] }), -32602],
    ['keys that are lists', request({ method: 'state_subscribeStorage', params: [[['0xab']]] }), -32602],
    ['a prefix that is no hex', request({ method: 'state_getKeysPaged', params: ['zz', 10] }), -32602],
    ['a block that there is none of', request({ method: 'state_getStorage', params: ['0xab', '0xcd'] }), 4003],
    ['an account that is none', request({ method: 'account_nextIndex', params: [{}] }), -32603],
    ['a byte order mark', `\ufeff${request()}`, undefined],
    ['half a message', request().slice(0, 20), -32700],
    ['nothing', '', -32700],
    ['bytes', Buffer.from([0xff, 0xfe, 0]), -32700],
  ])('%s is answered, and the chain goes on', async (_what, message, code) => {
    const [answer, next] = await exchange([message, request({ id: 2 })]);
    // To a list, a list.
    const [first] = [answer].flat() as [{ error?: { code: number } }];
    if (code !== undefined) expect(first.error).toMatchObject({ code });
    expect(next).toEqual({ jsonrpc: '2.0', id: 2, result: 'Development' });
  });

  test('ids that are there twice, negative, broken or names are sent back as they came', async () => {
    const ids = [7, 7, -1, 0, 1.5, 2 ** 60, '', 'ä', null];
    const answers = await exchange(ids.map((id) => request({ id })));
    expect(answers).toEqual(ids.map((id) => ({ jsonrpc: '2.0', id, result: 'Development' })));
  });

  test('a batch of 10,000 calls has 10,000 answers, each with its id', async () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => i);
    const [answers] = (await exchange([`[${ids.map((id) => request({ id })).join()}]`])) as [{ id: number }[]];
    expect(answers.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(ids);
  });

  test('a message in a thousand frames is one message', async () => {
    const { url } = await start();
    const socket = new WebSocket(url);
    await once(socket, 'open');
    const message = request({ padding: 'x'.repeat(1_000) });
    for (const [i, letter] of [...message].entries()) socket.send(letter, { fin: i === message.length - 1 });
    const [data] = await once(socket, 'message');
    expect(JSON.parse(String(data))).toMatchObject({ id: 1, result: 'Development' });
    socket.close();
  });

  test('what is too large, and what is no WebSocket, ends its own connection alone', async () => {
    const chain = await start();
    const rpc = await connectRpc(chain);
    const large = new WebSocket(chain.url);
    await once(large, 'open');
    large.send(Buffer.alloc(17 * 1024 * 1024));
    expect((await once(large, 'close'))[0]).toBe(1009);
    const { port } = new URL(chain.url);
    for (const text of ['\0\0\0\0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n']) {
      const plain = connectTcp(Number(port), '127.0.0.1');
      plain.end(text);
      plain.resume();
      await once(plain, 'close');
    }
    expect(await rpc.request('system_chainType', [])).toBe('Development');
  });
});

test('a transaction that claims to be longer than memory is refused', async () => {
  const { rpc } = await open();
  for (const hex of [
    '0x',
    '0x84',
    `0xfeffffff84${'00'.repeat(200)}`,
    `0x${'ff'.repeat(100_000)}`,
    `0x03${'ff'.repeat(8)}`,
  ])
    await expect(rpc.request('author_submitExtrinsic', [hex]), hex.slice(0, 20)).rejects.toThrow();
  expect(await rpc.request('author_pendingExtrinsics', [])).toEqual([]);
});
