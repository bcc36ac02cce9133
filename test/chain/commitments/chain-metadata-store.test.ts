import { expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import type { ModelId } from '../../../src/schema/model-id.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { countRoundTrips } from '../round-trips.ts';
import { connect, NETUID, proxyTo, rememberingLogger, startSubnet } from '../start-subnet.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const id = (digit: string): ModelId => ({ repo: 'ann/chat', competition: '1', commit: digit.repeat(40) });
const pointer = (digit: string) => `ann/chat:1:${digit.repeat(40)}`;

test('a pointer is committed and read back, with the block it was written in', async () => {
  const subtensor = await connect((await startSubnet()).url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  expect(await store.read({ hotkey: ann.address })).toBeNull();
  const committed = await store.commit({ ...id('a'), hotkey: ann });
  expect(committed).toEqual({
    pointer: pointer('a'),
    block: expect.any(Number),
    blockHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
  });
  const commitment = { hotkey: ann.address, text: pointer('a'), kind: 'Raw', block: committed.block };
  expect(await store.read({ hotkey: ann.address })).toEqual(commitment);
  expect([...(await store.readAll())]).toEqual([[ann.address, commitment]]);
});

test('the same pointer again sends nothing', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url), netuid: NETUID });
  const ann = await devHotkey('ann');
  const { block } = await store.commit({ ...id('a'), hotkey: ann });
  expect(await store.commit({ ...id('a'), hotkey: ann })).toEqual({ pointer: pointer('a'), block, blockHash: null });
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
});

test('another pointer waits through the cooldown, says until when, and lands in the first block that takes it', async () => {
  const subtensor = await connect(
    (await startSubnet({ chain: { profile: 'legacy', commitmentCooldownBlocks: 15 } })).url,
  );
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  const first = await store.commit({ ...id('a'), hotkey: ann });
  const waits: { block: number; blocksLeft: number }[] = [];
  const second = await store.commit({ ...id('b'), hotkey: ann, onWait: (wait) => waits.push(wait) });
  expect(waits).toEqual([{ block: first.block + 15, blocksLeft: expect.any(Number) }]);
  expect(second.block).toBeGreaterThanOrEqual(first.block + 15);
  expect(second.block).toBeLessThanOrEqual(first.block + 18);
  expect((await store.read({ hotkey: ann.address }))?.text).toBe(pointer('b'));
});

test('where an epoch has a budget of bytes, what exceeds it waits for the next epoch and says until when', async () => {
  const chain = await startSubnet({ tempo: 29, chain: { profile: 'current', commitmentBytesPerEpoch: 250 } });
  const subtensor = await connect(chain.url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  await subtensor.waitForBlock({ block: (await subtensor.metagraph({ netuid: NETUID })).nextEpochBlock });
  const { nextEpochBlock } = await subtensor.metagraph({ netuid: NETUID });
  const waits: number[] = [];
  const commit = (digit: string) =>
    store.commit({ ...id(digit), hotkey: ann, onWait: ({ block }) => void waits.push(block) });
  // 51 bytes each, of which every one costs 100.
  expect((await commit('a')).block).toBeLessThan(nextEpochBlock);
  expect((await commit('b')).block).toBeLessThan(nextEpochBlock);
  expect(waits).toEqual([]);
  const { block } = await commit('c');
  expect(waits).toEqual([nextEpochBlock]);
  expect(block).toBeGreaterThanOrEqual(nextEpochBlock);
  expect((await store.read({ hotkey: ann.address }))?.text).toBe(pointer('c'));
});

test('the chain itself refuses what exceeds the budget of bytes, by the name of its newer runtimes', async () => {
  const chain = await startSubnet({ chain: { profile: 'current', commitmentBytesPerEpoch: 99 } });
  const subtensor = await connect(chain.url);
  const sent = subtensor.submit({
    name: 'commitments.setCommitment',
    call: (tx) => tx.commitments!.setCommitment!(NETUID, { fields: [{ Raw1: Uint8Array.of(65) }] }),
    hotkey: await devHotkey('ann'),
    landed: async () => null,
  });
  await expect(sent).rejects.toMatchObject({ code: 'chain-rejected', facts: { name: 'SpaceLimitExceeded' } });
});

test.each([
  ['the cooldown', { profile: 'legacy', commitmentCooldownBlocks: 100 }],
  ["the rest of the epoch's budget", { profile: 'current', commitmentBytesPerEpoch: 100 }],
] as const)('waiting through %s ends with the signal', async (_, chain) => {
  const subtensor = await connect((await startSubnet({ chain })).url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  await store.commit({ ...id('a'), hotkey: ann });
  const stop = new AbortController();
  const waiting = store.commit({
    ...id('b'),
    hotkey: ann,
    signal: stop.signal,
    onWait: () => stop.abort(new Error('stopped by the user')),
  });
  await expect(waiting).rejects.toThrow('stopped by the user');
  expect((await store.read({ hotkey: ann.address }))?.text).toBe(pointer('a'));
});

test('a pointer that no epoch has room for is one sentence, and nothing is sent', async () => {
  const chain = await startSubnet({ chain: { profile: 'current', commitmentBytesPerEpoch: 99 } });
  const proxy = await proxyTo(chain.url);
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url), netuid: NETUID });
  const waits: unknown[] = [];
  const commit = store.commit({ ...id('a'), hotkey: await devHotkey('ann'), onWait: (wait) => waits.push(wait) });
  await expect(commit).rejects.toMatchObject({
    code: 'chain-rejected',
    transient: false,
    message: expect.stringContaining('the chain will never have room for this commitment of 51 bytes'),
    facts: { netuid: NETUID, name: 'SpaceLimitExceeded' },
  });
  expect(waits).toEqual([]);
  expect(proxy.methods).not.toContain(SUBMIT);
});

/** Ann on a chain of ten-block epochs (10 to 19, 20 to 29 ...); the first `times` times she signs, somebody with her hotkey is a block faster. */
async function overtaken({ times, startBlock }: { times: number; startBlock: number }) {
  const ann = await devHotkey('ann');
  const budget = { profile: 'current', commitmentBytesPerEpoch: 100 } as const;
  const chain = await startSubnet({ tempo: 10, chain: { blockTimeMs: 'instant', ...budget } });
  await chain.produceBlocks(startBlock);
  const store = new ChainMetadataStore({ subtensor: await connect(chain.url), netuid: NETUID });
  const hotkey = {
    ...ann,
    sign: ({ payload }: { payload: Uint8Array }) => {
      const epoch = Math.floor((chain.currentBlock() + 1) / 10);
      const used = { last_epoch: epoch, used_space: 100 };
      if (times-- > 0) chain.setStorage('Commitments.UsedSpaceOf', NETUID, ann.address, used);
      return ann.sign({ payload });
    },
  };
  const waits: number[] = [];
  const onWait = ({ block, blocksLeft }: { block: number; blocksLeft: number }) => {
    waits.push(block);
    void chain.produceBlocks(blocksLeft - 1);
  };
  return { waits, commit: () => store.commit({ ...id('a'), hotkey, onWait }) };
}

test.each([
  { startBlock: 5, refusedIn: 7, waits: [10] },
  { startBlock: 7, refusedIn: 9, waits: [] },
])('a pointer refused in block $refusedIn is committed in the first block of the next epoch', async (expected) => {
  const { commit, waits } = await overtaken({ times: 1, startBlock: expected.startBlock });
  expect(await commit()).toMatchObject({ pointer: pointer('a'), block: 10 });
  expect(waits).toEqual(expected.waits);
});

test('a chain that has refused ten times, an epoch apart, is not asked again', async () => {
  const { commit, waits } = await overtaken({ times: Number.POSITIVE_INFINITY, startBlock: 5 });
  await expect(commit()).rejects.toMatchObject({
    code: 'chain-rejected',
    message: expect.stringContaining('the chain refused commitments.setCommitment: commitments.SpaceLimitExceeded'),
  });
  expect(waits).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90]);
});

test('a hotkey that is not registered is one sentence, and nothing is sent', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url), netuid: NETUID });
  const eve = await devHotkey('eve');
  await expect(store.commit({ ...id('a'), hotkey: eve })).rejects.toMatchObject({
    code: 'unregistered',
    transient: false,
    sentence: `the hotkey ${eve.address} is not registered on subnet 96. Register it first: btcli subnet register --netuid 96.`,
  });
  expect(proxy.methods).not.toContain(SUBMIT);
});

const LONG: ModelId = { ...id('a'), repo: `${'n'.repeat(50)}/${'r'.repeat(60)}` };

test('where the chain has no room for more than 128 bytes, a longer pointer is refused before anything is asked or sent', async () => {
  const proxy = await proxyTo((await startSubnet({ chain: { profile: 'legacy' } })).url);
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url), netuid: NETUID });
  const before = proxy.methods.length;
  const refused = {
    code: 'bad-argument',
    message: expect.stringContaining('has room for 128 bytes, this one has 154'),
  };
  await expect(store.commit({ ...LONG, hotkey: await devHotkey('ann') })).rejects.toMatchObject(refused);
  await expect(store.pointerText({ ...LONG })).rejects.toMatchObject(refused);
  expect(proxy.methods).toHaveLength(before);
});

test('where the chain has BigRaw, a longer pointer is committed and read back', async () => {
  const subtensor = await connect((await startSubnet({ chain: { profile: 'current' } })).url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  const { pointer: text, block } = await store.commit({ ...LONG, hotkey: ann });
  expect(text).toHaveLength(154);
  const commitment = { hotkey: ann.address, text, kind: 'BigRaw', block };
  expect(await store.read({ hotkey: ann.address })).toEqual(commitment);
  expect([...(await store.readAll()).values()]).toEqual([commitment]);
});

test.each([
  ['the cooldown', { profile: 'legacy', commitmentCooldownBlocks: 100 }, 'CommitmentSetRateLimitExceeded'],
  ["the rest of the epoch's budget", { profile: 'current', commitmentBytesPerEpoch: 100 }, 'SpaceLimitExceeded'],
] as const)('who does not want to wait through %s is told the block, and nothing is sent', async (_, chain, name) => {
  const running = await startSubnet({ chain: { blockTimeMs: 'instant', ...chain } });
  const proxy = await proxyTo(running.url);
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url), netuid: NETUID });
  const ann = await devHotkey('ann');
  await store.commit({ ...id('a'), hotkey: ann });
  const { block, firstBlock, refusal } = await store.room({ hotkey: ann.address, bytes: 51 });
  expect({ block, refusal }).toEqual({ block: running.currentBlock(), refusal: name });
  await expect(store.commit({ ...id('b'), hotkey: ann, wait: false })).rejects.toMatchObject({
    code: 'chain-rejected',
    transient: true,
    message: expect.stringContaining(`in block ${firstBlock}, and this is block ${block}`),
    facts: { name, firstBlock, block },
  });
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
  await running.produceBlocks(firstBlock - block - 1);
  expect((await store.commit({ ...id('b'), hotkey: ann, wait: false })).block).toBe(firstBlock);
});

test('what others committed that is no text is null', async () => {
  const subtensor = await connect((await startSubnet()).url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const [ann, bob, validator] = await Promise.all(['ann', 'bob', 'validator'].map(devHotkey));
  const fields = [{ Sha256: new Uint8Array(32) }, { Raw2: Uint8Array.of(0xc3, 0x28) }];
  for (const [i, hotkey] of [ann!, bob!].entries()) {
    await subtensor.submit({
      name: 'commitments.setCommitment',
      call: (tx) => tx.commitments!.setCommitment!(NETUID, { fields: [fields[i]] }),
      hotkey,
      landed: async () => null,
    });
  }
  await store.commit({ ...id('c'), hotkey: validator! });
  const all = await store.readAll();
  expect([ann, bob, validator].map((hotkey) => all.get(hotkey!.address)?.text)).toEqual([null, null, pointer('c')]);
});

test('an answer that is lost after sending is looked up on the chain, not sent again', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const subtensor = await connect(proxy.url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const ann = await devHotkey('ann');
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'pass-then-cut' : 'pass');
  const { block } = await store.commit({ ...id('a'), hotkey: ann });
  expect(await store.read({ hotkey: ann.address })).toMatchObject({ text: pointer('a'), block });
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
});

test('a call that never reached the node is a passing fault, and committing again works', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const logger = rememberingLogger();
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url, { logger }), netuid: NETUID });
  const ann = await devHotkey('ann');
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'cut' : 'pass');
  await expect(store.commit({ ...id('a'), hotkey: ann })).rejects.toMatchObject({
    code: 'chain-unreachable',
    transient: true,
  });
  expect(logger.lines.join()).toContain('the answer was lost, looking for its effect on the chain');
  expect(await store.read({ hotkey: ann.address })).toBeNull();
  proxy.fateOfRequest = () => 'pass';
  expect((await store.commit({ ...id('a'), hotkey: ann })).pointer).toBe(pointer('a'));
});

test('a node that takes the call and falls silent is given up at the deadline', async () => {
  const proxy = await proxyTo((await startSubnet()).url);
  const subtensor = await connect(proxy.url, { blockTimeoutMs: 500, timeoutMs: 2_000 });
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'swallow' : 'pass');
  const started = performance.now();
  await expect(store.commit({ ...id('a'), hotkey: await devHotkey('ann') })).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('commitments.setCommitment: no answer'),
  });
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('hotkeys commit at the same time', async () => {
  const hotkeys = Array.from({ length: 12 }, (_, i) => `miner ${i}`);
  const subtensor = await connect((await startSubnet({ hotkeys })).url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const signers = await Promise.all(hotkeys.map(devHotkey));
  const committed = await Promise.all(signers.map((hotkey, i) => store.commit({ ...id(i.toString(16)), hotkey })));
  const all = await store.readAll();
  for (const [i, { address }] of signers.entries())
    expect(all.get(address)).toMatchObject({ text: pointer(i.toString(16)), block: committed[i]!.block });
});

test('defects 2 and 18: 256 commitments are read in two round trips, each with its block', async () => {
  const hotkeys = Array.from({ length: 256 }, (_, i) => `miner ${i}`);
  const chain = await startSubnet({ hotkeys });
  const addresses = await Promise.all(hotkeys.map(async (name) => (await devHotkey(name)).address));
  const text = (i: number) => `ann/chat:1:${i.toString(16).padStart(40, '0')}`;
  for (const [i, address] of addresses.entries()) {
    const fields = [{ [`Raw${text(i).length}`]: new TextEncoder().encode(text(i)) }];
    chain.setStorage('Commitments.CommitmentOf', NETUID, address, { deposit: 0, block: i + 1, info: { fields } });
  }
  await chain.produceBlocks(1);
  const subtensor = await connect(chain.url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  let all = new Map<string, unknown>();
  const { roundTrips } = await countRoundTrips(async () => {
    all = await store.readAll();
  });
  expect(roundTrips).toBe(2);
  expect(all.size).toBe(256);
  for (const [i, hotkey] of addresses.entries())
    expect(all.get(hotkey)).toEqual({ hotkey, text: text(i), kind: 'Raw', block: i + 1 });
});

test('no seed shows in what is logged, thrown or returned', async () => {
  const proxy = await proxyTo((await startSubnet({ chain: { profile: 'legacy', commitmentCooldownBlocks: 5 } })).url);
  const logger = rememberingLogger();
  const store = new ChainMetadataStore({ subtensor: await connect(proxy.url, { logger }), netuid: NETUID });
  const [ann, eve] = await Promise.all(['ann', 'eve'].map(devHotkey));
  const seen: unknown[] = [await store.commit({ ...id('a'), hotkey: ann! })];
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'cut' : 'pass');
  for (const hotkey of [ann!, eve!]) seen.push(await store.commit({ ...id('b'), hotkey }).catch((error) => error));
  const text = [...logger.lines, ...seen.map((it) => `${it} ${JSON.stringify(it)} ${(it as Error).stack}`)].join('\n');
  for (const hotkey of [ann!, eve!]) expect(text).not.toContain(hotkey.seedHex());
});
