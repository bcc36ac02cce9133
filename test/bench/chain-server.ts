/** A local chain in a process of its own, for the benches: its work is not in the times of the client. */
import type { Profile } from '../../src/local/chain/local-chain.ts';
import { LocalChain } from '../../src/local/chain/local-chain.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';

export const NETUID = 96;

export interface ChainServerParameters {
  profile: Profile;
  /** Hotkeys "neuron 0" and so on; the first is the validator, all others have committed a pointer. */
  neurons: number;
  /** Default 50. */
  blockTimeMs?: number;
}

/** The pointer of "neuron i". */
export function pointerOf(i: number): string {
  return `ann/chat-${i}:1:${i.toString(16).padStart(40, '0')}`;
}

if (process.send) {
  const { profile, neurons, blockTimeMs = 50 } = JSON.parse(process.argv[2]!) as ChainServerParameters;
  const signers = await Promise.all(Array.from({ length: neurons }, (_, i) => devHotkey(`neuron ${i}`)));
  const chain = await LocalChain.open({
    profile,
    blockTimeMs: 'manual',
    subnets: [
      {
        netuid: NETUID,
        weightsRateLimit: 0,
        commitRevealEnabled: false,
        neurons: signers.map(({ address }, uid) => ({
          hotkey: address,
          validatorPermit: uid === 0,
          stake: uid === 0 ? 1e12 : 0,
        })),
      },
    ],
  });
  for (const [i, { address }] of signers.entries()) {
    if (i === 0) continue;
    const text = new TextEncoder().encode(pointerOf(i));
    const info = { fields: [{ [`Raw${text.length}`]: text }] };
    chain.setStorage('Commitments.CommitmentOf', NETUID, address, { deposit: 0, block: 1, info });
  }
  await chain.produceBlocks();
  // Blocks come once the client asks for them, so that as many do in every run.
  process.once('message', () => setInterval(() => void chain.produceBlocks(), blockTimeMs));
  process.once('disconnect', () => process.exit());
  process.send(chain.url);
}
