import { expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { commitTimelocked, readRevealedCommitments } from '../../../src/chain/commitments/timelocked.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { connect, NETUID, proxyTo, startSubnet } from '../start-subnet.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';

async function startCurrent(chain: { commitmentBytesPerEpoch?: number; profile?: 'legacy' } = {}) {
  const running = await startSubnet({ tempo: 20, chain: { profile: 'current', blockTimeMs: 'instant', ...chain } });
  await running.produceBlocks(1);
  const subtensor = await connect(running.url);
  const hotkey = await devHotkey('ann');
  const { beacon } = running;
  return { chain: running, subtensor, parameters: { subtensor, netuid: NETUID, hotkey, beacon } };
}

test('a time-locked commitment is opened by the chain: until then nobody reads it', async () => {
  const { chain, subtensor, parameters } = await startCurrent();
  const hotkey = parameters.hotkey.address;
  const revealAtBlock = chain.currentBlock() + 30;
  const text = 'ann/chat:1:größer';
  const { round, block } = await commitTimelocked({ ...parameters, text, revealAtBlock });
  expect(await new ChainMetadataStore({ subtensor, netuid: NETUID }).read({ hotkey })).toEqual({
    hotkey,
    kind: 'TimelockEncrypted',
    text: null,
    block,
  });
  expect(chain.storage('Drand.LastStoredRound')).toBeLessThan(round);
  expect(await readRevealedCommitments({ subtensor, netuid: NETUID, hotkey })).toEqual([]);
  await chain.produceBlocks(revealAtBlock + 1 - chain.currentBlock());
  const revealed = await readRevealedCommitments({ subtensor, netuid: NETUID, hotkey });
  expect(revealed).toEqual([{ text, block: expect.any(Number) }]);
  expect(revealed[0]!.block).toBeLessThanOrEqual(revealAtBlock + 1);
});

test('what is revealed is text with or without its length; other bytes and control characters are none', async () => {
  const { chain, subtensor, parameters } = await startCurrent();
  const hotkey = parameters.hotkey.address;
  const bytes = {
    'with its length': [0x14, ...Buffer.from('a\nb\tc')],
    without: [...Buffer.from('ann/chat:1:größer')],
    'without, beginning with the length of the rest': [...Buffer.from('(1 2 3 4 5)')],
    'an escape': [0x14, ...Buffer.from('a\x1b[2J')],
    'another length': [0x18, ...Buffer.from('abc')],
    'no UTF-8': [0xff, 0xfe],
  };
  const revealed = Object.values(bytes).map((one, i) => [`0x${Buffer.from(one).toString('hex')}`, i]);
  chain.setStorage('Commitments.RevealedCommitments', NETUID, hotkey, revealed);
  await chain.produceBlocks(1);
  const texts = (await readRevealedCommitments({ subtensor, netuid: NETUID, hotkey })).map(({ text }) => text);
  expect(texts).toEqual(['a\nb\tc', 'ann/chat:1:größer', '1 2 3 4 5)', null, null, null]);
});

test('an answer that is lost after sending is looked up on the chain, not sent again', async () => {
  const { chain, parameters } = await startCurrent();
  const proxy = await proxyTo(chain.url);
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'pass-then-cut' : 'pass');
  const subtensor = await connect(proxy.url);
  const { block } = await commitTimelocked({ ...parameters, subtensor, text: 'hello', revealAtBlock: 100 });
  expect(block).toBe(chain.currentBlock());
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
});

test('where the bytes of the epoch are used up, the next one is waited for', async () => {
  const { chain, parameters } = await startCurrent({ commitmentBytesPerEpoch: 400 });
  const waits: { block: number }[] = [];
  const onWait = (wait: { block: number }) => {
    waits.push(wait);
    void chain.produceBlocks(wait.block - chain.currentBlock());
  };
  await commitTimelocked({ ...parameters, text: 'one', revealAtBlock: 100 });
  const { block } = await commitTimelocked({ ...parameters, text: 'two', revealAtBlock: 100, onWait });
  expect(waits).toHaveLength(1);
  expect(block).toBeGreaterThanOrEqual(waits[0]!.block);
});

test('where no epoch will ever bring room, that is said at once, as for a pointer, and nothing is sent', async () => {
  const chain = await startSubnet({
    tempo: 0,
    chain: { profile: 'current', blockTimeMs: 'instant', commitmentBytesPerEpoch: 400 },
  });
  const hotkey = await devHotkey('ann');
  const proxy = await proxyTo(chain.url);
  const subtensor = await connect(proxy.url);
  const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const pointer = (i: number) => ({ repo: 'ann/chat', competition: '1', commit: String(i).padStart(40, '0') });
  for (let i = 0; i < 4; i++) await store.commit({ ...pointer(i), hotkey });
  const sent = proxy.methods.filter((method) => method === SUBMIT).length;
  const neverAgain = {
    code: 'chain-rejected',
    transient: false,
    facts: { name: 'SpaceLimitExceeded', maxBytes: 400 },
    message: expect.stringMatching(/^the chain will never have room .* has used up its 400 bytes, .*runs no epochs/),
  };
  const timelocked = { subtensor, netuid: NETUID, hotkey, beacon: chain.beacon, text: 'hello', revealAtBlock: 100 };
  await expect(commitTimelocked(timelocked)).rejects.toMatchObject(neverAgain);
  await expect(store.commit({ ...pointer(4), hotkey })).rejects.toMatchObject(neverAgain);
  await expect(commitTimelocked({ ...timelocked, text: 'x'.repeat(200) })).rejects.toThrow(
    'it allows a hotkey 400 in an epoch of subnet 96',
  );
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(sent);
});

test('a time-locked commitment that is refused for room waits again; with `wait: false` it says from which block on', async () => {
  const { chain, subtensor, parameters } = await startCurrent({ commitmentBytesPerEpoch: 400 });
  const text = 'one';
  await commitTimelocked({ ...parameters, text, revealAtBlock: 100 });
  await expect(commitTimelocked({ ...parameters, text, revealAtBlock: 100, wait: false })).rejects.toMatchObject({
    code: 'chain-rejected',
    transient: true,
    facts: { name: 'SpaceLimitExceeded', firstBlock: (await subtensor.epoch({ netuid: NETUID })).nextEpochBlock },
  });
  // Room is foreseen in the next epoch, and the epoch begins later.
  const waits: number[] = [];
  const onWait = ({ block }: { block: number }) => {
    waits.push(block);
    if (waits.length === 1) chain.setHyperparameter({ netuid: NETUID, name: 'tempo', value: 200 });
    void chain.produceBlocks(block - chain.currentBlock());
  };
  const { block, round } = await commitTimelocked({ ...parameters, text, revealAtBlock: 100, onWait });
  expect(waits.length).toBeGreaterThanOrEqual(2);
  expect(block).toBeGreaterThanOrEqual(200);
  // The block that was asked for has passed meanwhile, and its round is public.
  expect(round).toBeGreaterThan((chain.storage('Drand.LastStoredRound') as number) - 10);
});

test('too long a text, another beacon, and a runtime that opens nothing are refused before sending', async () => {
  const { parameters } = await startCurrent();
  await expect(commitTimelocked({ ...parameters, text: 'x'.repeat(779), revealAtBlock: 100 })).rejects.toThrow(
    'may have 1024 bytes, saw a text of 779 that makes 1025',
  );
  await expect(commitTimelocked({ ...parameters, beacon: undefined, text: 'x', revealAtBlock: 100 })).rejects.toThrow(
    "another drand beacon than drand's quicknet",
  );
  const legacy = await startCurrent({ profile: 'legacy' });
  await expect(commitTimelocked({ ...legacy.parameters, text: 'x', revealAtBlock: 100 })).rejects.toThrow(
    'this chain opens no time-locked commitments',
  );
  const { subtensor, netuid, hotkey } = legacy.parameters;
  expect(await readRevealedCommitments({ subtensor, netuid, hotkey: hotkey.address })).toEqual([]);
});
