import type { HotkeyChain } from '../chain.ts';
import type { Snapshot } from '../node/snapshot.ts';
import { encodeCommitment, hasBigRaw, readCommitment } from '../subnet/commitments.ts';
import { callOn } from '../transaction/submit.ts';
import type { Inclusion } from '../transaction/watch.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { type CommitmentWait, sendCommitment } from './send-commitment.ts';

export interface CommitTextParameters extends CommitmentWait {
  subtensor: HotkeyChain;
  netuid: number;
  hotkey: HotkeySigner;
  /** At most 128 bytes of UTF-8, or 512 on runtimes with `BigRaw`. */
  text: string;
  /** Called each time just before it is sent, which may be long after: what it throws ends the call. */
  beforeSending?: () => Promise<void>;
}

/**
 * Writes a text as the commitment of a hotkey on a subnet, where it takes the place of the one before; one that is there
 * already is left alone. Waits until the chain takes another one of this hotkey.
 * @throws FlockOffError `bad-argument` for too long a text; `chain-rejected`, `chain-unreachable` or `timeout`.
 */
export async function commitText(parameters: CommitTextParameters): Promise<Inclusion> {
  const { subtensor, netuid, hotkey, text, beforeSending, signal, wait, onWait } = parameters;
  const info = await encodeText(parameters);
  const landed = async (snapshot: Snapshot) => {
    const commitment = await readCommitment(snapshot, netuid, hotkey.address);
    return commitment?.text === text ? { block: commitment.block, blockHash: null } : null;
  };
  return sendCommitment({
    ...{ subtensor, netuid, hotkey, bytes: Buffer.byteLength(text) },
    find: () => subtensor.read({ what: 'reading a commitment', use: landed, signal }),
    make: async () => {
      await beforeSending?.();
      return { call: (tx) => callOn(tx, 'commitments', 'setCommitment')(netuid, info), landed };
    },
    ...{ signal, wait, onWait },
  });
}

/** What the call takes. @throws FlockOffError `bad-argument` for too long a text. */
export async function encodeText({
  subtensor,
  text,
  signal,
}: Pick<CommitTextParameters, 'subtensor' | 'text' | 'signal'>): Promise<ReturnType<typeof encodeCommitment>> {
  const use = async (snapshot: Snapshot) => hasBigRaw(snapshot);
  const bigRaw = await subtensor.read({ what: 'looking at what a commitment holds', use, signal });
  return encodeCommitment(text, { bigRaw });
}
