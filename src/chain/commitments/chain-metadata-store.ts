import type { Commitment } from '../../schema/metagraph.ts';
import { encodePointer } from '../../schema/model-id.ts';
import type { ExpectedSubnet } from '../../schema/subnet-identity.ts';
import type { HotkeyChain } from '../chain.ts';
import type { Snapshot } from '../node/snapshot.ts';
import { toNumber } from '../node/snapshot.ts';
import { type BlockPositions, readBlockPositions } from '../subnet/commitment-positions.ts';
import { type CommitmentRoom, readCommitment, readCommitmentRoom, readCommitments } from '../subnet/commitments.ts';
import { identityOf, identityReads, requireSubnet } from '../subnet/identity.ts';
import { readSubnet, readSubnetAt, type Subnet, type SubnetAt, uidOf, uidRead } from '../subnet/subnet.ts';
import { unregistered } from '../subnet/unregistered.ts';
import { commitText, encodeText } from './commit-text.ts';
import type {
  CommitParameters,
  CommitReturnType,
  MetadataStore,
  PointerTextParameters,
  ReadCommitmentParameters,
  ReadPositionsParameters,
  ReadSubnetAtParameters,
  WaitForRoomParameters,
} from './metadata-store.ts';
import { waitForRoom } from './send-commitment.ts';

export interface ChainMetadataStoreParameters {
  subtensor: HotkeyChain;
  netuid: number;
  /** The subnet that is meant: nothing is written to another one. Default: whatever the number names. */
  expected?: ExpectedSubnet;
}

/** Blocks whose order of commitments is remembered. */
const MOST_BLOCKS = 4_096;
/** Most requests for a block whose state is dropped: another node may keep it, but none gets it back. */
const MOST_TRIES = 3;

export interface RoomParameters {
  /** ss58 address. */
  hotkey: string;
  /** Length of the text. */
  bytes: number;
  signal?: AbortSignal;
}

/**
 * Pointers of miners in the Commitments pallet: one per hotkey and subnet, the latest wins.
 *
 * @example
 * const store = new ChainMetadataStore({ subtensor, netuid });
 * await store.commit({ repo: 'ann/chat', competition: '1', commit: sha, hotkey });
 */
export class ChainMetadataStore implements MetadataStore {
  readonly #subtensor: HotkeyChain;
  readonly #netuid: number;
  /** Of final blocks, the oldest reading first. */
  readonly #positions = new Map<number, BlockPositions>();
  /** How often a final block was asked for whose order the node does not know. */
  readonly #unknown = new Map<number, number>();
  readonly #expected: ExpectedSubnet | undefined;

  constructor({ subtensor, netuid, expected }: ChainMetadataStoreParameters) {
    this.#expected = expected;
    this.#subtensor = subtensor;
    this.#netuid = netuid;
  }

  /**
   * Resolves when the hotkey may commit on this subnet.
   * @throws FlockOffError `wrong-subnet` when it is not the one that is meant; `unregistered` in one sentence.
   */
  async requireRegistered({ hotkey, signal }: ReadCommitmentParameters): Promise<void> {
    const netuid = this.#netuid;
    const use = async (snapshot: Snapshot) => {
      const reads = { uid: uidRead(netuid, hotkey), identity: identityReads(snapshot, netuid) };
      const read = await snapshot.read(reads);
      return { uid: uidOf(read.uid), subnet: identityOf(netuid, snapshot.genesisHash, read.identity) };
    };
    const { uid, subnet } = await this.#subtensor.read({ what: 'looking up the hotkey', use, signal });
    requireSubnet({ seen: subnet, expected: this.#expected });
    if (uid === null) throw unregistered(hotkey, this.#netuid);
  }

  /**
   * The text that {@link commit} writes for a pointer: to be asked for before anything is uploaded.
   * @throws FlockOffError `bad-argument` for what is no pointer, or longer than this chain has room for: 128 bytes, or 512
   *   on runtimes with `BigRaw`.
   */
  async pointerText(parameters: PointerTextParameters): Promise<string> {
    const { repo, competition, commit, signal } = parameters;
    const text = encodePointer({ repo, competition, commit });
    await encodeText({ subtensor: this.#subtensor, text, signal });
    return text;
  }

  /**
   * When the chain takes another commitment of this hotkey, whose text has so many bytes: its cooldown, or its budget of
   * bytes in this epoch, is looked at before anything is sent.
   */
  room({ hotkey, bytes, signal }: RoomParameters): Promise<CommitmentRoom> {
    return this.#subtensor.read({
      what: 'reading when the next commitment may be made',
      use: (snapshot) => readCommitmentRoom(snapshot, { netuid: this.#netuid, hotkey, bytes }),
      signal,
    });
  }

  /** @throws FlockOffError as {@link ChainMetadataStore.commit}, for want of room. */
  waitForRoom({ hotkey, ...parameters }: WaitForRoomParameters): Promise<void> {
    return waitForRoom({
      ...parameters,
      ...{ subtensor: this.#subtensor, netuid: this.#netuid, hotkey: { address: hotkey } },
    });
  }

  /** Number of the best block. */
  currentBlock({ signal }: { signal?: AbortSignal } = {}): Promise<number> {
    const use = async (snapshot: Snapshot) => toNumber(await snapshot.get('system.number'));
    return this.#subtensor.read({ what: 'reading the current block', use, signal });
  }

  /**
   * Writes a pointer, waiting until the chain takes another commitment of this hotkey: for the end of its cooldown, or
   * for the next epoch where the bytes of this one are used up. A pointer that is there already is left alone.
   * @throws FlockOffError `wrong-subnet`, `unregistered`, `chain-rejected` (also when the chain keeps refusing, never has room, or takes
   *   it only later and `wait` is false), `chain-unreachable` or `timeout`; `bad-argument` as from {@link pointerText}.
   */
  async commit(parameters: CommitParameters): Promise<CommitReturnType> {
    const { hotkey, signal, wait, onWait } = parameters;
    const pointer = await this.pointerText(parameters);
    await this.requireRegistered({ hotkey: hotkey.address, signal });
    const sent = { subtensor: this.#subtensor, netuid: this.#netuid, hotkey, text: pointer };
    return { pointer, ...(await commitText({ ...sent, signal, wait, onWait })) };
  }

  /** What a hotkey has committed, `null` when nothing. */
  read({ hotkey, signal }: ReadCommitmentParameters): Promise<Commitment | null> {
    const use = (snapshot: Snapshot) => readCommitment(snapshot, this.#netuid, hotkey);
    return this.#subtensor.read({ what: 'reading a commitment', use, signal });
  }

  /** What everybody has committed, by hotkey, in one map read. Hotkeys that left the subnet are still in it. */
  readAll({ signal }: { signal?: AbortSignal } = {}): Promise<Map<string, Commitment>> {
    const use = (snapshot: Snapshot) => readCommitments(snapshot, this.#netuid);
    return this.#subtensor.read({ what: 'reading the commitments', use, signal });
  }

  /** The subnet and what everybody has committed, as of one block. Hotkeys that left the subnet are still in it. */
  readSubnet({ signal }: { signal?: AbortSignal } = {}): Promise<Subnet> {
    const use = (snapshot: Snapshot) => readSubnet(snapshot, this.#netuid);
    return this.#subtensor.read({ what: 'reading the subnet', use, signal });
  }

  /** The same as of an earlier block; `null` where the node does not keep its state: most keep that of 256 blocks. */
  readSubnetAt({ block, signal }: ReadSubnetAtParameters): Promise<SubnetAt | null> {
    const use = (snapshot: Snapshot) => readSubnetAt(snapshot, this.#netuid, block);
    return this.#subtensor.read({ what: `reading the subnet as of block ${block}`, use, signal });
  }

  /**
   * The place in its block of the transaction that made each commitment: see {@link MetadataStore.readPositions}. One read
   * for each block, and none for one that is final and was read before, or could not be read three times.
   */
  async readPositions({ commitments, signal }: ReadPositionsParameters): Promise<Map<string, number | null>> {
    const asked = new Set(commitments.map(({ block }) => block));
    const isRead = (block: number) => this.#positions.has(block) || this.#unknown.get(block) === MOST_TRIES;
    const unread = [...asked].filter((block) => !isRead(block));
    const read = new Map<number, BlockPositions | null>(this.#positions);
    if (unread.length > 0) {
      const use = (snapshot: Snapshot) => readBlockPositions(snapshot, this.#netuid, unread);
      const { positions, finalBlock } = await this.#subtensor.read({
        what: 'reading the order of commitments',
        use,
        signal,
      });
      for (const [block, places] of positions) {
        read.set(block, places);
        if (block > finalBlock) continue;
        if (places === null) this.#unknown.set(block, (this.#unknown.get(block) ?? 0) + 1);
        else this.#positions.set(block, places);
      }
      for (const blocks of [this.#positions, this.#unknown]) {
        for (const block of blocks.keys()) {
          if (blocks.size <= MOST_BLOCKS) break;
          blocks.delete(block);
        }
      }
    }
    return new Map(commitments.map(({ hotkey, block }) => [hotkey, read.get(block)?.get(hotkey) ?? null]));
  }
}
