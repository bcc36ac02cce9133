import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Commitment } from '../schema/metagraph.ts';
import { ModelId } from '../schema/model-id.ts';
import { encodeCommitment, nextCommitmentBlock } from './commitments.ts';
import type { Subtensor } from './subtensor.ts';
import type { HotkeySigner } from './wallet.ts';

export interface ChainMetadataStoreParameters {
  subtensor: Subtensor;
  netuid: number;
}

export interface CommitParameters {
  hotkey: HotkeySigner;
  signal?: AbortSignal;
  /** Called when the chain will take the commitment only from a later block on. */
  onWait?: (wait: { block: number; blocksLeft: number }) => void;
}

export interface CommitReturnType {
  /** Text now on the chain. */
  pointer: string;
  /** Block it was written in. */
  block: number;
}

/** Blocks between two attempts where the runtime does not say when the next commitment is allowed. */
const BLIND_WAIT_BLOCKS = 10;

/**
 * Pointers of miners in the Commitments pallet: one per hotkey and subnet, the latest wins.
 *
 * @example
 * const store = new ChainMetadataStore({ subtensor, netuid: 96 });
 * await store.commit({ repo: 'ann/chat', competition: '1', commit: sha }, { hotkey });
 */
export class ChainMetadataStore {
  readonly #subtensor: Subtensor;
  readonly #netuid: number;

  constructor({ subtensor, netuid }: ChainMetadataStoreParameters) {
    this.#subtensor = subtensor;
    this.#netuid = netuid;
  }

  /**
   * Writes a pointer, waiting through the chain's commitment cooldown. A pointer that is there already is left alone.
   * @throws FlockOffError `unregistered`, `chain-rejected`, `chain-unreachable` or `timeout`; ZodError for a pointer of
   *   more than 128 bytes.
   */
  async commit(id: ModelId, { hotkey, signal, onWait }: CommitParameters): Promise<CommitReturnType> {
    const pointer = ModelId.encode(id);
    await this.#requireRegistered(hotkey);
    const landed = async () => {
      const commitment = await this.read(hotkey.address);
      return commitment?.text === pointer ? { block: commitment.block, blockHash: '' } : null;
    };
    for (;;) {
      const there = await landed();
      if (there) return { pointer, block: there.block };
      await this.#waitForCooldown(hotkey, { signal, onWait });
      try {
        const { block } = await this.#subtensor.submit({
          name: 'commitments.setCommitment',
          call: (api) => api.tx.commitments!.setCommitment!(this.#netuid, encodeCommitment(pointer)),
          hotkey,
          landed,
          signal,
        });
        return { pointer, block };
      } catch (error) {
        if (!isCooldown(error)) throw error;
        const current = await this.#subtensor.currentBlock(signal);
        onWait?.({ block: current + BLIND_WAIT_BLOCKS, blocksLeft: BLIND_WAIT_BLOCKS });
        await this.#subtensor.waitForBlock(current + BLIND_WAIT_BLOCKS, { signal });
      }
    }
  }

  /** What a hotkey has committed, `null` when nothing. */
  read(hotkey: string): Promise<Commitment | null> {
    return this.#subtensor.commitment(this.#netuid, hotkey);
  }

  /** What everybody has committed, by hotkey, in one map read. Hotkeys that left the subnet are still in it. */
  readAll(): Promise<Map<string, Commitment>> {
    return this.#subtensor.commitments(this.#netuid);
  }

  async #requireRegistered(hotkey: HotkeySigner): Promise<void> {
    if ((await this.#subtensor.uid(this.#netuid, hotkey.address)) !== null) return;
    throw unregistered(hotkey.address, this.#netuid);
  }

  async #waitForCooldown(hotkey: HotkeySigner, { signal, onWait }: Omit<CommitParameters, 'hotkey'>): Promise<void> {
    const block = await this.#subtensor.read(
      'reading the cooldown',
      (api) => nextCommitmentBlock(api, this.#netuid, hotkey.address),
      signal,
    );
    if (block === null) return;
    // The transaction lands in the block after the current one, so it may be sent one block before.
    const current = await this.#subtensor.currentBlock(signal);
    if (current >= block - 1) return;
    onWait?.({ block, blocksLeft: block - current });
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

function isCooldown(error: unknown): boolean {
  const name = error instanceof FlockOffError ? error.facts.name : undefined;
  return name === 'CommitmentSetRateLimitExceeded' || name === 'SpaceLimitExceeded';
}
