import { describe, expect, test } from 'vitest';
import { ChainMetadataStore } from '../../src/chain/commitments/chain-metadata-store.ts';
import type { Subtensor } from '../../src/chain/subtensor.ts';
import type { DrandBeacon } from '../../src/chain/timelock/drand.ts';
import { type HotkeySigner, WalletHotkey } from '../../src/chain/wallet/hotkey.ts';
import { WeightSetter } from '../../src/chain/weights/weight-setter.ts';
import { ModelId } from '../../src/schema/model-id.ts';
import { devHotkey } from './dev-hotkey.ts';
import { connect, memoryReveals, NETUID, startSubnet } from './start-subnet.ts';
import { expectSameInfos } from './subnet/same-infos.ts';

/**
 * What the client promises on every runtime, whatever is on the chain: on every profile of the local chain, and on the
 * node at SUBTENSOR_URL where that is set (subnet SUBTENSOR_NETUID, without a default). Nothing is sent to that node
 * unless SUBTENSOR_WRITE is set: then the hotkey of BT_WALLET_PATH, BT_WALLET_NAME and BT_WALLET_HOTKEY commits a pointer and
 * gives all its weight to itself.
 */
interface Target {
  name: string;
  /** The longest a test may take: blocks of a real node are 12 s apart, and its limits hundreds of blocks. */
  timeoutMs: number;
  open(): Promise<{ subtensor: Subtensor; netuid: number; beacon?: DrandBeacon }>;
  /** Who may commit and set weights; `null` where nothing may be sent. */
  signers: (() => Promise<{ miner: HotkeySigner; validator: HotkeySigner }>) | null;
}

const { SUBTENSOR_URL, SUBTENSOR_NETUID, SUBTENSOR_WRITE } = process.env;
if (SUBTENSOR_URL && !SUBTENSOR_NETUID) throw new Error('SUBTENSOR_URL needs SUBTENSOR_NETUID');
if (!SUBTENSOR_URL) console.log('a real node is not asked: SUBTENSOR_URL is not set');

const LOCAL: Target[] = (['legacy', 'current', 'latest'] as const).flatMap((profile) =>
  [false, true].map((commitRevealEnabled) => ({
    name: `a ${profile} chain whose weights are ${commitRevealEnabled ? 'hidden' : 'set directly'}`,
    timeoutMs: 30_000,
    open: async () => {
      const chain = await startSubnet({ tempo: 20, commitRevealEnabled, weightsRateLimit: 5, chain: { profile } });
      return { subtensor: await connect(chain.url), netuid: NETUID, beacon: chain.beacon };
    },
    signers: async () => ({ miner: await devHotkey('ann'), validator: await devHotkey('validator') }),
  })),
);
const REAL: Target[] = SUBTENSOR_URL
  ? [
      {
        name: 'the node at SUBTENSOR_URL',
        timeoutMs: 30 * 60_000,
        open: async () => {
          // It may be a fork that stands still until something is sent.
          const subtensor = await connect(SUBTENSOR_URL, { maxClockDifferenceMs: Number.POSITIVE_INFINITY });
          return { subtensor, netuid: Number(SUBTENSOR_NETUID) };
        },
        signers: SUBTENSOR_WRITE
          ? async () => {
              const { BT_WALLET_PATH: path, BT_WALLET_NAME: name, BT_WALLET_HOTKEY: hotkeyName } = process.env;
              if (!name || !hotkeyName) throw new Error('SUBTENSOR_WRITE needs BT_WALLET_NAME and BT_WALLET_HOTKEY');
              const hotkey = await WalletHotkey.open({ path, name, hotkey: hotkeyName });
              return { miner: hotkey, validator: hotkey };
            }
          : null,
      },
    ]
  : [];

describe.each([...LOCAL, ...REAL])('on $name', { timeout: 60_000 }, ({ open, signers, timeoutMs }) => {
  test('blocks come, and the current one is never behind one that was waited for', async () => {
    const { subtensor } = await open();
    const before = await subtensor.currentBlock();
    const arrived = await subtensor.waitForBlock({ block: before + 1 });
    expect(arrived).toBeGreaterThan(before);
    expect(await subtensor.currentBlock()).toBeGreaterThanOrEqual(arrived);
  });

  test('a metagraph is whole: uids in order, hotkeys once, shares in 0..1, nothing of a later block', async () => {
    const { subtensor, netuid } = await open();
    const { neurons, block, nextEpochBlock, hyperparameters } = await subtensor.metagraph({ netuid });
    expect(neurons.length).toBeGreaterThan(0);
    expect(neurons.map(({ uid }) => uid)).toEqual(neurons.map((_, i) => i));
    expect(new Set(neurons.map(({ hotkey }) => hotkey)).size).toBe(neurons.length);
    for (const neuron of neurons) {
      for (const share of [neuron.consensus, neuron.incentive, neuron.dividends, neuron.validatorTrust]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
      expect(neuron.lastUpdateBlock).toBeLessThanOrEqual(block);
      expect(neuron.registrationBlock).toBeLessThanOrEqual(block);
    }
    expect(nextEpochBlock).toBeGreaterThan(block);
    expect(hyperparameters.tempo).toBeGreaterThan(0);
    expect(hyperparameters.maxAllowedUids).toBeGreaterThanOrEqual(neurons.length);
    const position = await subtensor.epoch({ netuid });
    expect(position.nextEpochBlock).toBeGreaterThanOrEqual(nextEpochBlock);
  });

  test('storage and the runtime say the same of every neuron', async () => {
    const { subtensor, netuid } = await open();
    // A block may come in between, in which somebody registers or an epoch runs.
    await expect
      .poll(
        async () =>
          expectSameInfos(subtensor, (await subtensor.metagraph({ netuid })).neurons, netuid).then(
            () => 'the same',
            (error: Error) => error.message,
          ),
        { timeout: 30_000 },
      )
      .toBe('the same');
  });

  test('a hotkey is found by its uid, and a stranger is not', async () => {
    const { subtensor, netuid } = await open();
    const { neurons } = await subtensor.metagraph({ netuid });
    for (const { hotkey, uid } of [neurons[0]!, neurons.at(-1)!])
      expect(await subtensor.uid({ netuid, hotkey })).toBe(uid);
    expect(await subtensor.uid({ netuid, hotkey: (await devHotkey('a stranger')).address })).toBeNull();
  });

  test('commitments are read, each of a block that was, and one alone says what all together say', async () => {
    const { subtensor, netuid } = await open();
    const { metagraph, commitments } = await subtensor.subnet({ netuid });
    for (const [hotkey, { kind, block }] of commitments) {
      expect([hotkey, kind]).not.toEqual([hotkey, 'undecodable']);
      expect(block).toBeLessThanOrEqual(metagraph.block);
    }
    for (const [hotkey, commitment] of [...commitments].slice(0, 3)) {
      const alone = await subtensor.commitment({ netuid, hotkey });
      if (alone!.block === commitment.block) expect(alone).toEqual(commitment);
    }
    expect(await subtensor.commitment({ netuid, hotkey: (await devHotkey('a stranger')).address })).toBeNull();
  });

  test('the weights of every validator are shares that sum to 1, or none', async () => {
    const { subtensor, netuid } = await open();
    const { neurons } = await subtensor.metagraph({ netuid });
    for (const { uid } of neurons.filter(({ validatorPermit }) => validatorPermit).slice(0, 8)) {
      const weights = await subtensor.weights({ netuid, uid });
      const sum = weights.reduce((total, { weight }) => total + weight, 0);
      if (weights.length > 0) expect(sum).toBeCloseTo(1, 9);
    }
  });

  test('a subnet that does not exist is one sentence', async () => {
    const { subtensor } = await open();
    await expect(subtensor.metagraph({ netuid: 65_535 })).rejects.toMatchObject({ code: 'bad-argument' });
  });

  test('a stranger neither commits nor sets weights, and nothing is sent', async () => {
    const { subtensor, netuid, beacon } = await open();
    const hotkey = await devHotkey('a stranger');
    const store = new ChainMetadataStore({ subtensor, netuid });
    await expect(store.commit({ ...pointerAt(1), hotkey })).rejects.toMatchObject({ code: 'unregistered' });
    const pendingReveals = memoryReveals();
    const setter = new WeightSetter({ subtensor, netuid, hotkey, pendingReveals, beacon });
    await expect(setter.set({ weights: [{ uid: 0, weight: 1 }] })).rejects.toMatchObject({ code: 'unregistered' });
    expect(await pendingReveals.list()).toEqual([]);
  });

  test.skipIf(!signers)(
    'a pointer is committed once, and read back with its block',
    { timeout: timeoutMs },
    async () => {
      const { subtensor, netuid } = await open();
      const { miner: hotkey } = await signers!();
      const store = new ChainMetadataStore({ subtensor, netuid });
      const { pointer, block } = await store.commit({ ...pointerAt(await subtensor.currentBlock()), hotkey });
      expect(await store.read({ hotkey: hotkey.address })).toMatchObject({ kind: 'Raw', text: pointer, block });
      const all = await subtensor.commitments({ netuid });
      expect(all.get(hotkey.address)).toMatchObject({ text: pointer, block });
      const again = await store.commit({ ...ModelId.decode(pointer), hotkey });
      expect(again).toMatchObject({ block, blockHash: null });
    },
  );

  test.skipIf(!signers)(
    'weights are set as the subnet wants them, until they are those on the chain',
    { timeout: 3 * timeoutMs },
    async () => {
      const { subtensor, netuid, beacon } = await open();
      const { validator: hotkey } = await signers!();
      const pendingReveals = memoryReveals();
      const setter = new WeightSetter({ subtensor, netuid, hotkey, pendingReveals, beacon });
      await setter.requirePermit();
      const uid = (await subtensor.uid({ netuid, hotkey: hotkey.address }))!;
      const { commitRevealEnabled } = (await subtensor.metagraph({ netuid })).hyperparameters;
      const { mode, block } = await setter.set({ weights: [] });
      expect(mode === 'set').toBe(!commitRevealEnabled);
      expect((await subtensor.metagraph({ netuid })).neurons[uid]!.lastUpdateBlock).toBeGreaterThanOrEqual(block);
      for (let report = await setter.reveal(); report.waiting.length > 0; report = await setter.reveal()) {
        expect(report.dropped).toEqual([]);
        await subtensor.waitForBlock({ block: (await subtensor.currentBlock()) + 1 });
      }
      expect(await pendingReveals.list()).toEqual([]);
      expect(await setter.read({ uid })).toEqual([{ uid, weight: 1 }]);
    },
  );
});

/** A pointer that differs from block to block. */
function pointerAt(block: number): ModelId {
  return { repo: 'flock-off/contract', competition: '1', commit: block.toString(16).padStart(40, '0') };
}
