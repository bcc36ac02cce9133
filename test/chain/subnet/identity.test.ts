import { afterEach, describe, expect, test } from 'vitest';
import { ChainMetadataStore } from '../../../src/chain/commitments/chain-metadata-store.ts';
import { Subtensor } from '../../../src/chain/subtensor.ts';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { isCode } from '../../../src/errors/flock-off-error.ts';
import { LocalChain } from '../../../src/local/chain/local-chain.ts';
import { subnetText } from '../../../src/schema/subnet-identity.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { memoryReveals } from '../weights/memory-reveals.ts';

const NETUID = 96;
const OWNER = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const SHA = 'c0'.repeat(20);

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const it of closing.splice(0).reverse()) await it.close();
});

async function start(
  profile: 'legacy' | 'current',
  subnet: { name?: string; owner?: string; registrationBlock?: number },
) {
  const hotkey = await devHotkey('//Alice');
  const neurons = [{ hotkey: hotkey.address, validatorPermit: true, stake: 1_000 }];
  const chain = await LocalChain.open({
    blockTimeMs: 'instant',
    profile,
    subnets: [{ netuid: NETUID, neurons, weightsRateLimit: 0, commitRevealEnabled: false, ...subnet }],
  });
  closing.push(chain);
  const subtensor = await Subtensor.open({ endpoint: chain.url });
  closing.push(subtensor);
  return { chain, subtensor, hotkey };
}

describe.each(['legacy', 'current'] as const)('on a %s runtime', (profile) => {
  test('a subnet says its name, its owner and when it was registered', async () => {
    const { subtensor } = await start(profile, { name: 'FLock OFF', owner: OWNER, registrationBlock: 4_711 });
    const seen = await subtensor.subnetIdentity({ netuid: NETUID });
    expect(seen).toEqual({
      netuid: NETUID,
      genesisHash: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      registrationBlock: 4_711,
      owner: OWNER,
      name: 'FLock OFF',
    });
    expect(subnetText(seen)).toBe(`subnet 96 ("FLock OFF", owner ${OWNER}, registered in block 4711)`);
  });

  test('one without an owner or a name says so', async () => {
    const { subtensor } = await start(profile, {});
    const seen = await subtensor.subnetIdentity({ netuid: NETUID });
    expect(seen).toMatchObject({ owner: null, name: null, registrationBlock: 0 });
    expect(subnetText(seen)).toBe('subnet 96 (without a name, without an owner, registered in block 0)');
  });

  test('a name cannot move the cursor or fill the screen', async () => {
    const { subtensor } = await start(profile, { name: `a\u001b[2J\r\nb\u202e${'c'.repeat(500)}` });
    const { name } = await subtensor.subnetIdentity({ netuid: NETUID });
    expect(name).toBe(`a [2J b ${'c'.repeat(56)}`);
  });

  test('nothing is written once the number is another subnet’s', async () => {
    const { chain, subtensor, hotkey } = await start(profile, { name: 'ours', registrationBlock: 10 });
    const { genesisHash } = await subtensor.subnetIdentity({ netuid: NETUID });
    const expected = { genesisHash, registrationBlock: 10 };
    const metadata = new ChainMetadataStore({ subtensor, netuid: NETUID, expected });
    const setter = new WeightSetter({ subtensor, netuid: NETUID, expected, hotkey, pendingReveals: memoryReveals() });
    await metadata.commit({ repo: 'ann/chats', competition: '1', commit: SHA, hotkey });
    const { block: setBlock } = await setter.set({ weights: [{ uid: 0, weight: 1 }] });

    chain.setStorage('SubtensorModule.NetworkRegisteredAt', NETUID, 8_000_000);
    await subtensor.waitForBlock({ block: chain.currentBlock() + 1 });
    const refusals = [
      metadata.requireRegistered({ hotkey: hotkey.address }),
      metadata.commit({ repo: 'ann/other', competition: '1', commit: SHA, hotkey }),
      setter.requirePermit(),
      setter.set({ weights: [{ uid: 0, weight: 0.5 }] }),
    ];
    for (const refused of await Promise.allSettled(refusals)) {
      const { reason } = refused as PromiseRejectedResult;
      expect(isCode(reason, 'wrong-subnet') && reason.sentence).toBe(
        'subnet 96 ("ours", without an owner, registered in block 8000000) is not the one that is meant, which was registered in block 10. Check --subtensor.network and --netuid with whoever runs the competition: the number may be another project\'s by now, and nothing was written.',
      );
    }
    expect((await metadata.read({ hotkey: hotkey.address }))?.text).toBe(`ann/chats:1:${SHA}`);
    expect(chain.storage('SubtensorModule.LastUpdate', NETUID)).toEqual([setBlock]);
  });
});

test('another network is no less wrong', async () => {
  const { subtensor, hotkey } = await start('current', {});
  const expected = { genesisHash: `0x${'ab'.repeat(32)}` };
  const metadata = new ChainMetadataStore({ subtensor, netuid: NETUID, expected });
  await expect(metadata.requireRegistered({ hotkey: hotkey.address })).rejects.toMatchObject({
    code: 'wrong-subnet',
    sentence: expect.stringContaining('this network began with block 0x'),
  });
});

test('a number that nobody has is said', async () => {
  const { subtensor } = await start('current', {});
  await expect(subtensor.subnetIdentity({ netuid: 3 })).rejects.toMatchObject({
    code: 'bad-argument',
    sentence: expect.stringContaining('the chain has no subnet 3'),
  });
});
