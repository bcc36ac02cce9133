import { expect, test } from 'vitest';
import { WeightSetter } from '../../../src/chain/weights/weight-setter.ts';
import { devHotkey } from '../dev-hotkey.ts';
import { connect, memoryReveals, NETUID, startSubnet } from '../start-subnet.ts';

/** ann owns the subnet and has no permit. */
async function start(epochConsensus: 'Yuma' | 'Null', minAllowedWeights = 0) {
  const chain = await startSubnet({
    epochConsensus,
    minAllowedWeights,
    commitRevealEnabled: false,
    weightsRateLimit: 0,
    chain: { profile: 'latest' },
  });
  const [ann, validator] = await Promise.all(['ann', 'validator'].map(devHotkey));
  chain.setStorage('SubtensorModule.SubnetOwnerHotkey', NETUID, ann!.address);
  await chain.produceBlocks(1);
  const subtensor = await connect(chain.url);
  const setterOf = (hotkey: typeof ann) =>
    new WeightSetter({ subtensor, netuid: NETUID, hotkey: hotkey!, pendingReveals: memoryReveals() });
  return { chain, subtensor, ann: ann!, owner: setterOf(ann), permitted: setterOf(validator) };
}

const WEIGHTS = [{ uid: 2, weight: 1 }];

test('under Yuma the owner needs no permit', async () => {
  const { owner } = await start('Yuma');
  await owner.requirePermit();
  expect((await owner.set({ weights: WEIGHTS })).mode).toBe('set');
});

test.each([
  ['for others', WEIGHTS],
  ['for nobody but itself', []],
])(
  'under Null consensus the owner sets no weights %s without a permit, and is told before anything is sent',
  async (_, weights) => {
    const { chain, owner } = await start('Null');
    const refused = {
      code: 'chain-rejected',
      facts: { name: 'NeuronNoValidatorPermit', uid: 1 },
      message: expect.stringContaining('has no validator permit, so it cannot set weights (under Null consensus'),
    };
    await expect(owner.requirePermit()).rejects.toMatchObject(refused);
    await expect(owner.set({ weights })).rejects.toMatchObject(refused);
    expect(chain.faults.requests).not.toContain('author_submitAndWatchExtrinsic');
  },
);

test('under Null consensus who has a permit sets weights, and takes them back with as many entries as are asked for', async () => {
  const { permitted } = await start('Null', 2);
  expect((await permitted.set({ weights: [...WEIGHTS, { uid: 1, weight: 1 }] })).mode).toBe('set');
  expect(await permitted.set({ weights: [] })).toMatchObject({ uids: [0, 1], values: [65_535, 0] });
});

test('the local chain refuses as Subtensor does: an owner, and a weight for oneself alone', async () => {
  const { subtensor, ann } = await start('Null');
  for (const uid of [1, 2])
    await expect(
      subtensor.submit({
        name: 'subtensorModule.setWeights',
        call: (tx) => tx.subtensorModule!.setWeights!(NETUID, [uid], [65_535], 0),
        hotkey: ann,
        landed: async () => null,
      }),
    ).rejects.toMatchObject({ code: 'chain-rejected', facts: { name: 'NeuronNoValidatorPermit' } });
});
