import { expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { HeadClock } from '../../../src/chain/node/head-clock.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { devHotkey } from '../dev-hotkey.ts';
import {
  closeLater,
  connect,
  memoryReveals,
  NETUID,
  proxyTo,
  rememberingLogger,
  startSubnet,
} from '../start-subnet.ts';

// A node that is syncing answers everything, from the state of another day: nothing is read from it or sent through it.

const DAY_MS = 86_400_000;
const FINNEY = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';
const POINTER = { repo: 'ann/chats', competition: '1', commit: 'a'.repeat(40) };
const sends = (methods: string[]) => methods.filter((method) => method.startsWith('author_submit'));

/** A chain whose clock can be set. Two of the older profile are one chain by their genesis block. */
async function chainThatLags(initialMs = 0) {
  const time = { behindMs: initialMs };
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - time.behindMs };
  const chain = await startSubnet({ weightsRateLimit: 0, chain: { profile: 'legacy', clock } });
  await chain.produceBlocks(1);
  return { chain, time };
}

test('a node nine days behind is refused in one sentence that says how far, and what may be wrong', async () => {
  const { chain } = await chainThatLags(9 * DAY_MS);
  await expect(Subtensor.open({ endpoint: chain.url })).rejects.toMatchObject({
    code: 'chain-unreachable',
    transient: true,
    sentence: expect.stringMatching(
      new RegExp(
        `^the node at ${chain.url} is 9 days behind this machine's clock: its best block says [-\\d]+ [:\\d]+ UTC, the clock [-\\d]+ [:\\d]+ UTC, at most 10 minutes apart is accepted\\. ` +
          "Either the node is still syncing .* or this machine's clock is wrong .*--max_clock_difference off\\.$",
      ),
    ),
  });
});

test('a node from the future shows that the clock of this machine is wrong', async () => {
  const { chain } = await chainThatLags(-5_400_000);
  await expect(Subtensor.open({ endpoint: chain.url })).rejects.toMatchObject({
    transient: true,
    message: expect.stringMatching(/ is 1\.5 hours ahead of this machine's clock: .*\. Set this machine's clock; /),
  });
});

test('the next endpoint is tried; when all are behind, one error says so of each', async () => {
  const [{ chain: behind }, { chain: fresh }] = [await chainThatLags(9 * DAY_MS), await chainThatLags()];
  const logger = rememberingLogger();
  const subtensor = closeLater(await Subtensor.open({ endpoints: [behind.url, fresh.url], logger }));
  expect(subtensor.url).toBe(fresh.url);
  expect(logger.lines.join()).toContain(`an endpoint is passed by: the node at ${behind.url} is 9 days behind`);

  const { chain: older } = await chainThatLags(20 * DAY_MS);
  await expect(Subtensor.open({ endpoints: [behind.url, older.url] })).rejects.toMatchObject({
    transient: true,
    message: expect.stringMatching(
      /^none of 2 endpoints can be used: .* is 9 days behind .*; .* is 20 days behind .*\. Either the node is still syncing/,
    ),
  });
});

test('how far apart is accepted is an option, and so is not to look', async () => {
  const { chain } = await chainThatLags(9 * DAY_MS);
  await connect(chain.url, { maxClockDifferenceMs: 10 * DAY_MS });
  const subtensor = await connect(chain.url, { maxClockDifferenceMs: Number.POSITIVE_INFINITY });
  expect((await subtensor.metagraph({ netuid: NETUID })).neurons).toHaveLength(3);
  await connect(chain.url, { clock: { ...systemClock, nowMs: () => systemClock.nowMs() - 9 * DAY_MS } });
});

test('a node that falls behind after it was fit is asked for no decision and sends nothing', async () => {
  const { chain, time } = await chainThatLags();
  const subtensor = await connect(chain.url);
  const [ann, validator] = [await devHotkey('ann'), await devHotkey('validator')];
  const metadata = new ChainMetadataStore({ subtensor, netuid: NETUID });
  const setter = new WeightSetter({ subtensor, netuid: NETUID, hotkey: validator, pendingReveals: memoryReveals() });
  time.behindMs = 9 * DAY_MS;
  await chain.produceBlocks(1);
  const behind = { code: 'chain-unreachable', transient: true, message: expect.stringContaining('is 9 days behind') };
  const calls: [string, () => Promise<unknown>][] = [
    ['metagraph', () => subtensor.metagraph({ netuid: NETUID })],
    ['subnet', () => subtensor.subnet({ netuid: NETUID })],
    ['commitments', () => subtensor.commitments({ netuid: NETUID })],
    ['epoch', () => subtensor.epoch({ netuid: NETUID })],
    ['currentBlock', () => subtensor.currentBlock()],
    [
      'a function of the runtime',
      () => subtensor.read({ what: 'asking', use: (at) => at.call('Some_function', [], 'u8') }),
    ],
    ['requirePermit', () => setter.requirePermit()],
    ['set', () => setter.set({ weights: [{ uid: 1, weight: 1 }] })],
    ['commit', () => metadata.commit({ ...POINTER, hotkey: ann })],
    ['submit', () => subtensor.submit({ name: 'a call', call: remark, hotkey: ann, landed: async () => null })],
  ];
  for (const [name, call] of calls) await expect(call(), name).rejects.toMatchObject(behind);
  expect(sends(chain.faults.requests)).toEqual([]);

  time.behindMs = 0;
  await chain.produceBlocks(1);
  expect((await setter.set({ weights: [{ uid: 1, weight: 1 }] })).mode).toBe('set');
});

test('a call goes through the next endpoint when the first falls behind just before it is signed', async () => {
  const [{ chain: first, time }, { chain: second }] = [await chainThatLags(), await chainThatLags()];
  const logger = rememberingLogger();
  const subtensor = closeLater(await Subtensor.open({ endpoints: [first.url, second.url], logger }));
  time.behindMs = 9 * DAY_MS;
  await first.produceBlocks(1);
  const ann = await devHotkey('ann');
  await new ChainMetadataStore({ subtensor, netuid: NETUID }).commit({ ...POINTER, hotkey: ann });
  expect(subtensor.url).toBe(second.url);
  expect(sends(first.faults.requests)).toEqual([]);
  expect(sends(second.faults.requests)).toHaveLength(1);
  expect(logger.lines.join()).toContain(`the node at ${first.url} is 9 days behind`);
});

test('what was long in signing is not sent through a node that has fallen behind meanwhile', async () => {
  const { chain } = await chainThatLags();
  let nowMs = systemClock.nowMs();
  const subtensor = await connect(chain.url, { clock: { ...systemClock, nowMs: () => nowMs } });
  const ann = await devHotkey('ann');
  const slow = {
    ...ann,
    sign: async (...parameters: Parameters<typeof ann.sign>) => {
      // On a device, during which the node fell behind.
      nowMs += 5_400_000;
      return ann.sign(...parameters);
    },
  };
  const sending = subtensor.submit({ name: 'a call', call: remark, hotkey: slow, landed: async () => null });
  await expect(sending).rejects.toMatchObject({ message: expect.stringContaining('is 1.5 hours behind') });
  expect(sends(chain.faults.requests)).toEqual([]);
});

test('a node that is followed is left when it falls behind', async () => {
  const [{ chain: first, time }, { chain: second }] = [await chainThatLags(), await chainThatLags()];
  const [slow, other] = [await proxyTo(first.url), await proxyTo(second.url)];
  const maxClockDifferenceMs = 5_000;
  const subtensor = closeLater(await Subtensor.open({ endpoints: [slow.url, other.url], maxClockDifferenceMs }));
  const waiting = subtensor.waitForBlock({ block: (await subtensor.currentBlock()) + 100_000 });
  waiting.catch(() => {});
  time.behindMs = 60_000;
  await expect.poll(() => subtensor.url, { timeout: 30_000 }).toBe(other.url);
  expect(slow.connections).toBe(1);
}, 60_000);

test('a chain at its first block has no time yet; a public one is past that', () => {
  const parameters = { url: 'ws://node', maxDifferenceMs: 600_000, clock: systemClock, onWrong: () => {} };
  expect(new HeadClock({ ...parameters, isPublicChain: false }).compare(0)).toBeNull();
  expect(new HeadClock({ ...parameters, isPublicChain: true }).compare(0)).toMatchObject({
    message: expect.stringContaining('its best block says 1970-01-01 00:00:00 UTC'),
  });
});

test('a node of finney at its first block is not fit', async () => {
  const chain = await startSubnet({ chain: { blockTimeMs: 'manual' } });
  await connect(chain.url);
  // As a node says it whose sync has just begun.
  chain.faults.inject({ on: 'chain_getBlockHash', fault: { kind: 'lie', result: FINNEY } });
  await expect(Subtensor.open({ endpoint: chain.url })).rejects.toMatchObject({
    message: expect.stringContaining('1970-01-01'),
  });
});

test.each([
  [599_999, null],
  [600_001, '10 minutes behind'],
  [90 * 60_000, '1.5 hours behind'],
  [DAY_MS, '1 day behind'],
  [-600_001, '10 minutes ahead of'],
])('%d ms apart is said as %s', (behindMs, words) => {
  const clock = { ...systemClock, nowMs: () => 1_790_000_000_000 };
  const headClock = new HeadClock({ url: 'ws://node', maxDifferenceMs: 600_000, clock, ...GENESIS });
  const wrong = headClock.compare(clock.nowMs() - behindMs);
  if (words === null) expect(wrong).toBeNull();
  else expect(wrong?.message).toContain(`the node at ws://node is ${words} this machine's clock`);
});

test('a time that no calendar has is said, too', () => {
  const headClock = new HeadClock({ url: 'ws://node', maxDifferenceMs: 600_000, clock: systemClock, ...GENESIS });
  expect(headClock.compare(2 ** 64)).toMatchObject({
    transient: true,
    message: expect.stringContaining('its best block says 18446744073709552000 ms after 1970'),
  });
});

const GENESIS = { isPublicChain: false, onWrong: () => {} };

const remark: Parameters<Awaited<ReturnType<typeof connect>>['submit']>[0]['call'] = (tx) =>
  tx.commitments!.setCommitment!(NETUID, { fields: [{ Raw1: Uint8Array.of(65) }] });
