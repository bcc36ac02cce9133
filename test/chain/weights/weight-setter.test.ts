import { describe, expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import type { Subtensor } from '../../../src/chain/subtensor.ts';
import { type PendingRevealStore, WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { ModelId } from '../../../src/schema/model-id.ts';
import { devHotkey } from '../dev-hotkey.ts';
import {
  connect,
  memoryReveals,
  NETUID,
  proxyTo,
  rememberingLogger,
  type StartSubnetParameters,
  startSubnet as startAnySubnet,
} from '../start-subnet.ts';
import { pendingRevealStoreContract } from './pending-reveals-contract.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const WEIGHTS = [
  { uid: 1, weight: 0.75 },
  { uid: 2, weight: 0.25 },
];
const NOTHING_PENDING = { revealed: [], dropped: [], waiting: [], nextRevealBlock: null };
const SHARES = [
  { uid: 1, weight: 65535 / 87380 },
  { uid: 2, weight: 21845 / 87380 },
];

async function setterFor(
  subtensor: Subtensor,
  {
    name = 'validator',
    reveals = memoryReveals(),
    versionKey,
  }: { name?: string; reveals?: PendingRevealStore; versionKey?: number } = {},
) {
  const logger = rememberingLogger();
  const hotkey = await devHotkey(name);
  const setter = new WeightSetter({
    subtensor,
    netuid: NETUID,
    hotkey,
    pendingReveals: reveals,
    versionKey,
    hide: 'hash',
    logger,
  });
  return { setter, logger, hotkey };
}

/** The validator's address, with the signatures of somebody else. */
async function forgedHotkey() {
  const [validator, eve] = await Promise.all(['validator', 'eve'].map(devHotkey));
  return { address: validator!.address, publicKey: validator!.publicKey, sign: eve!.sign };
}

describe.each(['legacy', 'current'] as const)('on a %s chain', (profile) => {
  const startSubnet = (subnet: StartSubnetParameters = {}) =>
    startAnySubnet({ commitRevealEnabled: false, ...subnet, chain: { profile } });

  test('weights are set and read back as shares', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1 })).url);
    const { setter } = await setterFor(subtensor);
    const receipt = await setter.set({ weights: WEIGHTS });
    expect(receipt).toEqual({ mode: 'set', block: expect.any(Number), uids: [1, 2], values: [65535, 21845] });
    expect(await setter.read({ uid: 0 })).toEqual(SHARES);
    expect(await setter.read({ uid: 1 })).toEqual([]);
    expect((await subtensor.metagraph({ netuid: NETUID })).neurons[0]!.lastUpdateBlock).toBe(receipt.block);
  });

  test('256 weights fit: a payload longer than 256 bytes is signed as its hash', async () => {
    const hotkeys = ['validator', ...Array.from({ length: 255 }, (_, i) => `miner ${i}`)];
    const subtensor = await connect((await startSubnet({ hotkeys, weightsRateLimit: 1 })).url);
    const { setter } = await setterFor(subtensor);
    const receipt = await setter.set({ weights: hotkeys.map((_, uid) => ({ uid, weight: uid + 1 })) });
    expect(receipt.uids).toHaveLength(256);
    expect(await setter.read({ uid: 0 })).toHaveLength(256);
  });

  test('where the subnet demands more entries than there are weights, uids of weight 0 fill up', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1, minAllowedWeights: 3 })).url);
    const { setter } = await setterFor(subtensor);
    expect(await setter.set({ weights: WEIGHTS })).toMatchObject({ uids: [1, 2, 0], values: [65535, 21845, 0] });
    expect(await setter.read({ uid: 0 })).toEqual([...SHARES, { uid: 0, weight: 0 }]);
  });

  test('a second set waits through the rate limit and says until when', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 12 })).url);
    const { setter, logger } = await setterFor(subtensor);
    const first = await setter.set({ weights: WEIGHTS });
    const waits: { block: number; blocksLeft: number }[] = [];
    const second = await setter.set({ weights: [{ uid: 2, weight: 1 }], onWait: (wait) => waits.push(wait) });
    expect(waits).toEqual([{ block: first.block + 12, blocksLeft: expect.any(Number) }]);
    expect(logger.lines.join()).toContain(`the chain takes the next weights in block ${first.block + 12}`);
    expect(second.block).toBeGreaterThanOrEqual(first.block + 12);
    expect(await setter.read({ uid: 0 })).toEqual([{ uid: 2, weight: 1 }]);
  });

  test('weights for who loses the uid while the rate limit is waited for are dropped', async () => {
    const chain = await startSubnet({ weightsRateLimit: 12 });
    const subtensor = await connect(chain.url);
    const { setter } = await setterFor(subtensor);
    await setter.set({ weights: WEIGHTS });
    const [ann, bob, eve] = await Promise.all(
      ['ann', 'bob', 'eve'].map(async (name) => (await devHotkey(name)).address),
    );
    const weights = [
      { uid: 1, hotkey: ann, weight: 1 },
      { uid: 2, hotkey: bob, weight: 1 },
    ];
    const onWait = () => {
      chain.setStorage('SubtensorModule.Keys', NETUID, 1, eve);
      chain.setStorage('SubtensorModule.Uids', NETUID, eve, 1);
    };
    await setter.set({ weights, onWait });
    expect(await setter.read({ uid: 0 })).toEqual([{ uid: 2, weight: 1 }]);
  });

  test('an empty list takes back what was set: all weight goes to the own uid', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1 })).url);
    const { setter } = await setterFor(subtensor);
    await setter.set({ weights: WEIGHTS });
    await setter.set({ weights: [] });
    expect(await setter.read({ uid: 0 })).toEqual([{ uid: 0, weight: 1 }]);
  });

  test("the higher of the own and the subnet's version key is sent", async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1, weightsVersionKey: 4_000 })).url);
    const { setter } = await setterFor(subtensor, { versionKey: 3_000 });
    expect((await setter.set({ weights: WEIGHTS })).mode).toBe('set');
  });

  test('no permit: one sentence with the block of the next epoch, and nothing is sent', async () => {
    const proxy = await proxyTo((await startSubnet()).url);
    const { setter } = await setterFor(await connect(proxy.url), { name: 'ann' });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({
      code: 'chain-rejected',
      facts: { section: 'subtensorModule', name: 'NeuronNoValidatorPermit', uid: 1 },
      sentence: expect.stringMatching(
        /^uid 1 of subnet 96 has no validator permit, so it cannot set weights\. Permits go to .*, in block \d+ \(now \d+\): add stake, or wait for it\.$/,
      ),
    });
    expect(proxy.methods).not.toContain(SUBMIT);
  });

  test('an unregistered hotkey is one sentence', async () => {
    const { setter, hotkey } = await setterFor(await connect((await startSubnet()).url), { name: 'eve' });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({
      code: 'unregistered',
      message: expect.stringContaining(`the hotkey ${hotkey.address} is not registered on subnet 96`),
    });
  });

  test.each([
    ['nothing above 0', [{ uid: 1, weight: 0 }], 'there is no weight to set: expected at least one above 0'],
    ['an unknown uid', [{ uid: 3, weight: 1 }], 'subnet 96 has uids 0 to 2, saw a weight for uid 3'],
    ['a negative weight', [{ uid: 1, weight: -1 }], 'weights must be finite and not negative'],
  ])('%s is refused before sending', async (_, weights, message) => {
    const { setter } = await setterFor(await connect((await startSubnet()).url));
    await expect(setter.set({ weights })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.stringContaining(message),
    });
  });

  test('what the runtime refuses has its name from the metadata', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1, weightsVersionKey: 10 })).url);
    const hotkey = await devHotkey('validator');
    const setWeights = (uids: number[], versionKey: number) =>
      subtensor.submit({
        name: 'subtensorModule.setWeights',
        call: (tx) => tx.subtensorModule!.setWeights!(NETUID, uids, uids, versionKey),
        hotkey,
        landed: async () => null,
      });
    await expect(setWeights([1], 9)).rejects.toMatchObject({
      code: 'chain-rejected',
      facts: { section: 'subtensorModule', name: 'IncorrectWeightVersionKey' },
      sentence:
        "the chain refused subtensorModule.setWeights: subtensorModule.IncorrectWeightVersionKey. Send a version key at least as high as the subnet's.",
    });
    await expect(setWeights([1, 1], 10)).rejects.toMatchObject({ facts: { name: 'DuplicateUids' } });
    await expect(
      subtensor.submit({
        name: 'subtensorModule.commitWeights',
        call: (tx) => tx.subtensorModule!.commitWeights!(NETUID, `0x${'00'.repeat(32)}`),
        hotkey,
        landed: async () => null,
      }),
    ).rejects.toMatchObject({ facts: { name: 'CommitRevealDisabled' } });
  });

  test('a signature of another key is refused by the pool and explained', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1 })).url);
    const setter = new WeightSetter({
      subtensor,
      netuid: NETUID,
      hotkey: await forgedHotkey(),
      pendingReveals: memoryReveals(),
      hide: 'hash',
    });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({
      code: 'chain-rejected',
      facts: { section: 'transactionPool', name: 'BadProof', rpcCode: 1010 },
    });
  });

  test('an answer that is lost after sending is looked up on the chain, not sent again', async () => {
    const proxy = await proxyTo((await startSubnet({ weightsRateLimit: 1 })).url);
    const { setter } = await setterFor(await connect(proxy.url));
    proxy.fateOfRequest = (method) => (method === SUBMIT ? 'pass-then-cut' : 'pass');
    const { block } = await setter.set({ weights: WEIGHTS });
    expect(await setter.read({ uid: 0 })).toEqual(SHARES);
    expect(block).toBeGreaterThan(0);
    expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
  });

  test('weights of a process that was killed are not taken for those of the next one', async () => {
    const chain = await startAnySubnet({
      commitRevealEnabled: false,
      weightsRateLimit: 5,
      chain: { profile, blockTimeMs: 'manual' },
    });
    await chain.produceBlocks(10);
    const killed = await connect(chain.url);
    const lost = (await setterFor(killed)).setter
      .set({ weights: [{ uid: 1, weight: 1 }] })
      .catch((error) => error.code);
    await expect.poll(() => chain.faults.requests.filter((method) => method === SUBMIT)).toHaveLength(1);
    await killed.close();
    expect(await lost).toBe('chain-unreachable');
    const { setter } = await setterFor(await connect(chain.url));
    const timer = setInterval(() => void chain.produceBlocks(1), 60);
    const { block, uids } = await setter.set({ weights: [{ uid: 2, weight: 1 }] }).finally(() => clearInterval(timer));
    expect({ uids, row: chain.weights({ netuid: NETUID, uid: 0 }) }).toEqual({
      uids: [2],
      row: [{ uid: 2, value: 65_535 }],
    });
    expect(block).toBeGreaterThanOrEqual(16);
  });

  test('a hash that may still land keeps its salt', async () => {
    const chain = await startAnySubnet({ commitRevealEnabled: true, weightsRateLimit: 1, chain: { profile } });
    const subtensor = await connect(chain.url, { blockTimeoutMs: 500 });
    const reveals = memoryReveals();
    const { setter } = await setterFor(subtensor, { reveals });
    const imported = { kind: 'error', code: 1013, message: 'Transaction is already imported' } as const;
    chain.faults.inject({ on: SUBMIT, fault: { kind: 'hang' } });
    chain.faults.inject({ on: SUBMIT, fault: imported, times: 2 });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({ code: 'timeout', transient: true });
    expect(reveals.size()).toBe(1);
  });

  test('one hotkey may set weights and commit a pointer at the same time', async () => {
    const subtensor = await connect((await startSubnet({ weightsRateLimit: 1 })).url);
    const { setter, hotkey } = await setterFor(subtensor);
    const store = new ChainMetadataStore({ subtensor, netuid: NETUID });
    const id = { repo: 'ann/chat', competition: '1', commit: 'a'.repeat(40) };
    await Promise.all([setter.set({ weights: WEIGHTS }), store.commit({ ...id, hotkey })]);
    expect(await setter.read({ uid: 0 })).toEqual(SHARES);
    expect((await store.read({ hotkey: hotkey.address }))?.text).toBe(ModelId.encode(id));
  });

  const COMMIT_REVEAL = { weightsRateLimit: 1, commitRevealEnabled: true, tempo: 15 };

  test('defect 17: what was committed before a kill is revealed by the next process, inside the window', async () => {
    const chain = await startSubnet(COMMIT_REVEAL);
    const reveals = memoryReveals();
    const killed = await setterFor(await connect(chain.url), { reveals });
    const receipt = await killed.setter.set({ weights: WEIGHTS });
    expect(receipt).toMatchObject({ mode: 'commit', uids: [1, 2], values: [65535, 21845] });
    expect(receipt.revealUntilBlock! - receipt.revealFromBlock!).toBe(profile === 'legacy' ? 15 : 14);
    expect(receipt.revealFromBlock).toBeGreaterThan(receipt.block);
    expect(await killed.setter.read({ uid: 0 })).toEqual([]);

    const subtensor = await connect(chain.url);
    const { setter, logger } = await setterFor(subtensor, { reveals });
    const { revealFromBlock: fromBlock, revealUntilBlock: untilBlock } = receipt;
    const waiting = [{ id: expect.any(String), by: 'validator', fromBlock, untilBlock }];
    expect(await setter.reveal()).toEqual({ ...NOTHING_PENDING, waiting, nextRevealBlock: fromBlock });
    await subtensor.waitForBlock({ block: receipt.revealFromBlock! });
    const report = await setter.reveal();
    expect(report).toMatchObject({
      revealed: [{ id: expect.stringMatching(/^0x/) }],
      dropped: [],
      nextRevealBlock: null,
    });
    expect(report.revealed[0]!.block).toBeGreaterThanOrEqual(receipt.revealFromBlock!);
    expect(report.revealed[0]!.block).toBeLessThanOrEqual(receipt.revealUntilBlock!);
    expect(await setter.read({ uid: 0 })).toEqual(SHARES);
    expect(reveals.size()).toBe(0);
    expect(logger.lines).toEqual([]);
    expect(await setter.reveal()).toEqual(NOTHING_PENDING);
  });

  test('the reveal is stored before the commit is sent', async () => {
    const proxy = await proxyTo((await startSubnet(COMMIT_REVEAL)).url);
    const reveals = memoryReveals();
    let storedWhenSent = -1;
    proxy.fateOfRequest = (method) => {
      if (method === SUBMIT) storedWhenSent = reveals.size();
      return 'pass';
    };
    const { setter } = await setterFor(await connect(proxy.url), { reveals });
    await setter.set({ weights: WEIGHTS });
    expect(storedWhenSent).toBe(1);
  });

  test.each([
    ['for good', 'weightsVersionKey', 7, { waiting: 0, dropped: 1 }],
    ['until its stake suffices', 'stake', 0, { waiting: 1, dropped: 0 }],
  ] as const)('a reveal that the chain refuses %s is not sent again and again', async (_, what, value, expected) => {
    const chain = await startAnySubnet({
      commitRevealEnabled: true,
      weightsRateLimit: 1,
      tempo: 20,
      chain: { profile, blockTimeMs: 'instant' },
    });
    await chain.produceBlocks(3);
    const subtensor = await connect(chain.url);
    const { setter, logger, hotkey } = await setterFor(subtensor);
    const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
    if (what === 'stake') {
      chain.setStorage(`SubtensorModule.${profile === 'legacy' ? 'WeightsMinStake' : 'StakeThreshold'}`, 2_000);
      chain.setStake({ netuid: NETUID, hotkey: hotkey.address, stake: value });
    } else chain.setHyperparameter({ netuid: NETUID, name: what, value });
    await chain.produceBlocks(revealFromBlock! - chain.currentBlock());
    await subtensor.waitForBlock({ block: revealFromBlock! });
    const { waiting, dropped, nextRevealBlock } = await setter.reveal();
    expect({ waiting: waiting.length, dropped: dropped.length }).toEqual(expected);
    if (waiting.length > 0) expect(nextRevealBlock).toBeGreaterThan(chain.currentBlock() + 20);
    expect(logger.lines).toHaveLength(1);
  });

  test('while its window is foreseen, a reveal asks nothing', async () => {
    const chain = await startSubnet(COMMIT_REVEAL);
    const subtensor = await connect(chain.url);
    const { setter } = await setterFor(subtensor);
    const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
    const { requests } = subtensor;
    expect(await setter.reveal()).toMatchObject({ nextRevealBlock: revealFromBlock });
    expect(subtensor.requests).toBe(requests);
  });

  test('what was foreseen wrongly is looked at again: a commit that a re-org took away, an epoch that begins late', async () => {
    const chain = await startAnySubnet({
      commitRevealEnabled: true,
      weightsRateLimit: 1,
      tempo: 100,
      chain: { profile, blockTimeMs: 'instant' },
    });
    const subtensor = await connect(chain.url);
    const { setter, hotkey } = await setterFor(subtensor);
    const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
    const untilBlock = async (block: number) => {
      await chain.produceBlocks(block - chain.currentBlock());
      await subtensor.waitForBlock({ block });
    };
    await untilBlock(revealFromBlock! - 1);
    const begun = profile === 'current' ? revealFromBlock! + 50 : revealFromBlock!;
    // Where epochs are stored, this one begins 50 blocks late.
    if (profile === 'current') chain.setStorage('SubtensorModule.LastEpochBlock', NETUID, begun - 100);
    else chain.setStorage('SubtensorModule.WeightCommits', NETUID, hotkey.address, null);
    await untilBlock(revealFromBlock!);
    expect(await setter.reveal()).toMatchObject({ revealed: [], dropped: [], nextRevealBlock: null });
    if (profile === 'current') {
      expect(await setter.reveal()).toMatchObject({ dropped: [], nextRevealBlock: begun });
      await untilBlock(begun);
      expect((await setter.reveal()).revealed).toHaveLength(1);
    } else {
      await untilBlock(revealFromBlock! + 64);
      const why = expect.stringContaining('the chain does not have the commit');
      expect((await setter.reveal()).dropped).toEqual([{ id: expect.any(String), why }]);
    }
  });

  test('a window that has passed drops the reveal with a warning', async () => {
    const chain = await startSubnet({ ...COMMIT_REVEAL, tempo: 4 });
    const subtensor = await connect(chain.url);
    const reveals = memoryReveals();
    const { setter, logger } = await setterFor(subtensor, { reveals });
    const { revealUntilBlock } = await setter.set({ weights: WEIGHTS });
    await subtensor.waitForBlock({ block: revealUntilBlock! + 1 });
    const report = await setter.reveal();
    expect(report.dropped).toEqual([
      { id: expect.any(String), why: `their window ended with block ${revealUntilBlock}` },
    ]);
    expect(logger.lines.join()).toContain('are not revealed: their window ended');
    expect(reveals.size()).toBe(0);
  });

  test('a commit that never reached the chain is kept while it could still land, then dropped with a warning', async () => {
    const chain = await startSubnet(COMMIT_REVEAL);
    const proxy = await proxyTo(chain.url);
    const reveals = memoryReveals();
    proxy.fateOfRequest = (method) => (method === SUBMIT ? 'cut' : 'pass');
    const { setter, logger } = await setterFor(await connect(proxy.url), { reveals });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({
      code: 'chain-unreachable',
      transient: true,
    });
    expect(await setter.reveal()).toEqual(NOTHING_PENDING);
    expect(reveals.size()).toBe(1);
    await chain.produceBlocks(70);
    expect((await setter.reveal()).dropped).toHaveLength(1);
    expect(logger.lines.join()).toContain('the chain does not have the commit');
    expect(reveals.size()).toBe(0);
  });

  test('a commit the chain refuses leaves nothing to reveal', async () => {
    const subtensor = await connect((await startSubnet(COMMIT_REVEAL)).url);
    const reveals = memoryReveals();
    const setter = new WeightSetter({
      subtensor,
      netuid: NETUID,
      hotkey: await forgedHotkey(),
      pendingReveals: reveals,
      hide: 'hash',
    });
    await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({ code: 'chain-rejected' });
    expect(reveals.size()).toBe(0);
  });

  test('reveals of another hotkey or subnet in the same store are left alone', async () => {
    const subtensor = await connect((await startSubnet(COMMIT_REVEAL)).url);
    const reveals = memoryReveals();
    const { setter, hotkey } = await setterFor(subtensor, { reveals });
    const owed = { id: '0x1', uids: [], values: [], salt: [], versionKey: 0, storedAtBlock: -1_000 };
    await reveals.put({ ...owed, netuid: NETUID, hotkey: (await devHotkey('ann')).address });
    await reveals.put({ ...owed, id: '0x2', netuid: NETUID + 1, hotkey: hotkey.address });
    expect(await setter.reveal()).toEqual(NOTHING_PENDING);
    expect(reveals.size()).toBe(2);
  });

  test('an answer to a reveal that is lost is looked up on the chain', async () => {
    const proxy = await proxyTo((await startSubnet({ ...COMMIT_REVEAL, tempo: 30 })).url);
    const subtensor = await connect(proxy.url);
    const { setter } = await setterFor(subtensor);
    const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
    await subtensor.waitForBlock({ block: revealFromBlock! });
    proxy.fateOfRequest = (method) => (method === SUBMIT ? 'pass-then-cut' : 'pass');
    expect((await setter.reveal()).revealed).toHaveLength(1);
    expect(await setter.read({ uid: 0 })).toEqual(SHARES);
  });
});

pendingRevealStoreContract('the store that these tests use', (use) => use(memoryReveals()));
