import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Commitment } from '../schema/metagraph.ts';
import { encodePointer, type ModelId } from '../schema/model-id.ts';
import { type CommitmentRoom, encodeCommitment, hasBigRaw, readCommitment, readCommitmentRoom } from './commitments.ts';
import { isRejection } from './explain-rejection.ts';
import type { Snapshot } from './snapshot.ts';
import type { Subtensor } from './subtensor.ts';
import type { HotkeySigner } from './wallet.ts';

export interface ChainMetadataStoreParameters {
  subtensor: Subtensor;
  netuid: number;
}

export interface CommitParameters {
  hotkey: HotkeySigner;
  signal?: AbortSignal;
  /**
   * Whether to wait where the chain will take the commitment only from a later block on. Default true; otherwise it is
   * refused before it is sent, with that block in `facts.firstBlock`.
   */
  wait?: boolean;
  /** Called before the wait, with that block. */
  onWait?: (wait: { block: number; blocksLeft: number }) => void;
}

export interface CommitReturnType {
  /** Text now on the chain. */
  pointer: string;
  /** Block it was written in. */
  block: number;
  /** `null` when the pointer was there already, or only its effect was seen. */
  blockHash: string | null;
}

/** A refusal is waited out and tried again: somebody else may have committed with the same hotkey in between. */
const MOST_ATTEMPTS = 10;
/** Blocks between two attempts where the runtime does not say when: the attempts span an epoch of 360 blocks. */
const BLIND_WAIT_BLOCKS = 40;
const COOLDOWN_ERRORS = ['CommitmentSetRateLimitExceeded', 'SpaceLimitExceeded'];

/**
 * Pointers of miners in the Commitments pallet: one per hotkey and subnet, the latest wins.
 *
 * @example
 * const store = new ChainMetadataStore({ subtensor, netuid });
 * await store.commit({ repo: 'ann/chat', competition: '1', commit: sha }, { hotkey });
 */
export class ChainMetadataStore {
  readonly #subtensor: Subtensor;
  readonly #netuid: number;

  constructor({ subtensor, netuid }: ChainMetadataStoreParameters) {
    this.#subtensor = subtensor;
    this.#netuid = netuid;
  }

  /** Resolves when the hotkey may commit on this subnet. @throws FlockOffError `unregistered` in one sentence. */
  async requireRegistered({ address }: HotkeySigner, signal?: AbortSignal): Promise<void> {
    const registered = await this.#subtensor.isRegistered(this.#netuid, address, signal);
    if (!registered) throw unregistered(address, this.#netuid);
  }

  /**
   * The text that {@link commit} writes for a pointer: to be asked for before anything is uploaded.
   * @throws FlockOffError `bad-argument` for what is no pointer, or longer than this chain has room for: 128 bytes, or 512
   *   on runtimes with `BigRaw`.
   */
  async pointerText(id: ModelId, { signal }: { signal?: AbortSignal } = {}): Promise<string> {
    return (await this.#encode(id, signal)).pointer;
  }

  /**
   * When the chain takes another commitment of this hotkey, whose text has so many bytes: its cooldown, or its budget of
   * bytes in this epoch, is looked at before anything is sent.
   */
  room(hotkey: string, bytes: number, { signal }: { signal?: AbortSignal } = {}): Promise<CommitmentRoom> {
    return this.#subtensor.read(
      'reading when the next commitment may be made',
      (snapshot) => readCommitmentRoom(snapshot, { netuid: this.#netuid, hotkey, bytes }),
      signal,
    );
  }

  /**
   * Writes a pointer, waiting until the chain takes another commitment of this hotkey: for the end of its cooldown, or
   * for the next epoch where the bytes of this one are used up. A pointer that is there already is left alone.
   * @throws FlockOffError `unregistered`, `chain-rejected` (also when the chain keeps refusing, never has room, or takes
   *   it only later and `wait` is false), `chain-unreachable` or `timeout`; `bad-argument` as from {@link pointerText}.
   */
  async commit(id: ModelId, { hotkey, signal, wait, onWait }: CommitParameters): Promise<CommitReturnType> {
    const { pointer, info } = await this.#encode(id, signal);
    await this.requireRegistered(hotkey, signal);

    const landed = async (snapshot: Snapshot) => {
      const commitment = await readCommitment(snapshot, this.#netuid, hotkey.address);
      return commitment?.text === pointer ? { block: commitment.block, blockHash: null } : null;
    };
    for (let attempt = 1; ; attempt++) {
      const inclusion = await this.#subtensor.read('reading a commitment', landed, signal);
      if (inclusion) return { pointer, ...inclusion };
      await this.#waitForRoom(hotkey, pointer, attempt === 1 ? 0 : BLIND_WAIT_BLOCKS, { signal, wait, onWait });
      try {
        const inclusion = await this.#subtensor.submit({
          name: 'commitments.setCommitment',
          call: (tx) => tx.commitments!.setCommitment!(this.#netuid, info),
          hotkey,
          landed,
          signal,
        });
        return { pointer, ...inclusion };
      } catch (error) {
        if (!isRejection(error, COOLDOWN_ERRORS) || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** What a hotkey has committed, `null` when nothing. */
  read(hotkey: string, { signal }: { signal?: AbortSignal } = {}): Promise<Commitment | null> {
    return this.#subtensor.commitment(this.#netuid, hotkey, signal);
  }

  /** What everybody has committed, by hotkey, in one map read. Hotkeys that left the subnet are still in it. */
  readAll({ signal }: { signal?: AbortSignal } = {}): Promise<Map<string, Commitment>> {
    return this.#subtensor.commitments(this.#netuid, signal);
  }

  /** The subnet and what everybody has committed, as of one block. Hotkeys that left the subnet are still in it. */
  readSubnet({ signal }: { signal?: AbortSignal } = {}): ReturnType<Subtensor['subnet']> {
    return this.#subtensor.subnet(this.#netuid, signal);
  }

  async #encode(id: ModelId, signal?: AbortSignal) {
    const pointer = encodePointer(id);
    const bigRaw = await this.#subtensor.read(
      'looking at what a commitment holds',
      async (snapshot) => hasBigRaw(snapshot),
      signal,
    );
    return { pointer, info: encodeCommitment(pointer, { bigRaw }) };
  }

  async #waitForRoom(
    { address }: HotkeySigner,
    pointer: string,
    blindBlocks: number,
    { signal, wait = true, onWait }: Omit<CommitParameters, 'hotkey'>,
  ): Promise<void> {
    const bytes = Buffer.byteLength(pointer);
    const room = await this.room(address, bytes, { signal });
    if (room.firstBlock === Number.POSITIVE_INFINITY) throw noRoom(address, this.#netuid, bytes);
    const block = room.firstBlock > room.block ? room.firstBlock : room.block + blindBlocks;
    // What is sent now is in the next block at the earliest.
    if (block <= room.block + 1) return;
    if (!wait) throw tooEarly(address, this.#netuid, { ...room, firstBlock: block });
    onWait?.({ block, blocksLeft: block - room.block });
    await this.#subtensor.waitForBlock(block - 1, { signal });
  }
}

/** The sentence for a hotkey that is not on the subnet. */
export function unregistered(address: string, netuid: number): FlockOffError {
  return new FlockOffError({
    code: 'unregistered',
    what: `the hotkey ${address} is not registered on subnet ${netuid}`,
    fix: `register it first: btcli subnet register --netuid ${netuid}`,
    facts: { hotkey: address, netuid },
  });
}

function tooEarly(hotkey: string, netuid: number, { block, firstBlock, refusal }: CommitmentRoom): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain takes the next commitment of ${hotkey} on subnet ${netuid} in block ${firstBlock}, and this is block ${block}`,
    fix: `try again in ${firstBlock - block} blocks`,
    facts: {
      call: 'commitments.setCommitment',
      section: 'commitments',
      name: refusal,
      hotkey,
      netuid,
      block,
      firstBlock,
    },
    transient: true,
  });
}

function noRoom(hotkey: string, netuid: number, bytes: number): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain will never have room for this commitment of ${bytes} bytes: an epoch allows too few bytes, or subnet ${netuid} runs no epochs`,
    fix: 'check that this is the network and the netuid you meant',
    facts: { call: 'commitments.setCommitment', section: 'commitments', name: 'SpaceLimitExceeded', hotkey, netuid },
  });
}
