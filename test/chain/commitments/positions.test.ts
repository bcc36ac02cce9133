import { describe, expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { commitTimelocked } from '../../../src/chain/commitments/timelocked.ts';
import type { HotkeySigner } from '../../../src/chain/wallet/hotkey.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { connect, type LocalChain, NETUID, startSubnet } from '../start-subnet.ts';

const SUBMIT = 'author_submitAndWatchExtrinsic';
const EVENTS = 'state_queryStorageAt';
const sha = (digit: string) => digit.repeat(40);

/** Resolves when the chain has been given so many transactions from now on. */
function given({ faults }: LocalChain, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const listener = (method: string) => {
      if (method !== SUBMIT || --left > 0) return;
      faults.onRequest.delete(listener);
      // The request itself is done after its listeners.
      setImmediate(resolve);
    };
    faults.onRequest.add(listener);
  });
}

async function subnet(chain: Parameters<typeof startSubnet>[0] = {}) {
  const started = await startSubnet(chain);
  const subtensor = await connect(started.url);
  return { chain: started, subtensor, store: new ChainMetadataStore({ subtensor, netuid: NETUID }) };
}

/** Commits one after the other into the next block. */
async function commitInOneBlock(chain: LocalChain, store: ChainMetadataStore, hotkeys: HotkeySigner[]) {
  const committing: Promise<unknown>[] = [];
  for (const [i, hotkey] of hotkeys.entries()) {
    const arrived = given(chain, 1);
    const id = { repo: 'ann/chat', competition: '1', commit: sha(String(i)) };
    committing.push(store.commit({ ...id, hotkey }));
    await arrived;
  }
  await chain.produceBlocks();
  await Promise.all(committing);
}

describe.each(['legacy', 'current'] as const)('on a %s chain', (profile) => {
  test('of two commitments in one block the place of the transaction tells the first, not the uid', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual' } });
    const [ann, bob] = [await devHotkey('ann'), await devHotkey('bob')];
    await commitInOneBlock(chain, store, [bob, ann]);
    const commitments = [...(await store.readAll()).values()];
    expect(new Set(commitments.map(({ block }) => block)).size).toBe(1);
    const positions = await store.readPositions({ commitments });
    // Place 0 is the inherent that sets the clock.
    expect([positions.get(bob.address), positions.get(ann.address)]).toEqual([1, 2]);
  });

  test('a final block is read once, and one that can be taken back again', async () => {
    const { chain, store, subtensor } = await subnet({
      chain: { profile, blockTimeMs: 'manual', finalityLagBlocks: 2 },
    });
    const ann = await devHotkey('ann');
    await commitInOneBlock(chain, store, [ann]);
    const commitments = [...(await store.readAll()).values()];
    const reads = async () => {
      const before = subtensor.requests;
      expect((await store.readPositions({ commitments })).get(ann.address)).toBe(1);
      return subtensor.requests - before;
    };
    expect(await reads()).toBeGreaterThan(0);
    expect(await reads()).toBeGreaterThan(0);
    await chain.produceBlocks(2);
    expect(await reads()).toBeGreaterThan(0);
    expect(await reads()).toBe(0);
  });

  test('a re-org that changes the order changes what is read', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual', finalityLagBlocks: 5 } });
    const [ann, bob] = [await devHotkey('ann'), await devHotkey('bob')];
    await commitInOneBlock(chain, store, [ann, bob]);
    const first = [...(await store.readAll()).values()];
    expect((await store.readPositions({ commitments: first })).get(ann.address)).toBe(1);
    chain.reorg();
    const again = [...(await store.readAll()).values()];
    expect(again[0]!.block).toBe(first[0]!.block + 1);
    expect([...(await store.readPositions({ commitments: first })).values()]).toEqual([null, null]);
    expect([...(await store.readPositions({ commitments: again })).values()].sort()).toEqual([1, 2]);
  });

  test('it is not known where the node has dropped the state of the block, and another try asks again', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual' } });
    const ann = await devHotkey('ann');
    await commitInOneBlock(chain, store, [ann]);
    const commitments = [...(await store.readAll()).values()];
    const message = 'Client error: UnknownBlock: State already discarded for 0x00';
    chain.faults.inject({ on: EVENTS, fault: { kind: 'error', code: 4003, message } });
    expect((await store.readPositions({ commitments })).get(ann.address)).toBeNull();
    expect((await store.readPositions({ commitments })).get(ann.address)).toBe(1);
  });

  test('a block whose state stays dropped is asked for three times, not for ever', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual' } });
    await commitInOneBlock(chain, store, [await devHotkey('ann')]);
    const commitments = [...(await store.readAll()).values()];
    const message = 'Client error: UnknownBlock: State already discarded for 0x00';
    chain.faults.inject({ on: EVENTS, fault: { kind: 'error', code: 4003, message }, times: 100 });
    let asked = 0;
    chain.faults.onRequest.add((method) => {
      if (method === EVENTS) asked++;
    });
    for (let epoch = 0; epoch < 6; epoch++) await store.readPositions({ commitments });
    expect(asked).toBe(3);
  });

  test('another error of the node is none of the miner, and is thrown', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual' } });
    await commitInOneBlock(chain, store, [await devHotkey('ann')]);
    const commitments = [...(await store.readAll()).values()];
    chain.faults.inject({ on: EVENTS, fault: { kind: 'error', code: -32000, message: 'busy' }, times: 10 });
    await expect(store.readPositions({ commitments })).rejects.toMatchObject({ code: 'chain-unreachable' });
  });

  test('a block without a commitment of the hotkey, and one that is not there yet, have no place for it', async () => {
    const { chain, store } = await subnet({ chain: { profile, blockTimeMs: 'manual' } });
    await chain.produceBlocks(2);
    const { address: hotkey } = await devHotkey('ann');
    expect((await store.readPositions({ commitments: [{ hotkey, block: 1 }] })).get(hotkey)).toBeNull();
    expect((await store.readPositions({ commitments: [{ hotkey, block: 1_000 }] })).get(hotkey)).toBeNull();
    expect(await store.readPositions({ commitments: [] })).toEqual(new Map());
  });
});

test('a time-locked commitment has no place: it says nothing before the chain opens it, outside of any transaction', async () => {
  const { chain, subtensor, store } = await subnet();
  const ann = await devHotkey('ann');
  const revealAtBlock = (await subtensor.currentBlock()) + 20;
  const { block } = await commitTimelocked({
    ...{ subtensor, netuid: NETUID, hotkey: ann, text: 'ann/chat:1:main', revealAtBlock },
    beacon: chain.beacon,
  });
  expect((await store.readPositions({ commitments: [{ hotkey: ann.address, block }] })).get(ann.address)).toBeNull();
});

test('positions of commitments from before a runtime upgrade are read still, or not known, and never wrong', async () => {
  const { chain, store } = await subnet({ chain: { profile: 'legacy', blockTimeMs: 'manual' } });
  const [ann, bob] = [await devHotkey('ann'), await devHotkey('bob')];
  await commitInOneBlock(chain, store, [bob, ann]);
  const commitments = [...(await store.readAll()).values()];
  chain.upgradeRuntime();
  await chain.produceBlocks(2);
  const positions = await new ChainMetadataStore({
    subtensor: await connect(chain.url),
    netuid: NETUID,
  }).readPositions({ commitments });
  expect([
    [1, 2],
    [null, null],
  ]).toContainEqual([positions.get(bob.address), positions.get(ann.address)]);
});
