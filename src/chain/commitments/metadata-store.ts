import type { Commitment } from '../../schema/metagraph.ts';
import type { ModelId } from '../../schema/model-id.ts';
import type { Subnet, SubnetAt } from '../subnet/subnet.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import type { CommitmentWait } from './send-commitment.ts';

export interface PointerTextParameters extends ModelId {
  signal?: AbortSignal;
}

export interface CommitParameters extends ModelId, CommitmentWait {
  hotkey: HotkeySigner;
}

export interface CommitReturnType {
  /** Text now on the chain. */
  pointer: string;
  /** Block it was written in. */
  block: number;
  /** `null` when the pointer was there already, or only its effect was seen. */
  blockHash: string | null;
}

export interface ReadCommitmentParameters {
  /** ss58 address. */
  hotkey: string;
  signal?: AbortSignal;
}

export interface WaitForRoomParameters extends CommitmentWait {
  /** ss58 address. */
  hotkey: string;
  /** Length of the text. */
  bytes: number;
}

export interface ReadPositionsParameters {
  /** As they are read from the chain. */
  commitments: Pick<Commitment, 'hotkey' | 'block'>[];
  signal?: AbortSignal;
}

export interface ReadSubnetAtParameters {
  block: number;
  signal?: AbortSignal;
}

/** Where the pointers of a subnet's miners are: one per hotkey, the latest wins. */
export interface MetadataStore {
  /** Resolves when the hotkey may commit on this subnet. @throws FlockOffError `unregistered` in one sentence. */
  requireRegistered(parameters: ReadCommitmentParameters): Promise<void>;
  /**
   * The text that {@link MetadataStore.commit} writes for a pointer.
   * @throws FlockOffError `bad-argument` for what is no pointer, or longer than there is room for.
   */
  pointerText(parameters: PointerTextParameters): Promise<string>;
  /** Resolves when another pointer of this hotkey is taken, so that something can be done right before it is written. */
  waitForRoom(parameters: WaitForRoomParameters): Promise<void>;
  /** Writes a pointer, waiting until another one of this hotkey is taken. One that is there already is left alone. */
  commit(parameters: CommitParameters): Promise<CommitReturnType>;
  /** What a hotkey has committed, `null` when nothing. */
  read(parameters: ReadCommitmentParameters): Promise<Commitment | null>;
  /**
   * The place in its block of the transaction that made each commitment, by hotkey: of two commitments in one block, the
   * earlier transaction was first.
   * @returns `null` for a hotkey where it is not known: the node no longer keeps the state of that block, its runtime had
   *   other events, the commitment was a time-locked one, or none was made in that block. Whoever puts commitments in
   *   order takes these after those that are known, and among themselves by uid, the lower first.
   */
  readPositions(parameters: ReadPositionsParameters): Promise<Map<string, number | null>>;
  /** Number of the best block. */
  currentBlock(parameters?: { signal?: AbortSignal }): Promise<number>;
  /** The subnet and what everybody has committed, as of one block. Hotkeys that left the subnet are still in it. */
  readSubnet(parameters?: { signal?: AbortSignal }): Promise<Subnet>;
  /** The same as of an earlier block; `null` where the state of that block is no longer kept. */
  readSubnetAt(parameters: ReadSubnetAtParameters): Promise<SubnetAt | null>;
}
