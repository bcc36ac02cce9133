import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Commitment } from '../schema/metagraph.ts';
import { encodePointer, type ModelId } from '../schema/model-id.ts';
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
  /** Called when the chain will take the commitment only from a later block on, with that block. */
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

  /** Resolves when the hotkey may commit on this subnet. @throws FlockOffError `unregistered` in one sentence. */
  async requireRegistered({ address }: HotkeySigner, signal?: AbortSignal): Promise<void> {
    const registered = await this.#subtensor.isRegistered(this.#netuid, address, signal);
    if (!registered) throw unregistered(address, this.#netuid);
  }

  /**
   * Writes a pointer, waiting until the chain takes another commitment of this hotkey: for the end of its cooldown, or
   * for the next epoch where the bytes of this one are used up. A pointer that is there already is left alone.
   * @throws FlockOffError `unregistered`, `chain-rejected` (also when the chain keeps refusing, or never has room),
   *   `chain-unreachable` or `timeout`; `bad-argument` for a pointer of more than 128 bytes.
   */
  async commit(id: ModelId, { hotkey, signal, onWait }: CommitParameters): Promise<CommitReturnType> {
    const pointer = encodePointer(id);
    const info = encodeCommitment(pointer);
    await this.requireRegistered(hotkey, signal);

    const landed = async () => {
      const commitment = await this.#subtensor.commitment(this.#netuid, hotkey.address, signal);
      return commitment?.text === pointer ? { block: commitment.block, blockHash: null } : null;
    };
    for (let attempt = 1; ; attempt++) {
      const inclusion = await landed();
      if (inclusion) return { pointer, ...inclusion };
      await this.#waitForCooldown(hotkey, pointer, attempt === 1 ? 0 : BLIND_WAIT_BLOCKS, { signal, onWait });
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
        if (!isCooldown(error) || attempt === MOST_ATTEMPTS) throw error;
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

  async #waitForCooldown(
    hotkey: HotkeySigner,
    pointer: string,
    blindBlocks: number,
    { signal, onWait }: Omit<CommitParameters, 'hotkey'>,
  ): Promise<void> {
    const bytes = Buffer.byteLength(pointer);
    // Read first, so that what is not allowed yet is later than this block.
    const current = await this.#subtensor.currentBlock(signal);
    const allowed = await this.#subtensor.read(
      'reading the commitment cooldown',
      (snapshot) => nextCommitmentBlock(snapshot, { netuid: this.#netuid, hotkey: hotkey.address, bytes }),
      signal,
    );
    if (allowed === Number.POSITIVE_INFINITY) throw noRoom(hotkey.address, this.#netuid, bytes);
    const block = allowed > current ? allowed : current + blindBlocks;
    // What is sent now is in the next block at the earliest.
    if (block <= current + 1) return;
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

function noRoom(hotkey: string, netuid: number, bytes: number): FlockOffError {
  return new FlockOffError({
    code: 'chain-rejected',
    what: `the chain will never have room for this commitment of ${bytes} bytes: an epoch allows too few bytes, or subnet ${netuid} runs no epochs`,
    fix: 'check that this is the network and the netuid you meant',
    facts: { call: 'commitments.setCommitment', section: 'commitments', name: 'SpaceLimitExceeded', hotkey, netuid },
  });
}

function isCooldown(error: unknown): boolean {
  return error instanceof FlockOffError && COOLDOWN_ERRORS.includes(String(error.facts.name));
}
