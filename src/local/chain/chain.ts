import type { Clock } from '../../shared/clock.ts';
import { RuntimeCodec } from './codec.ts';
import type { CommitmentLimit } from './commitment-limit.ts';
import { Executive } from './executive.ts';
import type { Polkadot } from './polkadot.ts';
import { TransactionPool, type TransactionStatus } from './pool.ts';
import { runtimePallets } from './runtime.ts';
import { Storage } from './storage.ts';
import { decodeTransaction, invalid } from './transaction.ts';

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

export interface ChainParameters {
  polkadot: Polkadot;
  clock: Clock;
  /** The subnets. */
  netuids: number[];
  commitmentLimit: CommitmentLimit;
}

const ZERO_HASH = `0x${'00'.repeat(32)}`;

/** Blocks, the pool, and the runtime that turns one into the other. Every block is final at once. */
export class Chain {
  readonly codec: RuntimeCodec;
  readonly storage: Storage;
  readonly pool: TransactionPool;
  /** By number. */
  readonly blocks: Block[] = [];
  /** Called after every block. */
  readonly onBlock = new Set<(block: Block) => void>();
  readonly #byHash = new Map<string, Block>();
  readonly #polkadot: Polkadot;
  readonly #clock: Clock;
  readonly #executive: Executive;

  constructor({ polkadot, clock, netuids, commitmentLimit }: ChainParameters) {
    this.#polkadot = polkadot;
    this.#clock = clock;
    this.codec = new RuntimeCodec(polkadot, runtimePallets({ commitmentLimit }));
    this.storage = new Storage(this.codec);
    this.pool = new TransactionPool((account) => this.storage.get<{ nonce: number }>('System.Account', account).nonce);
    const { codec, storage } = this;
    this.#executive = new Executive({ polkadot, codec, storage, netuids, commitmentLimit });
  }

  get best(): Block {
    return this.blocks.at(-1)!;
  }

  byHash(hash: string): Block | undefined {
    return this.#byHash.get(hash);
  }

  /** Seals the genesis block: what was written to the storage so far is the state the chain begins with. */
  begin(): void {
    this.#executive.finalizeBlock();
    this.#seal([]);
  }

  /**
   * Takes a transaction into the pool and returns its hash.
   * @throws PoolRejection for a bad signature, a used nonce, or bytes the runtime cannot read.
   */
  submit(hex: string, onStatus: (status: TransactionStatus) => void = () => {}): string {
    const transaction = decodeTransaction({
      polkadot: this.#polkadot,
      codec: this.codec,
      hex,
      block: this.best.number + 1,
      blockHash: (block) => this.blocks[block]?.hash,
    });
    if (!Executive.canDispatch(transaction.call)) throw invalid('Transaction call is not expected');
    this.pool.add({ transaction, onStatus });
    return transaction.hash;
  }

  /** Makes the next block of every transaction whose turn it is. */
  produceBlock(): Block {
    const parent = this.best;
    const number = parent.number + 1;
    this.storage.startBlock(number);
    const extrinsics = [this.#executive.initializeBlock({ parentHash: parent.hash, nowMs: this.#clock.nowMs() })];
    this.pool.dropExpired(number);
    const included = [];
    for (let next = this.pool.takeReady(); next; next = this.pool.takeReady()) {
      this.#executive.applyTransaction(next.transaction, extrinsics.length);
      extrinsics.push(next.transaction.hex);
      included.push(next);
    }
    this.#executive.finalizeBlock();
    const { hash } = this.#seal(extrinsics);
    for (const { onStatus } of included) {
      onStatus({ inBlock: hash });
      onStatus({ finalized: hash });
    }
    for (const listener of this.onBlock) listener(this.best);
    return this.best;
  }

  /** There is no trie: the state root follows from the one before and what changed, so equal histories have equal roots. */
  #seal(extrinsics: string[]): Block {
    const { blake2AsHex } = this.#polkadot;
    const number = this.storage.block;
    const parent = this.blocks.at(-1);
    const changes = this.storage.changed.map((key) => `${key}=${this.storage.raw(key, number)}`);
    const header: Header = {
      parentHash: parent?.hash ?? ZERO_HASH,
      number: `0x${number.toString(16)}`,
      stateRoot: blake2AsHex([parent?.header.stateRoot, ...changes].join(), 256),
      extrinsicsRoot: blake2AsHex(extrinsics.join(), 256),
      digest: { logs: [] },
    };
    const hash = this.codec.registry.createType('Header', header).hash.toHex();
    const block = { number, hash, header, extrinsics };
    this.blocks.push(block);
    this.#byHash.set(hash, block);
    return block;
  }
}
