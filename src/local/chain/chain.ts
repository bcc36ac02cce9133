import type { Clock } from '../../shared/clock.ts';
import { type Plain, RuntimeCodec } from './codec.ts';
import { commitWeights, revealWeights } from './pallets/commit-reveal.ts';
import { setCommitment } from './pallets/commitments.ts';
import { epochIsDue, runEpoch } from './pallets/epoch.ts';
import { type CallContext, DispatchFailure } from './pallets/pallet-context.ts';
import { setWeights } from './pallets/weights.ts';
import type { Polkadot } from './polkadot.ts';
import { runtimePallets } from './runtime.ts';
import { Storage } from './storage.ts';
import { decodeTransaction, invalid, type Transaction } from './transaction.ts';

/** A block header as nodes answer it. */
export interface Header {
  parentHash: string;
  number: string;
  stateRoot: string;
  extrinsicsRoot: string;
  digest: { logs: never[] };
}

export interface Block {
  number: number;
  hash: string;
  header: Header;
  /** `0x` hex. */
  extrinsics: string[];
}

/** A transaction in the pool, and who wants to know what becomes of it. */
interface Pooled {
  transaction: Transaction;
  onStatus: (status: unknown) => void;
}

export interface ChainParameters {
  polkadot: Polkadot;
  clock: Clock;
  commitmentCooldownBlocks: number;
}

const ZERO_HASH = `0x${'00'.repeat(32)}`;
/** Every call weighs the same here and costs nothing. */
const DISPATCH_INFO = { weight: { refTime: 1_000_000, proofSize: 0 }, class: 'Normal', paysFee: 'No' };

/** Blocks, the pool, and the runtime that turns one into the other. Every block is final at once. */
export class Chain {
  readonly codec: RuntimeCodec;
  readonly storage: Storage;
  readonly blocks: Block[] = [];
  /** Called after every block. */
  readonly onBlock = new Set<(block: Block) => void>();
  readonly #polkadot: Polkadot;
  readonly #clock: Clock;
  readonly #cooldownBlocks: number;
  readonly #netuids = new Set<number>();
  #pool: Pooled[] = [];

  constructor({ polkadot, clock, commitmentCooldownBlocks }: ChainParameters) {
    this.#polkadot = polkadot;
    this.#clock = clock;
    this.#cooldownBlocks = commitmentCooldownBlocks;
    this.codec = new RuntimeCodec(polkadot, runtimePallets({ commitmentCooldownBlocks }));
    this.storage = new Storage(this.codec);
  }

  get best(): Block {
    return this.blocks.at(-1)!;
  }

  byHash(hash: string): Block | undefined {
    return this.blocks.find((block) => block.hash === hash);
  }

  get pending(): string[] {
    return this.#pool.map(({ transaction }) => transaction.hex);
  }

  /** The nonce an account's next transaction needs, those waiting in the pool counted in. */
  nextNonce(account: string): number {
    const nonces = this.#pool
      .filter(({ transaction }) => transaction.signer === account)
      .map(({ transaction }) => transaction.nonce);
    return Math.max(this.#nonce(account), ...nonces.map((nonce) => nonce + 1));
  }

  /** Makes a subnet part of the chain, so that its epochs run. */
  addSubnet(netuid: number): void {
    this.#netuids.add(netuid);
  }

  /** Closes the genesis block: what was written to the storage so far is the state the chain begins with. */
  begin(): void {
    this.#seal([], []);
  }

  /**
   * Takes a transaction into the pool.
   * @throws PoolRejection for a bad signature, a used nonce, or bytes the runtime cannot read.
   */
  submit(hex: string, onStatus: Pooled['onStatus'] = () => {}): string {
    const transaction = decodeTransaction({
      polkadot: this.#polkadot,
      codec: this.codec,
      hex,
      block: this.best.number + 1,
      blockHash: (block) => this.blocks[block]?.hash,
    });
    if (transaction.nonce < this.#nonce(transaction.signer)) throw invalid('Transaction is outdated');
    const twin = this.#pool.some(
      (other) => other.transaction.signer === transaction.signer && other.transaction.nonce === transaction.nonce,
    );
    if (twin) throw invalid('Transaction is outdated');
    this.#pool.push({ transaction, onStatus });
    onStatus(transaction.nonce === this.#nonce(transaction.signer) ? 'ready' : 'future');
    return transaction.hash;
  }

  /** Makes the next block of every transaction whose turn it is. */
  produceBlock(): Block {
    const block = this.best.number + 1;
    this.storage.block = block;
    this.storage.put('System.Number', block);
    this.storage.put('System.BlockHash', block - 1, this.best.hash);
    this.storage.put('Timestamp.Now', this.#clock.nowMs());
    const events: Uint8Array[] = [];
    const included: Pooled[] = [];
    for (let next = this.#takeReady(); next; next = this.#takeReady()) {
      this.#apply(next.transaction, block, included.length, events);
      included.push(next);
    }
    for (const netuid of this.#netuids) {
      if (epochIsDue(netuid, this.storage.get('SubtensorModule.Tempo', netuid), block)) runEpoch(this.storage, netuid);
    }
    const sealed = this.#seal(
      included.map(({ transaction }) => transaction.hex),
      events,
    );
    for (const { onStatus } of included) {
      onStatus({ inBlock: sealed.hash });
      onStatus({ finalized: sealed.hash });
    }
    for (const listener of this.onBlock) listener(sealed);
    return sealed;
  }

  #takeReady(): Pooled | undefined {
    const place = this.#pool.findIndex(({ transaction }) => transaction.nonce === this.#nonce(transaction.signer));
    return place < 0 ? undefined : this.#pool.splice(place, 1)[0];
  }

  #apply(transaction: Transaction, block: number, index: number, events: Uint8Array[]): void {
    const { signer, publicKey } = transaction;
    const account = this.storage.get<Record<string, unknown>>('System.Account', signer);
    this.storage.put('System.Account', signer, { ...account, nonce: transaction.nonce + 1 });
    const record = (event: string, ...values: Plain[]) => events.push(this.#eventRecord(index, event, values));
    const emitted: [string, ...Plain[]][] = [];
    const { u8aConcat, blake2AsHex } = this.#polkadot;
    const context: CallContext = {
      storage: this.storage,
      block,
      signer,
      publicKey,
      emit: (event, ...values) => void emitted.push([event, ...values]),
      hash: (values) => blake2AsHex(u8aConcat(...values.map(([type, value]) => this.codec.encode(type, value))), 256),
    };
    try {
      this.#dispatch(context, transaction);
      for (const event of emitted) record(...event);
      record('System.ExtrinsicSuccess', DISPATCH_INFO);
    } catch (error) {
      if (!(error instanceof DispatchFailure)) throw error;
      record('System.ExtrinsicFailed', this.codec.dispatchError(error.message), DISPATCH_INFO);
    }
  }

  #dispatch(context: CallContext, { call, args }: Transaction): void {
    // biome-ignore lint/suspicious/noExplicitAny: arguments were decoded by the types the runtime declares for each call.
    const [a, b, c, d, e] = args as any[];
    if (call === 'commitments.setCommitment') setCommitment(context, this.#cooldownBlocks, { netuid: a, info: b });
    else if (call === 'subtensorModule.setWeights')
      setWeights(context, { netuid: a, uids: b, values: c, versionKey: d });
    else if (call === 'subtensorModule.commitWeights') commitWeights(context, { netuid: a, commitHash: b });
    else if (call === 'subtensorModule.revealWeights')
      revealWeights(context, { netuid: a, uids: b, values: c, salt: d, versionKey: e });
  }

  #eventRecord(extrinsic: number, event: string, values: Plain[]): Uint8Array {
    const APPLY_EXTRINSIC = Uint8Array.of(0);
    const NO_TOPICS = Uint8Array.of(0);
    return this.#polkadot.u8aConcat(
      APPLY_EXTRINSIC,
      this.codec.encode('u32', extrinsic),
      this.codec.event(event, values),
      NO_TOPICS,
    );
  }

  #seal(extrinsics: string[], events: Uint8Array[]): Block {
    const { u8aConcat, u8aToHex, compactToU8a, blake2AsHex, hexToU8a } = this.#polkadot;
    const number = this.storage.block;
    const records = u8aConcat(compactToU8a(events.length), ...events);
    this.storage.putRaw(this.codec.key('System.Events', []), u8aToHex(records));
    const changes = this.storage.changedIn(number).map((key) => key + (this.storage.raw(key, number) ?? ''));
    const header: Header = {
      parentHash: this.blocks.at(-1)?.hash ?? ZERO_HASH,
      number: `0x${number.toString(16)}`,
      stateRoot: blake2AsHex(
        u8aConcat(hexToU8a(this.blocks.at(-1)?.header.stateRoot ?? ZERO_HASH), changes.join()),
        256,
      ),
      extrinsicsRoot: blake2AsHex(extrinsics.join(), 256),
      digest: { logs: [] },
    };
    const hash = this.codec.registry.createType('Header', header).hash.toHex();
    const block = { number, hash, header, extrinsics };
    this.blocks.push(block);
    return block;
  }

  #nonce(account: string): number {
    return this.storage.get<{ nonce: number }>('System.Account', account).nonce;
  }
}
