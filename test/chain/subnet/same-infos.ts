import { expect } from 'vitest';
import { readNeuronInfos } from '../../../src/chain/subnet/neuron-info.ts';
import type { Subtensor } from '../../../src/chain/subtensor.ts';
import type { Metagraph } from '../../../src/schema/metagraph.ts';

/** The other route to the same numbers: what one call of the runtime answers. */
export async function expectSameInfos(
  subtensor: Subtensor,
  neurons: Metagraph['neurons'],
  netuid: number,
): Promise<void> {
  const infos = await subtensor.read({ what: 'reading', use: (snapshot) => readNeuronInfos(snapshot, netuid) });
  const share = (value: number) => value / 65_535;
  const seen = infos!.map((value) => {
    const info = value.toJSON() as unknown as Record<string, number>;
    return {
      ...{ uid: info.uid, hotkey: info.hotkey, coldkey: info.coldkey, active: info.active },
      ...{
        validatorPermit: info.validatorPermit,
        emissionAlpha: info.emission! / 1e9,
        lastUpdateBlock: info.lastUpdate,
      },
      ...{ consensus: share(info.consensus!), incentive: share(info.incentive!) },
      ...{ dividends: share(info.dividends!), validatorTrust: share(info.validatorTrust!) },
    };
  });
  expect(seen).toEqual(neurons.map(({ stakeAlpha, stakeWeight, registrationBlock, ...neuron }) => neuron));
}
