import { SETTINGS } from '../description/admin.ts';
import type { Polkadot } from '../description/polkadot.ts';
import type { LocalBeacon } from '../state/beacon.ts';
import type { Plain, RuntimeCodec } from '../state/codec.ts';
import type { Storage } from '../state/storage.ts';
import type { Call, Transaction } from '../state/transaction.ts';
import { batch, batchAll, changeSetting, type Dispatcher, forceBatch, sudo } from './admin.ts';
import { commitWeights, revealWeights } from './commit-reveal.ts';
import { setCommitment } from './commitments.ts';
import { storePulses } from './drand.ts';
import { epochStep } from './epoch.ts';
import { type CallContext, DispatchFailure, type PalletContext } from './pallet-context.ts';
import { burnedRegister } from './registration.ts';
import { addStake, removeStake, transfer } from './staking.ts';
import { revealCommitments } from './timelocked-commitments.ts';
import { commitTimelockedWeights } from './timelocked-weights.ts';
import { rejectionOf } from './validity.ts';
import { setWeights } from './weights.ts';

// Arguments were decoded by the types the runtime declares for each call.
// biome-ignore lint/suspicious/noExplicitAny: see above.
type CallHandler = (context: CallContext, args: any, dispatcher: Dispatcher) => void;

const setRow: CallHandler = (context, { dests, weights, ...rest }) =>
  setWeights(context, { ...rest, uids: dests, values: weights });

/** The signed calls, in polkadot.js spelling. Calls that name a mechanism have one argument more. */
const CALLS: Record<string, CallHandler> = {
  'balances.transferAllowDeath': transfer,
  'balances.transferKeepAlive': transfer,
  'sudo.sudo': sudo,
  'utility.batch': batch,
  'utility.batchAll': batchAll,
  'utility.forceBatch': forceBatch,
  'subtensorModule.addStake': addStake,
  'subtensorModule.removeStake': removeStake,
  'commitments.setCommitment': setCommitment,
  'subtensorModule.burnedRegister': burnedRegister,
  'subtensorModule.registerLimit': burnedRegister,
  'subtensorModule.setWeights': setRow,
  'subtensorModule.setMechanismWeights': setRow,
  'subtensorModule.commitWeights': commitWeights,
  'subtensorModule.commitMechanismWeights': commitWeights,
  'subtensorModule.revealWeights': revealWeights,
  'subtensorModule.revealMechanismWeights': revealWeights,
  'subtensorModule.commitTimelockedWeights': commitTimelockedWeights,
  'subtensorModule.commitTimelockedMechanismWeights': commitTimelockedWeights,
  ...Object.fromEntries(
    Object.keys(SETTINGS).map((name): [string, CallHandler] => [
      `adminUtils.${name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
      (context, args) => changeSetting(name, context, args),
    ]),
  ),
};

function isCall(value: unknown): value is Call {
  return typeof value === 'object' && value !== null && 'call' in value && 'args' in value;
}

/** Every call has the same weight here and no fee. */
const WEIGHT = { refTime: 1_000_000, proofSize: 0 };
const SIGNED_INFO = { weight: WEIGHT, class: 'Normal', paysFee: 'No' };
const INHERENT_INFO = { weight: WEIGHT, class: 'Mandatory', paysFee: 'Yes' };

/** Where in a block an event happened: in its initialization, its finalization, or a transaction by index. */
type Phase = 'Initialization' | 'Finalization' | number;
const PHASES = { Finalization: Uint8Array.of(1), Initialization: Uint8Array.of(2) };

export interface ExecutiveParameters {
  polkadot: Polkadot;
  codec: RuntimeCodec;
  storage: Storage;
  /** The subnets. */
  netuids: number[];
  beacon: LocalBeacon;
}

/** Executes a block: initialization (epochs, clock), transactions in order, finalization. Named after Substrate's. */
export class Executive {
  readonly #polkadot: Polkadot;
  readonly #codec: RuntimeCodec;
  readonly #storage: Storage;
  readonly #netuids: number[];
  readonly #beacon: LocalBeacon;
  #events: Uint8Array[] = [];

  constructor({ polkadot, codec, storage, netuids, beacon }: ExecutiveParameters) {
    this.#polkadot = polkadot;
    this.#codec = codec;
    this.#storage = storage;
    this.#netuids = netuids;
    this.#beacon = beacon;
  }

  /** Whether the runtime has a call, and those that it holds. */
  static canDispatch({ call, args }: Call): boolean {
    const inner = Object.values(args).flat().filter(isCall);
    return Object.hasOwn(CALLS, call) && inner.every(Executive.canDispatch);
  }

  /**
   * Validates a transaction against the state, as `TaggedTransactionQueue_validate_transaction` does.
   * @throws PoolRejection 1010.
   */
  validate({ signer, call, args }: Transaction, block: number): void {
    const rejection = rejectionOf({ ...this.#context('Initialization'), block, signer }, call, args);
    if (rejection) throw rejection;
  }

  /** Reveals and epochs come before the transactions. Returns the block's first extrinsic, the timestamp inherent. */
  initializeBlock({ parentHash, nowMs }: { parentHash: string; nowMs: number }): string {
    const { block } = this.#storage;
    this.#storage.put('System.Number', block);
    this.#storage.put('System.ParentHash', parentHash);
    this.#storage.put('System.BlockHash', block - 1, parentHash);
    const context = this.#context('Initialization');
    if (this.#storage.profile !== 'legacy') revealCommitments(context);
    epochStep(context, this.#netuids);
    this.#storage.put('Timestamp.Now', nowMs);
    this.#record(0, 'System.ExtrinsicSuccess', INHERENT_INFO);
    return this.#codec.inherent('timestamp', 'set', [nowMs]);
  }

  /** Increments the signer's nonce, dispatches the call, and records its events: of a failed call its error alone. */
  applyTransaction({ signer, nonce, tip, call, args }: Transaction, index: number): void {
    const account = this.#storage.get<Record<string, unknown>>('System.Account', signer);
    this.#storage.put('System.Account', signer, { ...account, nonce: nonce + 1 });
    const feePaid = () => this.#record(index, 'TransactionPayment.TransactionFeePaid', signer, 0, tip);
    const failure = this.#attempt({ call, args }, { ...this.#context(index), signer });
    feePaid();
    if (failure) this.#record(index, 'System.ExtrinsicFailed', this.#codec.dispatchError(failure.message), SIGNED_INFO);
    else this.#record(index, 'System.ExtrinsicSuccess', SIGNED_INFO);
  }

  /** Runs a call. One that fails leaves nothing behind, neither what it wrote nor its events. */
  #attempt({ call, args }: Call, context: CallContext): DispatchFailure | null {
    const emitted: [string, ...Plain[]][] = [];
    const emit = (event: string, ...values: Plain[]) => void emitted.push([event, ...values]);
    const own = { ...context, emit };
    try {
      this.#storage.transaction(() =>
        CALLS[call]!(own, args, {
          attempt: (inner, origin) => this.#attempt(inner, { ...own, ...origin }),
          describe: ({ message }) => this.#codec.dispatchError(message),
        }),
      );
      for (const event of emitted) context.emit(...event);
      return null;
    } catch (error) {
      if (!(error instanceof DispatchFailure)) throw error;
      return error;
    }
  }

  /** Stores the beacon's new pulses, and the block's events. */
  finalizeBlock({ nowMs }: { nowMs: number }): void {
    if (this.#storage.profile !== 'legacy') storePulses(this.#context('Finalization'), nowMs);
    const { compactToU8a, u8aConcat, u8aToHex } = this.#polkadot;
    const records = u8aConcat(compactToU8a(this.#events.length), ...this.#events);
    this.#storage.putRaw(this.#codec.key('System.Events', []), u8aToHex(records));
    this.#events = [];
  }

  #context(phase: Phase): PalletContext {
    return {
      storage: this.#storage,
      block: this.#storage.block,
      beacon: this.#beacon,
      emit: (event, ...values) => this.#record(phase, event, ...values),
      hash: (hex) => this.#polkadot.blake2AsHex(hex, 256),
      encode: (values) => this.#codec.encodeBasic(values),
      decode: (type, hex) => this.#codec.decodeBasic(type, hex),
    };
  }

  #record(phase: Phase, event: string, ...values: Plain[]): void {
    const NO_TOPICS = Uint8Array.of(0);
    const { u8aConcat } = this.#polkadot;
    const where =
      typeof phase === 'number' ? u8aConcat(Uint8Array.of(0), this.#codec.encode('u32', phase)) : PHASES[phase];
    this.#events.push(u8aConcat(where, this.#codec.event(event, values), NO_TOPICS));
  }
}
