import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { HotkeyChain } from '../chain.ts';
import { type CommitmentRoom, readCommitmentRoom } from '../subnet/commitments.ts';
import { isRejection } from '../transaction/explain-rejection.ts';
import type { Inclusion, SubmitParameters } from '../transaction/submit.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';

/** Whether and how a commitment waits for its turn. */
export interface CommitmentWait {
  signal?: AbortSignal;
  /**
   * Whether to wait where the chain will take the commitment only from a later block on. Default true; otherwise it is
   * refused before it is sent, with that block in `facts.firstBlock`.
   */
  wait?: boolean;
  /** Called before the wait, with that block. */
  onWait?: (wait: { block: number; blocksLeft: number }) => void;
}

/** What waits for room: whoever sends a commitment, or has something else to do before. */
export interface RoomWait extends CommitmentWait {
  subtensor: HotkeyChain;
  netuid: number;
  hotkey: Pick<HotkeySigner, 'address'>;
  /** What it takes of the bytes of an epoch. */
  bytes: number;
}

export interface SendCommitmentParameters extends RoomWait {
  hotkey: HotkeySigner;
  /** Where it is on the chain already, `null` when it is not: asked before each attempt. Default: nobody else makes it. */
  find?: () => Promise<Inclusion | null>;
  /** What is sent: made when there is room for it, which may be long after. */
  make: () => Promise<Pick<SubmitParameters, 'call' | 'landed'>>;
}

/** A refusal is waited out and tried again: somebody else may have committed with the same hotkey in between. */
const MOST_ATTEMPTS = 10;
/** Blocks between two attempts where the runtime does not say when: the attempts span an epoch of 360 blocks. */
const BLIND_WAIT_BLOCKS = 40;
const COOLDOWN_ERRORS = ['CommitmentSetRateLimitExceeded', 'SpaceLimitExceeded'];
const CALL = 'commitments.setCommitment';

/**
 * Sends a commitment as soon as the chain takes another one of this hotkey: after its cooldown, or in the next epoch
 * where the bytes of this one are used up.
 * @throws FlockOffError `chain-rejected` when no epoch will have room for it, when `wait` is false and it is too early, or
 *   for the chain's own reason.
 */
export async function sendCommitment(parameters: SendCommitmentParameters): Promise<Inclusion> {
  const { subtensor, hotkey, find, make, signal } = parameters;
  for (let attempt = 1; ; attempt++) {
    const found = await find?.();
    if (found) return found;
    await waitForRoom(parameters, attempt === 1 ? 0 : BLIND_WAIT_BLOCKS);
    const { call, landed } = await make();
    try {
      return await subtensor.submit({ name: CALL, call, landed, hotkey, signal });
    } catch (error) {
      if (!isRejection(error, COOLDOWN_ERRORS) || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/**
 * Waits until the chain takes another commitment of this hotkey in the next block.
 * @param blindBlocks how long to wait where the chain does not say.
 * @throws FlockOffError as {@link sendCommitment}, for want of room.
 */
export async function waitForRoom(parameters: RoomWait, blindBlocks = 0): Promise<void> {
  const { subtensor, netuid, hotkey, bytes, wait = true, onWait, signal } = parameters;
  const room = await subtensor.read({
    what: 'reading when the next commitment may be made',
    use: (snapshot) => readCommitmentRoom(snapshot, { netuid, hotkey: hotkey.address, bytes }),
    signal,
  });
  if (room.firstBlock === Number.POSITIVE_INFINITY) throw noRoom(parameters, room);
  const block = room.firstBlock > room.block ? room.firstBlock : room.block + blindBlocks;
  // What is sent now is in the next block at the earliest.
  if (block <= room.block + 1) return;
  if (!wait) throw tooEarly(parameters, { ...room, firstBlock: block });
  onWait?.({ block, blocksLeft: block - room.block });
  await subtensor.waitForBlock({ block: block - 1, signal });
}

function tooEarly(
  { hotkey: { address }, netuid }: RoomWait,
  { block, firstBlock, refusal }: CommitmentRoom,
): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain takes the next commitment of ${address} on subnet ${netuid} in block ${firstBlock}, and this is block ${block}`,
    fix: `try again in ${firstBlock - block} blocks`,
    facts: { call: CALL, section: 'commitments', name: refusal, hotkey: address, netuid, block, firstBlock },
    transient: true,
  });
}

function noRoom(
  { hotkey: { address }, netuid, bytes }: RoomWait,
  { refusal, maxBytes }: CommitmentRoom,
): FlockOffError {
  const tooLong = maxBytes !== null && bytes > maxBytes;
  return new FlockOffError({
    code: 'chain-rejected',
    what: tooLong
      ? `the chain will never have room for this commitment of ${bytes} bytes: it allows a hotkey ${maxBytes} in an epoch of subnet ${netuid}`
      : `the chain will never have room for this commitment of ${bytes} bytes: ${address} has used up its ${maxBytes} bytes, and subnet ${netuid} runs no epochs (its tempo is 0) that would bring new ones`,
    fix: 'check that this is the network and the netuid you meant',
    facts: { call: CALL, section: 'commitments', name: refusal, hotkey: address, netuid, bytes, maxBytes },
  });
}
