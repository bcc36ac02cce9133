import { ChainMetadataStore, Subtensor } from 'flock-off';
import { LocalChain } from 'flock-off/local';
import { afterEach, expect, test } from 'vitest';
import { devHotkey } from '../dev-hotkey.ts';

const NETUID = 7;
const NOON = Date.UTC(2026, 2, 3, 12);
let chain: LocalChain;
let subtensor: Subtensor;
afterEach(async () => {
  await subtensor.close();
  await chain.close();
});

test.each(['legacy', 'current'] as const)(
  'a subnet as of a block tells when that was, and the uid of its owner, on a %s chain',
  async (profile) => {
    let nowMs = NOON;
    const clock = { nowMs: () => nowMs, sleep: async () => {} };
    const [ann, ben, cid, cold, other] = await Promise.all(
      ['ann', 'ben', 'cid', 'cold', 'other'].map(async (name) => (await devHotkey(name)).address),
    );
    const neurons = [
      { hotkey: ann!, coldkey: other! },
      { hotkey: ben!, coldkey: cold! },
      { hotkey: cid!, coldkey: cold! },
    ];
    const subnets = [{ netuid: NETUID, owner: cold, neurons }];
    chain = await LocalChain.open({ profile, blockTimeMs: 'manual', clock, subnets });
    subtensor = await Subtensor.open({ endpoint: chain.url, maxClockDifferenceMs: Number.POSITIVE_INFINITY });
    const metadata = new ChainMetadataStore({ subtensor, netuid: NETUID });
    const at = async (block: number) => (await metadata.readSubnetAt({ block }))!;
    nowMs = NOON + 12_000;
    await chain.produceBlocks(1);
    const block = chain.currentBlock();
    nowMs = NOON + 24_000;
    await chain.produceBlocks(1);
    expect(await at(block)).toMatchObject({ timeMs: NOON + 12_000, ownerUid: 1 });
    expect(await at(block + 1)).toMatchObject({ timeMs: NOON + 24_000, ownerUid: 1 });
    const change = async (item: string, value: string) => {
      chain.setStorage(`SubtensorModule.${item}`, NETUID, value);
      nowMs += 12_000;
      await chain.produceBlocks(1);
      return at(chain.currentBlock());
    };
    expect(await change('SubnetOwnerHotkey', cid!)).toMatchObject({ ownerUid: 2 });
    // Who the chain names is not registered: the owner's first.
    expect(await change('SubnetOwnerHotkey', cold!)).toMatchObject({ ownerUid: 1 });
    expect(await change('SubnetOwner', ann!)).toMatchObject({ ownerUid: null });
  },
);
