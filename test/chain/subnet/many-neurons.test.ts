import { encodeAddress } from '@polkadot/util-crypto';
import { expect, test } from 'vitest';
import { closeLater, connect, LocalChain, NETUID } from '../start-subnet.ts';
import { expectSameInfos } from './same-infos.ts';

// Under Null consensus a subnet has up to 2500 uids. Keys of storage maps are not in the order of uids above 255.

const hotkeyOf = (uid: number) => encodeAddress(Buffer.alloc(32, `neuron ${uid}.`), 42);

test.each([257, 2_500])(
  '%i neurons are read in the order of their uids, the same from storage and from the runtime',
  async (size) => {
    const neurons = Array.from({ length: size }, (_, uid) => ({ hotkey: hotkeyOf(uid), stake: uid }));
    const subnets = [{ netuid: NETUID, maxAllowedUids: size, epochConsensus: 'Null' as const, neurons }];
    const chain = closeLater(await LocalChain.open({ profile: 'latest', blockTimeMs: 'manual', subnets }));
    const subtensor = await connect(chain.url);
    const metagraph = await subtensor.metagraph({ netuid: NETUID });
    expect(metagraph.neurons.map(({ uid, hotkey }) => [uid, hotkey])).toEqual(
      neurons.map(({ hotkey }, uid) => [uid, hotkey]),
    );
    expect(metagraph.neurons.at(-1)).toMatchObject({ uid: size - 1, stakeAlpha: (size - 1) / 1e9 });
    await expectSameInfos(subtensor, metagraph.neurons, NETUID);
    expect(await subtensor.uid({ netuid: NETUID, hotkey: hotkeyOf(size - 1) })).toBe(size - 1);
  },
  60_000,
);
