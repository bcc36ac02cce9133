import type { Commitment } from '../../schema/metagraph.ts';
import { encodePointer, type ModelId } from '../../schema/model-id.ts';
import type { Snapshot } from '../node/snapshot.ts';
import type { BlockPositions } from '../subnet/commitment-positions.ts';
import {
  type CommitmentRoom,
  encodeCommitment,
  hasBigRaw,
  readCommitment,
  readCommitmentRoom,
} from '../subnet/commitments.ts';
import { unregistered } from '../subnet/unregistered.ts';
import type { Subtensor } from '../subtensor.ts';
import { callOn } from '../transaction/submit.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { type CommitmentWait, sendCommitment, waitForRoom } from './send-commitment.ts';

export interface ChainMetadataStoreParameters {
  subtensor: Subtensor;
  netuid: number;
}

export interface CommitParameters extends CommitmentWait {
  hotkey: HotkeySigner;
}

export interface ReadPositionsParameters {
  /** As they are read from the chain. */
  commitments: Pick<Commitment, 'hotkey' | 'block'>[];
  signal?: AbortSignal;
}

/** Blocks whose order of commitments is remembered. */
const MOST_BLOCKS = 4_096;

export interface CommitReturnType {
  /** Text now on the chain. */
  pointer: string;
  /** Block it was written in. */
  block: number;
  /** `null` when the pointer was there already, or only its effect was seen. */
  blockHash: string | null;
}

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
  /** Of final blocks, the oldest reading first. */
  readonly #positions = new Map<number, BlockPositions>();

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
   * Waits until the chain takes another commitment of this hotkey, so that something can be done right before it.
   * @throws FlockOffError as {@link commit}, for want of room.
   */
  waitForRoom(hotkey: string, bytes: number, wait: CommitmentWait = {}): Promise<void> {
    return waitForRoom({
      ...wait,
      subtensor: this.#subtensor,
      netuid: this.#netuid,
      hotkey: { address: hotkey },
      bytes,
    });
  }

  /** Number of the best block. */
  currentBlock({ signal }: { signal?: AbortSignal } = {}): Promise<number> {
    return this.#subtensor.currentBlock(signal);
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
    const inclusion = await sendCommitment({
      subtensor: this.#subtensor,
      netuid: this.#netuid,
      hotkey,
      bytes: Buffer.byteLength(pointer),
      find: () => this.#subtensor.read('reading a commitment', landed, signal),
      make: async () => ({ call: (tx) => callOn(tx, 'commitments', 'setCommitment')(this.#netuid, info), landed }),
      ...{ signal, wait, onWait },
    });
    return { pointer, ...inclusion };
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

  /**
   * The place in its block of the transaction that made each commitment, by hotkey: of two commitments in one block, the
   * earlier transaction was first. One read for each block, and none for one that is final and was read before.
   * @returns `null` for a hotkey where it is not known: the node no longer keeps the state of that block, its runtime had
   *   other events, the commitment was a time-locked one, or none was made in that block. Whoever puts commitments in
   *   order takes these after those that are known, and among themselves by uid, the lower first.
   */
  async readPositions({ commitments, signal }: ReadPositionsParameters): Promise<Map<string, number | null>> {
    const asked = new Set(commitments.map(({ block }) => block));
    const unread = [...asked].filter((block) => !this.#positions.has(block));
    const read = new Map<number, BlockPositions | null>(this.#positions);
    if (unread.length > 0) {
      const { positions, finalBlock } = await this.#subtensor.commitmentPositions(this.#netuid, unread, signal);
      for (const [block, places] of positions) {
        read.set(block, places);
        if (places !== null && block <= finalBlock) this.#positions.set(block, places);
      }
      for (const block of this.#positions.keys()) {
        if (this.#positions.size <= MOST_BLOCKS) break;
        this.#positions.delete(block);
      }
    }
    return new Map(commitments.map(({ hotkey, block }) => [hotkey, read.get(block)?.get(hotkey) ?? null]));
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
}
