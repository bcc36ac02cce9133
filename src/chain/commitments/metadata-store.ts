import type { Commitment } from '../../schema/metagraph.ts';
import type { ModelId } from '../../schema/model-id.ts';
import type { Subnet } from '../subnet/subnet.ts';
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
  /** Writes a pointer, waiting until another one of this hotkey is taken. One that is there already is left alone. */
  commit(parameters: CommitParameters): Promise<CommitReturnType>;
  /** What a hotkey has committed, `null` when nothing. */
  read(parameters: ReadCommitmentParameters): Promise<Commitment | null>;
  /** The subnet and what everybody has committed, as of one block. Hotkeys that left the subnet are still in it. */
  readSubnet(parameters?: { signal?: AbortSignal }): Promise<Subnet>;
  /** The same as of an earlier block; `null` where the state of that block is no longer kept. */
  readSubnetAt(parameters: ReadSubnetAtParameters): Promise<Subnet | null>;
  /** The place in its block of the transaction that made each commitment, by hotkey; `null` where it is not known. */
  readPositions(parameters: ReadPositionsParameters): Promise<Map<string, number | null>>;
}
