import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Snapshot, toNumber } from '../../../src/chain/node/snapshot.ts';
import { readCommitment } from '../../../src/chain/subnet/commitments.ts';
import type { SubmitParameters, Subtensor } from '../../../src/chain/subtensor.ts';
import type { HotkeySigner } from '../../../src/chain/wallet/hotkey.ts';
import type { ChainFault } from '../../../src/local/chain/node/faults.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { connect, type LocalChain, NETUID, rememberingLogger, startSubnet } from '../start-subnet.ts';
import { sentCalls } from '../weights/sent-calls.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const bytes = (text: string) => ({ fields: [{ [`Raw${text.length}`]: Buffer.from(text) }] });

/** A chain without cooldown; blocks come every 60 ms, or by hand. */
function start(chain: Parameters<typeof startSubnet>[0] = {}) {
  return startSubnet({ ...chain, chain: { commitmentCooldownBlocks: 0, ...chain.chain } });
}
const byHand = () => start({ chain: { blockTimeMs: 'manual', finalityLagBlocks: 2 } });

function commit(subtensor: Subtensor, hotkey: HotkeySigner, text: string, more: Partial<SubmitParameters> = {}) {
  return subtensor.submit({
    name: 'commitments.setCommitment',
    call: (tx) => tx.commitments!.setCommitment!(NETUID, bytes(text)),
    hotkey,
    landed: async (snapshot) => {
      const commitment = await readCommitment(snapshot, NETUID, hotkey.address);
      return commitment?.text === text ? { block: commitment.block, blockHash: null } : null;
    },
    ...more,
  });
}

/** Resolves when the node has taken a transaction more than the ones before. */
async function taken(chain: LocalChain, times = 1) {
  const count = () => chain.faults.requests.filter((method) => method === SUBMIT).length;
  await expect.poll(count, { timeout: 10_000 }).toBe(times);
  await sleep(20);
}

test('calls sent at the same time by one hotkey land one after the other, without gaps', async () => {
  const chain = await start();
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  const texts = Array.from({ length: 8 }, (_, i) => `call ${i}`);
  const landed = await Promise.all(texts.map((text) => commit(subtensor, ann, text, { landed: async () => null })));
  const calls = await sentCalls(chain.url);
  expect(calls.map(({ nonce }) => nonce)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(calls.map(({ block }) => block)).toEqual(landed.map(({ block }) => block));
});

test('a call that is refused leaves no gap for those behind it', async () => {
  const chain = await start();
  const subtensor = await connect(chain.url);
  const [ann, eve] = await Promise.all(['ann', 'eve'].map(devHotkey));
  const forged = { ...ann!, sign: eve!.sign };
  const [refused, landed] = await Promise.allSettled([commit(subtensor, forged, 'a'), commit(subtensor, ann!, 'b')]);
  expect(refused).toMatchObject({ status: 'rejected', reason: { facts: { name: 'BadProof' } } });
  expect(landed.status).toBe('fulfilled');
});

test('a node that still counts what was before is corrected: the used nonce is replaced', async () => {
  const chain = await start();
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  await commit(subtensor, ann, 'a');
  chain.faults.inject({ on: 'system_accountNextIndex', fault: { kind: 'lie', result: 0 } });
  await commit(subtensor, ann, 'b');
  expect((await sentCalls(chain.url)).map(({ nonce }) => nonce)).toEqual([0, 1]);
});

test('a nonce that another transaction in the pool has is left to that one', async () => {
  const chain = await byHand();
  const [other, subtensor] = [await connect(chain.url), await connect(chain.url)];
  const ann = await devHotkey('ann');
  const first = commit(other, ann, 'a');
  await taken(chain);
  chain.faults.inject({ on: 'system_accountNextIndex', fault: { kind: 'lie', result: 0 } });
  const second = commit(subtensor, ann, 'b');
  await taken(chain, 2);
  await chain.produceBlocks(1);
  await taken(chain, 3);
  await chain.produceBlocks(1);
  expect([(await first).block, (await second).block]).toEqual([1, 2]);
  expect((await sentCalls(chain.url)).map(({ nonce, args }) => [nonce, JSON.stringify(args.info)])).toEqual([
    [0, expect.stringContaining(Buffer.from('a').toString('hex'))],
    [1, expect.stringContaining(Buffer.from('b').toString('hex'))],
  ]);
});

test.each([
  [undefined, 64],
  [4, 4],
  [2_048, 2_048],
  [0, 0],
])('a signature with an era of %s blocks is valid for %i, and taken', async (eraBlocks, blocks) => {
  const chain = await byHand();
  await chain.produceBlocks(20);
  const subtensor = await connect(chain.url);
  const sent = commit(subtensor, await devHotkey('ann'), 'a', { eraBlocks });
  await taken(chain);
  await chain.produceBlocks(1);
  expect((await sent).block).toBe(21);
  expect((await sentCalls(chain.url)).map((call) => call.eraBlocks)).toEqual([blocks]);
});

test('what waits longer than its era is signed anew', async () => {
  const chain = await byHand();
  const subtensor = await connect(chain.url);
  const sent = commit(subtensor, await devHotkey('ann'), 'a', { eraBlocks: 4 });
  await taken(chain);
  await chain.restart(); // The pool forgets it, and no block may hold it by the time it is offered again.
  await chain.produceBlocks(10);
  await taken(chain, 2);
  await chain.produceBlocks(1);
  expect((await sent).block).toBe(11);
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test.each([1, 3, 5, 96, 4_096, -4, Number.NaN])('an era of %d blocks does not exist', async (eraBlocks) => {
  const subtensor = await connect((await start()).url);
  await expect(commit(subtensor, await devHotkey('ann'), 'a', { eraBlocks })).rejects.toMatchObject({
    code: 'bad-argument',
    message: expect.stringContaining('expected a power of two from 4 to 2048'),
  });
});

test('a block that is taken back before it is read is not reported: the one that stays is', async () => {
  const chain = await byHand();
  const subtensor = await connect(chain.url);
  const sent = commit(subtensor, await devHotkey('ann'), 'a');
  await taken(chain);
  chain.faults.inject({ on: 'chain_getBlock', fault: { kind: 'delay', ms: 500 } });
  await chain.produceBlocks(1);
  await expect.poll(() => chain.faults.requests.at(-1), { timeout: 10_000 }).toBe('state_queryStorageAt');
  chain.reorg();
  expect(await sent).toMatchObject({ block: 2 });
  expect((await sentCalls(chain.url)).map(({ block }) => block)).toEqual([2]);
});

test('until finalized: the block of the receipt is one that no re-org takes back', async () => {
  const chain = await byHand();
  const subtensor = await connect(chain.url, { until: 'finalized' });
  let settled = false;
  const sent = commit(subtensor, await devHotkey('ann'), 'a').finally(() => (settled = true));
  await taken(chain);
  await chain.produceBlocks(1);
  await sleep(50);
  chain.reorg();
  await chain.produceBlocks(1);
  await sleep(50);
  expect(settled).toBe(false);
  await chain.produceBlocks(1);
  expect(await sent).toMatchObject({ block: 2, blockHash: expect.stringMatching(/^0x/) });
  expect((await sentCalls(chain.url)).map(({ block }) => block)).toEqual([2]);
});

test('until finalized, a lost answer is looked for in what is final', async () => {
  const chain = await start({ chain: { finalityLagBlocks: 3 } });
  const subtensor = await connect(chain.url, { until: 'finalized' });
  chain.faults.inject({ on: SUBMIT, fault: { kind: 'lose-answer' } });
  const { block } = await commit(subtensor, await devHotkey('ann'), 'a');
  expect(await subtensor.currentBlock()).toBeGreaterThanOrEqual(block + 3);
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test.each<[string, ChainFault]>([
  ['before the node took the call', { kind: 'drop' }],
  ['after the node took the call', { kind: 'lose-answer' }],
  ['without a word, the call not taken', { kind: 'hang' }],
  ['half-open', { kind: 'half-open' }],
])('a connection that is lost %s: the call lands once', async (_, fault) => {
  const chain = await start();
  const subtensor = await connect(chain.url, { blockTimeoutMs: 500, pingIntervalMs: 150 });
  chain.faults.inject({ on: SUBMIT, fault });
  const { block } = await commit(subtensor, await devHotkey('ann'), 'a');
  expect((await sentCalls(chain.url)).map((call) => call.block)).toEqual([block]);
});

test('a node that restarts and forgets the call is offered the same bytes again', async () => {
  const chain = await start({ chain: { blockTimeMs: 'manual' } });
  const logger = rememberingLogger();
  const subtensor = await connect(chain.url, { logger });
  const sent = commit(subtensor, await devHotkey('ann'), 'a');
  await taken(chain);
  await chain.restart(50);
  const timer = setInterval(() => void chain.produceBlocks(1), 60);
  const { block } = await sent;
  clearInterval(timer);
  expect((await sentCalls(chain.url)).map((call) => call.block)).toEqual([block]);
  expect(logger.lines.join()).toContain('the answer was lost, looking for its effect on the chain');
});

test('a call whose answer was lost and that the runtime refused is that refusal, by name', async () => {
  const chain = await startSubnet();
  const subtensor = await connect(chain.url);
  const eve = await devHotkey('eve');
  chain.faults.inject({ on: SUBMIT, fault: { kind: 'lose-answer' } });
  await expect(commit(subtensor, eve, 'a')).rejects.toMatchObject({
    code: 'chain-rejected',
    facts: { section: 'commitments', name: 'AccountNotAllowedCommit' },
  });
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('a call that a killed process has sent is waited for, and not sent a second time', async () => {
  const chain = await start({ chain: { blockTimeMs: 'manual' } });
  const killed = await connect(chain.url);
  const ann = await devHotkey('ann');
  const lost = commit(killed, ann, 'a').catch((error) => error.code);
  await taken(chain);
  await killed.close();
  expect(await lost).toBe('chain-unreachable');
  const logger = rememberingLogger();
  const again = commit(await connect(chain.url, { logger }), ann, 'a');
  await expect.poll(() => logger.lines.join()).toContain('has 1 under way already, waiting for the next block');
  await chain.produceBlocks(1);
  expect(await again).toEqual({ block: 1, blockHash: null });
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('the first call of a hotkey in a process is not sent where its effect is there already', async () => {
  const chain = await start();
  const ann = await devHotkey('ann');
  const { block } = await commit(await connect(chain.url), ann, 'a');
  const subtensor = await connect(chain.url);
  expect(await commit(subtensor, ann, 'a')).toEqual({ block, blockHash: null });
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('what lands between looking for it and counting the nonces is not sent again', async () => {
  const chain = await byHand();
  const [killed, subtensor] = [await connect(chain.url), await connect(chain.url)];
  const ann = await devHotkey('ann');
  const first = commit(killed, ann, 'a');
  await taken(chain);
  // The count of nonces, asked for first, is answered after the block; whether the call has landed, before.
  chain.faults.inject({ on: 'state_queryStorageAt', fault: { kind: 'delay', ms: 300 } });
  const seen: number[] = [];
  const landed = async (snapshot: Snapshot) => {
    const { hex } = await snapshot.readEntry('commitments.commitmentOf', NETUID, ann.address);
    const block = toNumber(await snapshot.get('system.number'));
    seen.push(block);
    if (seen.length === 1) await chain.produceBlocks(1);
    return hex === null ? null : { block, blockHash: null };
  };
  const { block } = await commit(subtensor, ann, 'a', { landed });
  expect(seen).toEqual([block - 1, block]);
  expect((await first).block).toBe(block);
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('a runtime upgrade while the call waits for a block: it is signed anew for the new runtime', async () => {
  const chain = await start({ chain: { profile: 'legacy', blockTimeMs: 'manual' } });
  const subtensor = await connect(chain.url);
  const sent = commit(subtensor, await devHotkey('ann'), 'a');
  await taken(chain);
  chain.upgradeRuntime();
  await chain.produceBlocks(1);
  await taken(chain, 2);
  await chain.produceBlocks(1);
  expect((await sent).block).toBe(2);
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('a runtime upgrade between signing and sending: what is refused as forged is signed anew', async () => {
  const chain = await start({ chain: { profile: 'legacy' } });
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  let signatures = 0;
  const hotkey: HotkeySigner = {
    ...ann,
    sign: async ({ payload }) => {
      if (++signatures === 1) {
        chain.upgradeRuntime();
        await chain.produceBlocks(1);
      }
      return ann.sign({ payload });
    },
  };
  await commit(subtensor, hotkey, 'a');
  expect(signatures).toBe(2);
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test('a runtime upgrade with two calls of one hotkey under way: neither waits for a nonce that nobody sends', async () => {
  const chain = await start({ chain: { profile: 'legacy', blockTimeMs: 'manual' } });
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  const slowly = async () => {
    await sleep(600);
    return null;
  };
  const first = commit(subtensor, ann, 'a', { landed: slowly });
  await taken(chain, 1);
  const second = commit(subtensor, ann, 'b', { landed: async () => null });
  await taken(chain, 2);
  chain.upgradeRuntime();
  const timer = setInterval(() => void chain.produceBlocks(1), 60);
  const landed = await Promise.all([first, second]).finally(() => clearInterval(timer));
  expect(Math.max(...landed.map(({ block }) => block))).toBeLessThan(40);
  expect((await sentCalls(chain.url)).map(({ nonce }) => nonce)).toEqual([0, 1]);
});

test('a call whose fate the node does not tell is not called refused', async () => {
  const chain = await start();
  const subtensor = await connect(chain.url, { blockTimeoutMs: 500 });
  const imported = { kind: 'error', code: 1013, message: 'Transaction is already imported' } as const;
  chain.faults.inject({ on: SUBMIT, fault: { kind: 'hang' } });
  chain.faults.inject({ on: SUBMIT, fault: imported, times: 2 });
  await expect(commit(subtensor, await devHotkey('ann'), 'a')).rejects.toMatchObject({
    code: 'timeout',
    transient: true,
    message: expect.stringMatching(/^it is not known whether commitments\.setCommitment took effect/),
  });
});

test('a person may take longer to sign than a call may take', async () => {
  const chain = await start({ chain: { blockTimeMs: 300 } });
  const subtensor = await connect(chain.url, { timeoutMs: 3_000 });
  const ann = await devHotkey('ann');
  const hotkey: HotkeySigner = { ...ann, sign: ({ payload }) => sleep(4_000).then(() => ann.sign({ payload })) };
  await commit(subtensor, hotkey, 'a');
  expect(await sentCalls(chain.url)).toHaveLength(1);
});

test.each([
  ['once', 1],
  ['always', Number.POSITIVE_INFINITY],
])('a signer that is slower than the era %s', async (_, slowTimes) => {
  const chain = await start();
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  let signatures = 0;
  const sign: HotkeySigner['sign'] = async ({ payload }) => {
    if (++signatures <= slowTimes) await subtensor.waitForBlock({ block: chain.currentBlock() + 4 });
    return ann.sign({ payload });
  };
  const sent = commit(subtensor, { ...ann, sign }, 'a', { eraBlocks: 4 });
  if (slowTimes === 1) await sent;
  else
    await expect(sent).rejects.toMatchObject({
      code: 'chain-rejected',
      message: expect.stringMatching(
        /signed in block \d+, too late for its era: block \d+ is the last that may hold it/,
      ),
      fix: expect.stringContaining('`eraBlocks` is 4'),
    });
  expect(signatures).toBe(slowTimes === 1 ? 2 : 4);
  expect(await sentCalls(chain.url)).toHaveLength(slowTimes === 1 ? 1 : 0);
});

test('who waits behind a call of the same hotkey can be stopped', async () => {
  const chain = await start();
  const subtensor = await connect(chain.url);
  const ann = await devHotkey('ann');
  const never: HotkeySigner = { ...ann, sign: () => new Promise(() => {}) };
  const stop = new AbortController();
  const stopped = commit(subtensor, never, 'a', { signal: stop.signal });
  const behind = commit(subtensor, ann, 'b', { signal: AbortSignal.timeout(100) });
  await expect(behind).rejects.toThrow('timeout');
  stop.abort(new Error('stopped by the user'));
  await expect(stopped).rejects.toThrow('stopped by the user');
  await commit(subtensor, ann, 'c');
  expect(await sentCalls(chain.url)).toHaveLength(1);
});
