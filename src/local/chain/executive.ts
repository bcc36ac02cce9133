import type { Plain, RuntimeCodec } from './codec.ts';
import type { CommitmentLimit } from './commitment-limit.ts';
import { commitWeights, revealWeights } from './pallets/commit-reveal.ts';
import { setCommitment } from './pallets/commitments.ts';
import { epochStep } from './pallets/epoch.ts';
import { type CallContext, DispatchFailure } from './pallets/pallet-context.ts';
import { burnedRegister } from './pallets/registration.ts';
import { setWeights } from './pallets/weights.ts';
import type { Polkadot } from './polkadot.ts';
import type { Storage } from './storage.ts';
import type { Transaction } from './transaction.ts';

// Arguments were decoded by the types the runtime declares for each call.
// biome-ignore lint/suspicious/noExplicitAny: see above.
type Call = (context: CallContext, args: any) => void;

/** The calls one can sign, in polkadot.js spelling. */
const CALLS: Record<string, Call> = {
  'commitments.setCommitment': setCommitment,
  'subtensorModule.burnedRegister': burnedRegister,
  'subtensorModule.commitWeights': commitWeights,
  'subtensorModule.revealWeights': revealWeights,
  'subtensorModule.setWeights': (context, { dests, weights, ...rest }) =>
    setWeights(context, { ...rest, uids: dests, values: weights }),
};

/** Every call weighs the same here and costs nothing. */
const WEIGHT = { refTime: 1_000_000, proofSize: 0 };
const SIGNED_INFO = { weight: WEIGHT, class: 'Normal', paysFee: 'No' };
const INHERENT_INFO = { weight: WEIGHT, class: 'Mandatory', paysFee: 'Yes' };

export interface ExecutiveParameters {
  polkadot: Polkadot;
  codec: RuntimeCodec;
  storage: Storage;
  /** The subnets. */
  netuids: number[];
  commitmentLimit: CommitmentLimit;
}

/** Runs a block: its start (clock, epochs), its transactions one after the other, its end. Named after Substrate's. */
export class Executive {
  readonly #polkadot: Polkadot;
  readonly #codec: RuntimeCodec;
  readonly #storage: Storage;
  readonly #netuids: number[];
  readonly #commitmentLimit: CommitmentLimit;
  #events: Uint8Array[] = [];

  constructor({ polkadot, codec, storage, netuids, commitmentLimit }: ExecutiveParameters) {
    this.#polkadot = polkadot;
    this.#codec = codec;
    this.#storage = storage;
    this.#netuids = netuids;
    this.#commitmentLimit = commitmentLimit;
  }

  static canDispatch(call: string): boolean {
    return Object.hasOwn(CALLS, call);
  }

  /** Epochs run before the transactions of their block. Returns the block's first extrinsic, which sets the clock. */
  initializeBlock({ parentHash, nowMs }: { parentHash: string; nowMs: number }): string {
    const { block } = this.#storage;
    this.#storage.put('System.Number', block);
    this.#storage.put('System.ParentHash', parentHash);
    this.#storage.put('System.BlockHash', block - 1, parentHash);
    epochStep(this.#storage, this.#netuids, block);
    this.#storage.put('Timestamp.Now', nowMs);
    this.#record(0, 'System.ExtrinsicSuccess', INHERENT_INFO);
    return this.#codec.inherent('timestamp', 'set', [nowMs]);
  }

  /** Uses the signer's nonce, runs the call, and records its events; a refused call leaves nothing but its error. */
  applyTransaction({ signer, publicKey, nonce, tip, call, args }: Transaction, index: number): void {
    const account = this.#storage.get<Record<string, unknown>>('System.Account', signer);
    this.#storage.put('System.Account', signer, { ...account, nonce: nonce + 1 });
    const { blake2AsHex, u8aConcat } = this.#polkadot;
    const emitted: [string, ...Plain[]][] = [];
    const context: CallContext = {
      storage: this.#storage,
      block: this.#storage.block,
      signer,
      publicKey,
      commitmentLimit: this.#commitmentLimit,
      emit: (event, ...values) => void emitted.push([event, ...values]),
      hash: (values) => blake2AsHex(u8aConcat(...values.map(([type, value]) => this.#codec.encode(type, value))), 256),
    };
    const feePaid = () => this.#record(index, 'TransactionPayment.TransactionFeePaid', signer, 0, tip);
    try {
      CALLS[call]!(context, args);
      for (const event of emitted) this.#record(index, ...event);
      feePaid();
      this.#record(index, 'System.ExtrinsicSuccess', SIGNED_INFO);
    } catch (error) {
      if (!(error instanceof DispatchFailure)) throw error;
      feePaid();
      this.#record(index, 'System.ExtrinsicFailed', this.#codec.dispatchError(error.message), SIGNED_INFO);
    }
  }

  /** Stores the block's events. */
  finalizeBlock(): void {
    const { compactToU8a, u8aConcat, u8aToHex } = this.#polkadot;
    const records = u8aConcat(compactToU8a(this.#events.length), ...this.#events);
    this.#storage.putRaw(this.#codec.key('System.Events', []), u8aToHex(records));
    this.#events = [];
  }

  #record(extrinsic: number, event: string, ...values: Plain[]): void {
    const APPLY_EXTRINSIC = Uint8Array.of(0);
    const NO_TOPICS = Uint8Array.of(0);
    const index = this.#codec.encode('u32', extrinsic);
    this.#events.push(this.#polkadot.u8aConcat(APPLY_EXTRINSIC, index, this.#codec.event(event, values), NO_TOPICS));
  }
}
