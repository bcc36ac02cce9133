import { expect, test } from 'vitest';
import type { Subtensor } from '../../../src/chain/subtensor.ts';
import type { HotkeySigner } from '../../../src/chain/wallet/hotkey.ts';
import { WeightSetter, type WeightSetterParameters } from '../../../src/chain/weights/weight-setter.ts';
import { type Clock, systemClock } from '../../../src/shared/clock.ts';
import { devHotkey } from '../dev-hotkey.ts';
import {
  connect,
  type LocalChain,
  memoryReveals,
  NETUID,
  proxyTo,
  rememberingLogger,
  type StartSubnetParameters,
  startSubnet,
} from '../start-subnet.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const WEIGHTS = [
  { uid: 1, weight: 0.75 },
  { uid: 2, weight: 0.25 },
];
const SHARES = [
  { uid: 1, weight: 65535 / 87380 },
  { uid: 2, weight: 21845 / 87380 },
];
const NOTHING_PENDING = { revealed: [], dropped: [], waiting: [], nextRevealBlock: null };

/** Blocks are a block time apart, however long the test takes. */
function steadyClock(): Clock {
  let nowMs = Date.now();
  return { ...systemClock, nowMs: () => (nowMs += 250) };
}

/** A chain of the newer generation whose blocks come when asked for, or when a transaction does. */
async function startCurrent(subnet: StartSubnetParameters = {}): Promise<LocalChain> {
  const chain = await startSubnet({
    weightsRateLimit: 1,
    commitRevealEnabled: true,
    tempo: 20,
    ...subnet,
    chain: { profile: 'current', blockTimeMs: 'instant', clock: steadyClock(), ...subnet.chain },
  });
  // Time begins with the first block.
  await chain.produceBlocks(1);
  return chain;
}

async function setterFor(chain: LocalChain, parameters: Partial<WeightSetterParameters> & { subtensor: Subtensor }) {
  const logger = rememberingLogger();
  const hotkey = await devHotkey('validator');
  const { beacon } = chain;
  const pendingReveals = memoryReveals();
  const setter = new WeightSetter({ netuid: NETUID, hotkey, pendingReveals, beacon, logger, ...parameters });
  return { setter, logger, hotkey, pendingReveals };
}

test('time-locked weights are opened by the chain in the epoch that was foreseen, and seen to count', async () => {
  const chain = await startCurrent();
  const subtensor = await connect(chain.url);
  const { setter, pendingReveals, logger } = await setterFor(chain, { subtensor });
  const receipt = await setter.set({ weights: WEIGHTS });
  expect(receipt).toEqual({
    mode: 'timelock',
    block: expect.any(Number),
    uids: [1, 2],
    values: [65535, 21845],
    revealFromBlock: expect.any(Number),
    revealUntilBlock: receipt.revealFromBlock! + 19,
    revealRound: expect.any(Number),
  });
  expect(receipt.revealFromBlock).toBeGreaterThan(receipt.block);
  const fromBlock = receipt.revealFromBlock!;
  const waiting = [{ id: expect.any(String), by: 'chain', fromBlock, untilBlock: receipt.revealUntilBlock }];
  expect(await setter.reveal()).toEqual({ ...NOTHING_PENDING, waiting, nextRevealBlock: fromBlock + 3 });

  // The round is out two blocks into the epoch; a block later the chain has opened what waits for it.
  await chain.produceBlocks(fromBlock + 2 - chain.currentBlock());
  expect(await setter.read({ uid: 0 })).toEqual([]);
  await chain.produceBlocks(1);
  expect(await setter.read({ uid: 0 })).toEqual(SHARES);
  expect(await setter.reveal()).toEqual({
    ...NOTHING_PENDING,
    revealed: [{ id: expect.any(String), block: fromBlock + 3 }],
  });
  expect(pendingReveals.size()).toBe(0);
  expect(logger.lines).toEqual([]);
  expect(await setter.reveal()).toEqual(NOTHING_PENDING);
});

test('what was committed before a kill is followed up by the next process, also when it was killed while sending', async () => {
  const chain = await startCurrent();
  const proxy = await proxyTo(chain.url);
  const pendingReveals = memoryReveals();
  const kill = new AbortController();
  let storedWhenSent = -1;
  proxy.fateOfRequest = (method) => {
    if (method !== SUBMIT) return 'pass';
    storedWhenSent = pendingReveals.size();
    kill.abort(new Error('killed'));
    return 'pass';
  };
  const killed = await setterFor(chain, { subtensor: await connect(proxy.url), pendingReveals });
  await expect(killed.setter.set({ weights: WEIGHTS, signal: kill.signal })).rejects.toThrow('killed');
  expect(storedWhenSent).toBe(1);

  const { setter, logger } = await setterFor(chain, { subtensor: await connect(chain.url), pendingReveals });
  const { waiting } = await setter.reveal();
  expect(waiting).toHaveLength(1);
  await chain.produceBlocks(waiting[0]!.fromBlock + 5 - chain.currentBlock());
  expect((await setter.reveal()).revealed).toHaveLength(1);
  expect(await setter.read({ uid: 0 })).toEqual(SHARES);
  expect(logger.lines).toEqual([]);
});

test('a node that does not show the commit before it is due has not opened it', async () => {
  const chain = await startCurrent();
  const { setter, pendingReveals, logger } = await setterFor(chain, { subtensor: await connect(chain.url) });
  const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
  const epoch = chain.storage('SubtensorModule.SubnetEpochIndex', NETUID) as number;
  const place = ['SubtensorModule.TimelockedWeightCommits', NETUID, epoch] as const;
  const commits = chain.storage(...place);
  expect(commits).toHaveLength(1);
  chain.setStorage(...place, []);
  await chain.produceBlocks(1);
  const { waiting, dropped } = await setter.reveal();
  expect({ waiting, dropped }).toEqual({ waiting: [expect.objectContaining({ by: 'chain' })], dropped: [] });
  expect(pendingReveals.size()).toBe(1);
  chain.setStorage(...place, commits);
  await chain.produceBlocks(revealFromBlock! + 4 - chain.currentBlock());
  expect((await setter.reveal()).revealed).toHaveLength(1);
  expect(logger.lines).toEqual([]);
});

test('a commit that the chain has put into an epoch which is late in beginning is seen', async () => {
  const chain = await startCurrent();
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url) });
  await setter.set({ weights: WEIGHTS });
  const epoch = chain.storage('SubtensorModule.SubnetEpochIndex', NETUID) as number;
  const item = 'SubtensorModule.TimelockedWeightCommits';
  const commits = chain.storage(item, NETUID, epoch);
  chain.setStorage(item, NETUID, epoch, []);
  chain.setStorage(item, NETUID, epoch + 1, commits);
  await chain.produceBlocks(1);
  const { nextEpochBlock } = await (await connect(chain.url)).epoch({ netuid: NETUID });
  expect((await setter.reveal()).waiting).toMatchObject([{ fromBlock: nextEpochBlock + 20 }]);
});

test('weights that stood before do not show whether the chain has opened the commit, and the report says so', async () => {
  const chain = await startCurrent();
  const { setter, logger } = await setterFor(chain, { subtensor: await connect(chain.url) });
  chain.setStorage('SubtensorModule.Weights', NETUID, 0, [
    [1, 65_535],
    [2, 21_845],
  ]);
  const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
  await setter.reveal();
  chain.setHyperparameter({ netuid: NETUID, name: 'weightsVersionKey', value: 7 }); // The chain will refuse what is in it.
  await chain.produceBlocks(revealFromBlock! + 4 - chain.currentBlock());
  expect((await setter.reveal()).revealed).toEqual([
    { id: expect.any(String), block: expect.any(Number), unchanged: true },
  ]);
  expect(logger.lines.join()).toContain('they do not show whether the chain has opened them');
});

test('a commit that never reached the chain is kept while it could still land, then dropped with a warning', async () => {
  const chain = await startCurrent({ tempo: 200 });
  const proxy = await proxyTo(chain.url);
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'cut' : 'pass');
  const subtensor = await connect(proxy.url);
  const { setter, logger, pendingReveals } = await setterFor(chain, { subtensor });
  const setting = setter.set({ weights: WEIGHTS });
  const blocks = setInterval(() => void chain.produceBlocks(1), 20);
  await expect(setting)
    .rejects.toMatchObject({ code: 'chain-unreachable' })
    .finally(() => clearInterval(blocks));
  expect(await setter.reveal()).toEqual(NOTHING_PENDING);
  expect(pendingReveals.size()).toBe(1);
  await chain.produceBlocks(70);
  expect((await setter.reveal()).dropped).toHaveLength(1);
  expect(logger.lines.join()).toContain('the chain does not have the commit');
  expect(pendingReveals.size()).toBe(0);
});

test.each<[string, (chain: LocalChain) => void]>([
  [
    'whose version key was raised',
    (chain) => chain.setHyperparameter({ netuid: NETUID, name: 'weightsVersionKey', value: 5 }),
  ],
  ['of a validator whose permit is gone', (chain) => chain.setStorage('SubtensorModule.StakeThreshold', 5_000)],
])('weights %s are not set by the chain, and that is said', async (_, spoil) => {
  const chain = await startCurrent();
  const { setter, logger, pendingReveals } = await setterFor(chain, { subtensor: await connect(chain.url) });
  const { revealFromBlock, revealRound } = await setter.set({ weights: WEIGHTS });
  spoil(chain);
  await chain.produceBlocks(revealFromBlock! + 5 - chain.currentBlock());
  const report = await setter.reveal();
  const why = expect.stringMatching(
    new RegExp(
      `^the chain took the commit and did not set these weights for uid 0, .* drand round ${revealRound} in time`,
    ),
  );
  expect(report).toEqual({ ...NOTHING_PENDING, dropped: [{ id: expect.any(String), why }] });
  expect(logger.lines.join()).toContain('are not revealed: the chain took the commit and did not set these weights');
  expect(pendingReveals.size()).toBe(0);
});

test('weights whose round does not come in time are given up when the chain has given them up', async () => {
  const chain = await startCurrent();
  const late = { ...chain.beacon, genesisSeconds: chain.beacon.genesisSeconds - 1_000 };
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url), beacon: late });
  const { revealFromBlock, revealUntilBlock } = await setter.set({ weights: WEIGHTS });
  await chain.produceBlocks(revealFromBlock! + 10 - chain.currentBlock());
  const { waiting, nextRevealBlock } = await setter.reveal();
  expect(waiting).toEqual([expect.objectContaining({ by: 'chain', untilBlock: revealUntilBlock })]);
  expect(nextRevealBlock).toBe(revealFromBlock! + 13);
  await chain.produceBlocks(revealUntilBlock! + 1 - chain.currentBlock());
  expect((await setter.reveal()).dropped).toEqual([
    expect.objectContaining({ why: expect.stringContaining('no pulse') }),
  ]);
});

test('of two commits that were revealed meanwhile, the later one stands', async () => {
  const chain = await startCurrent();
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url) });
  await setter.set({ weights: [{ uid: 2, weight: 1 }] });
  const { revealFromBlock } = await setter.set({ weights: WEIGHTS });
  await chain.produceBlocks(revealFromBlock! + 5 - chain.currentBlock());
  expect(await setter.reveal()).toEqual({
    ...NOTHING_PENDING,
    revealed: [{ id: expect.any(String), block: chain.currentBlock() }],
    dropped: [{ id: expect.any(String), why: 'later weights stand on the chain by now' }],
  });
  expect(await setter.read({ uid: 0 })).toEqual(SHARES);
});

test('an answer that is lost after sending is looked up on the chain, not sent again', async () => {
  const chain = await startCurrent();
  const proxy = await proxyTo(chain.url);
  proxy.fateOfRequest = (method) => (method === SUBMIT ? 'pass-then-cut' : 'pass');
  const { setter } = await setterFor(chain, { subtensor: await connect(proxy.url) });
  expect((await setter.set({ weights: WEIGHTS })).mode).toBe('timelock');
  expect(proxy.methods.filter((method) => method === SUBMIT)).toHaveLength(1);
  expect((await setter.reveal()).waiting).toHaveLength(1);
});

test.each([true, false])(
  'weights that a killed process has sent are not sent again (commit-reveal: %s)',
  async (on) => {
    const chain = await startCurrent({ weightsRateLimit: 15, commitRevealEnabled: on });
    await chain.produceBlocks(20);
    const pendingReveals = memoryReveals();
    const killed = await setterFor(chain, { subtensor: await connect(chain.url), pendingReveals });
    const receipt = await killed.setter.set({ weights: WEIGHTS });
    const proxy = await proxyTo(chain.url);
    const { setter } = await setterFor(chain, { subtensor: await connect(proxy.url), pendingReveals });
    expect(await setter.set({ weights: WEIGHTS })).toEqual(receipt);
    expect(proxy.methods).not.toContain(SUBMIT);

    // Others are: they wait for the rate limit.
    const onWait = () => void chain.produceBlocks(15);
    expect((await setter.set({ weights: [{ uid: 2, weight: 1 }], onWait })).block).toBeGreaterThanOrEqual(
      receipt.block + 15,
    );
  },
);

test("two processes of one hotkey: the chain refuses the second's weights as too fast, so it waits and sends them", async () => {
  const chain = await startSubnet({
    weightsRateLimit: 8,
    commitRevealEnabled: true,
    tempo: 60,
    chain: { profile: 'current', blockTimeMs: 60 },
  });
  const setters = await Promise.all(
    [1, 2].map(async () => (await setterFor(chain, { subtensor: await connect(chain.url) })).setter),
  );
  await chain.produceBlocks(10);
  const receipts = await Promise.all(setters.map((setter, i) => setter.set({ weights: [{ uid: 1 + i, weight: 1 }] })));
  const [first, second] = receipts.map(({ block }) => block).sort((a, b) => a - b);
  expect(second).toBeGreaterThanOrEqual(first! + 8);
});

test.each<{ what: string; isHidden: boolean; change: (chain: LocalChain) => unknown; mode: string }>([
  {
    what: 'the round that the weights are locked for comes out',
    isHidden: true,
    change: (chain) => chain.produceBlocks(30),
    mode: 'timelock',
  },
  {
    what: 'the subnet stops hiding weights',
    isHidden: true,
    change: (chain) => chain.setHyperparameter({ netuid: NETUID, name: 'commitRevealEnabled', value: false }),
    mode: 'set',
  },
  {
    what: 'the subnet begins to hide weights',
    isHidden: false,
    change: (chain) => chain.setHyperparameter({ netuid: NETUID, name: 'commitRevealEnabled', value: true }),
    mode: 'timelock',
  },
  {
    what: 'the version key is raised',
    isHidden: false,
    change: (chain) => chain.setHyperparameter({ netuid: NETUID, name: 'weightsVersionKey', value: 7 }),
    mode: 'set',
  },
])('where $what while they are signed, they are sent anew', async ({ isHidden, change, mode }) => {
  const chain = await startCurrent({ commitRevealEnabled: isHidden });
  const validator = await devHotkey('validator');
  let signatures = 0;
  const hotkey: HotkeySigner = {
    ...validator,
    sign: async ({ payload }) => {
      if (++signatures === 1) await change(chain);
      return validator.sign({ payload });
    },
  };
  const { setter, pendingReveals } = await setterFor(chain, { subtensor: await connect(chain.url), hotkey });
  const receipt = await setter.set({ weights: WEIGHTS });
  expect(receipt.mode).toBe(mode);
  if (mode === 'timelock') {
    await chain.produceBlocks(receipt.revealUntilBlock! - chain.currentBlock());
    expect((await setter.reveal()).dropped).toEqual([]);
  }
  expect(await setter.read({ uid: 0 })).toEqual(SHARES);
  expect(pendingReveals.size()).toBe(0);
});

test('a chain that follows another beacon is refused unless that beacon was passed, and nothing is sent', async () => {
  const chain = await startCurrent();
  const proxy = await proxyTo(chain.url);
  const { setter, pendingReveals } = await setterFor(chain, { subtensor: await connect(proxy.url), beacon: undefined });
  await expect(setter.set({ weights: WEIGHTS })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringMatching(
      /^this chain opens time locks with another drand beacon than drand's quicknet: its public key begins with \w{16}, expected 83cf0f2896adee7e\. Pass that beacon if you trust this chain/,
    ),
  });
  expect(proxy.methods).not.toContain(SUBMIT);
  expect(pendingReveals.size()).toBe(0);
});

test.each(['timelock', 'hash'] as const)('mechanism 1 has weights of its own: by %s', async (hide) => {
  const chain = await startCurrent();
  chain.setStorage('SubtensorModule.MechanismCountCurrent', NETUID, 2);
  const subtensor = await connect(chain.url);
  const { setter, pendingReveals } = await setterFor(chain, { subtensor, mechanism: 1, hide });
  const other = await setterFor(chain, { subtensor, pendingReveals });
  const { mode, revealFromBlock } = await setter.set({ weights: WEIGHTS });
  expect(mode).toBe(hide === 'hash' ? 'commit' : 'timelock');
  await chain.produceBlocks(revealFromBlock! + 5 - chain.currentBlock());
  await subtensor.waitForBlock({ block: revealFromBlock! + 5 });
  expect(await other.setter.reveal()).toEqual(NOTHING_PENDING);
  expect((await setter.reveal()).revealed).toHaveLength(1);
  expect(await setter.read({ uid: 0 })).toEqual(SHARES);
  expect(await other.setter.read({ uid: 0 })).toEqual([]);

  chain.setHyperparameter({ netuid: NETUID, name: 'commitRevealEnabled', value: false });
  expect((await setter.set({ weights: [{ uid: 2, weight: 1 }] })).mode).toBe('set');
  expect(await setter.read({ uid: 0 })).toEqual([{ uid: 2, weight: 1 }]);
  expect(await other.setter.read({ uid: 0 })).toEqual([]);
});

test('a mechanism that the subnet does not have is refused', async () => {
  const chain = await startCurrent();
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url), mechanism: 1 });
  await expect(setter.set({ weights: WEIGHTS })).rejects.toThrow('subnet 96 has mechanism 0 only, saw mechanism 1');
});

test('too little stake: one sentence with what is missing, and nothing is sent', async () => {
  const chain = await startCurrent();
  chain.setStorage('SubtensorModule.StakeThreshold', 5_000_000_000);
  const proxy = await proxyTo(chain.url);
  const { setter } = await setterFor(chain, { subtensor: await connect(proxy.url) });
  for (const attempt of [setter.set({ weights: WEIGHTS }), setter.requirePermit()])
    await expect(attempt).rejects.toMatchObject({
      code: 'chain-rejected',
      facts: { name: 'NotEnoughStakeToSetWeights', stakeRao: '1000', leastStakeRao: '5000000000' },
      sentence:
        'uid 0 of subnet 96 has a stake weight of 0.000001 TAO, and the chain takes weights from 5 TAO on. Add stake worth 4.999999 TAO: it counts from the next block on.',
    });
  expect(proxy.methods).not.toContain(SUBMIT);
});

test("the subnet owner's hotkey needs neither stake nor permit", async () => {
  const chain = await startCurrent({ hotkeys: ['ann', 'validator', 'bob'] });
  chain.setStorage('SubtensorModule.StakeThreshold', 5_000_000_000);
  chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, (await devHotkey('validator')).address);
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url) });
  expect((await setter.set({ weights: [{ uid: 2, weight: 1 }] })).mode).toBe('timelock');
});

test('a subnet without epochs would never reveal: refused', async () => {
  const chain = await startCurrent({ tempo: 0 });
  const { setter } = await setterFor(chain, { subtensor: await connect(chain.url) });
  await expect(setter.set({ weights: WEIGHTS })).rejects.toThrow(
    'runs no epochs (its tempo is 0), so they would never be revealed',
  );
});

test('a runtime without time locks reveals by hash, and says so where a time lock was asked for', async () => {
  const chain = await startCurrent({ chain: { profile: 'legacy' } });
  const subtensor = await connect(chain.url);
  const byDefault = await setterFor(chain, { subtensor });
  expect((await byDefault.setter.set({ weights: WEIGHTS })).mode).toBe('commit');
  const asked = await setterFor(chain, { subtensor, hide: 'timelock' });
  await expect(asked.setter.set({ weights: WEIGHTS })).rejects.toThrow(
    'this chain cannot reveal time-locked weights by itself',
  );
});

test('setting weights takes as many requests for 256 neurons as for three', async () => {
  const requests = async (miners: number) => {
    const hotkeys = ['validator', ...Array.from({ length: miners }, (_, i) => `miner ${i}`)];
    const chain = await startCurrent({ hotkeys });
    const subtensor = await connect(chain.url);
    const { setter } = await setterFor(chain, { subtensor });
    const weights = await Promise.all(
      hotkeys.map(async (name, uid) => ({ uid, hotkey: (await devHotkey(name)).address, weight: uid })),
    );
    const before = subtensor.requests;
    await setter.set({ weights });
    return subtensor.requests - before;
  };
  const few = await requests(2);
  expect(await requests(255)).toBe(few);
  // One of them only in a process's first call: whether a process before it was killed on the way.
  expect(few).toBeLessThanOrEqual(10);
});
