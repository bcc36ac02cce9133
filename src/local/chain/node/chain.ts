import type { Clock } from '../../../shared/clock.ts';
import type { RuntimeParameters } from '../description/pallet.ts';
import type { Polkadot } from '../description/polkadot.ts';
import { type Profile, SPEC_VERSIONS } from '../description/profile.ts';
import { installBeacon } from '../pallets/drand.ts';
import { Executive } from '../pallets/executive.ts';
import type { LocalBeacon } from '../state/beacon.ts';
import { RuntimeCodec } from '../state/codec.ts';
import { Storage } from '../state/storage.ts';
import { decodeTransaction, invalid, PoolRejection, type Transaction } from '../state/transaction.ts';
import { type PooledTransaction, TransactionPool, type TransactionStatus } from './pool.ts';
import { upgradeStorage } from './upgrade.ts';

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
  /** The runtime that the chain begins with. */
  runtime: RuntimeParameters;
  clock: Clock;
  beacon: LocalBeacon;
  /** The subnets. */
  netuids: number[];
  /** How many of the latest blocks are not final. */
  finalityLagBlocks: number;
}

const ZERO_HASH = `0x${'00'.repeat(32)}`;

/** The blocks, the transaction pool, and the runtime that makes blocks of its transactions. */
export class Chain {
  readonly storage: Storage;
  readonly pool: TransactionPool;
  /** By number. */
  readonly blocks: Block[] = [];
  /** Called after every block. */
  readonly onBlock = new Set<(block: Block) => void>();
  /** Called after the first block of another runtime. */
  readonly onUpgrade = new Set<(codec: RuntimeCodec) => void>();
  /** Called with every block that becomes final. */
  readonly onFinal = new Set<(block: Block) => void>();
  readonly #byHash = new Map<string, Block>();
  /** Transactions of blocks that are not final yet, by the block's hash. */
  readonly #unsettled = new Map<string, PooledTransaction[]>();
  readonly #parameters: ChainParameters;
  /** Every runtime so far and the first block it made, oldest first. */
  readonly #runtimes: { codec: RuntimeCodec; since: number }[];
  #executive: Executive;
  #upgrade: RuntimeCodec | null = null;

  constructor(parameters: ChainParameters) {
    const { polkadot, runtime } = parameters;
    const codec = new RuntimeCodec(polkadot, runtime);
    this.#parameters = parameters;
    this.#runtimes = [{ codec, since: 0 }];
    this.storage = new Storage(codec);
    this.pool = new TransactionPool((account) => this.storage.get<{ nonce: number }>('System.Account', account).nonce);
    this.#executive = new Executive({ ...parameters, codec, storage: this.storage });
  }

  /** The runtime that made the latest block. */
  get codec(): RuntimeCodec {
    return this.#runtimes.at(-1)!.codec;
  }

  /** The runtime that made a block. */
  codecAt(block: number): RuntimeCodec {
    return this.#runtimes.findLast(({ since }) => since <= block)!.codec;
  }

  get best(): Block {
    return this.blocks.at(-1)!;
  }

  /** The latest final block. */
  get final(): Block {
    return this.blocks[Math.max(0, this.best.number - this.#parameters.finalityLagBlocks)]!;
  }

  byHash(hash: string): Block | undefined {
    return this.#byHash.get(hash);
  }

  /** Seals the genesis block: what was written to the storage so far is the genesis state. */
  begin(): void {
    const { beacon, clock } = this.#parameters;
    const nowMs = clock.nowMs();
    if (this.codec.profile !== 'legacy') installBeacon(this.storage, beacon, nowMs);
    this.#executive.finalizeBlock({ nowMs });
    this.#seal([]);
  }

  /** From the next block on the runtime is a later one; a chain that has it, or one after it, stays as it is. */
  upgrade(profile: Profile): void {
    const { polkadot, runtime } = this.#parameters;
    if (SPEC_VERSIONS[profile] > this.codec.specVersion)
      this.#upgrade = new RuntimeCodec(polkadot, { ...runtime, profile });
  }

  /**
   * Takes a transaction into the pool and returns its hash.
   * @throws PoolRejection for a bad signature, a used nonce, bytes the runtime cannot read, or a call it refuses.
   */
  submit(hex: string, onStatus: (status: TransactionStatus) => void = () => {}): string {
    const transaction = decodeTransaction({
      polkadot: this.#parameters.polkadot,
      codec: this.codec,
      hex,
      block: this.best.number + 1,
      blockHash: (block) => this.blocks[block]?.hash,
    });
    if (!Executive.canDispatch(transaction)) throw invalid('Transaction call is not expected');
    this.#executive.validate(transaction, this.best.number + 1);
    this.pool.add({ transaction, onStatus });
    return transaction.hash;
  }

  /** Produces the next block, with every ready transaction or, `empty`, with none. */
  produceBlock({ empty = false } = {}): Block {
    const parent = this.best;
    const number = parent.number + 1;
    const nowMs = this.#parameters.clock.nowMs();
    this.storage.startBlock(number);
    const upgraded = this.#applyUpgrade(number, nowMs);
    const extrinsics = [this.#executive.initializeBlock({ parentHash: parent.hash, nowMs })];
    this.pool.dropExpired(number);
    const included: PooledTransaction[] = [];
    for (let next = empty ? undefined : this.pool.takeReady(); next; next = this.pool.takeReady()) {
      if (!this.#isStillValid(next.transaction)) {
        next.onStatus('invalid');
        continue;
      }
      this.#executive.applyTransaction(next.transaction, extrinsics.length);
      extrinsics.push(next.transaction.hex);
      included.push(next);
    }
    this.#executive.finalizeBlock({ nowMs });
    const { hash } = this.#seal(extrinsics);
    this.#unsettled.set(hash, included);
    for (const { onStatus } of included) onStatus({ inBlock: hash });
    for (const listener of this.onBlock) listener(this.best);
    this.#finalize(this.final);
    if (upgraded) for (const listener of this.onUpgrade) listener(this.codec);
    return this.best;
  }

  /**
   * Retracts the best block: its transactions are pending again, an empty block takes its place, and the one after that,
   * which includes them, is the best. A final block, and one that changed the runtime, cannot be retracted.
   */
  reorg(): void {
    const retracted = this.best;
    if (retracted === this.final) throw new Error(`block ${retracted.number} is final`);
    if (this.#runtimes.at(-1)!.since === retracted.number) throw new Error('the runtime was upgraded in this block');
    this.storage.rollBack(retracted.number);
    this.blocks.pop();
    const pending = this.#unsettled.get(retracted.hash) ?? [];
    this.#unsettled.delete(retracted.hash);
    this.pool.putBack(pending);
    for (const { onStatus } of pending) onStatus({ retracted: retracted.hash });
    this.produceBlock({ empty: true });
    this.produceBlock();
  }

  #finalize(block: Block): void {
    const settled = this.#unsettled.get(block.hash);
    if (!settled) return;
    this.#unsettled.delete(block.hash);
    for (const { onStatus } of settled) onStatus({ finalized: block.hash });
    for (const listener of this.onFinal) listener(block);
  }

  /** Changes the runtime before the first block it makes. Transactions signed for the one before are no longer valid. */
  #applyUpgrade(block: number, nowMs: number): boolean {
    const codec = this.#upgrade;
    if (!codec) return false;
    const { beacon, netuids } = this.#parameters;
    this.#upgrade = null;
    this.#runtimes.push({ codec, since: block });
    const fromLegacy = this.storage.profile === 'legacy';
    if (fromLegacy) upgradeStorage(this.storage, codec, netuids);
    else this.storage.upgrade(codec);
    if (fromLegacy) installBeacon(this.storage, beacon, nowMs);
    this.#executive = new Executive({ ...this.#parameters, codec, storage: this.storage });
    this.pool.dropAll();
    return true;
  }

  /** Whether a transaction is still valid: those before it in the block may have changed that. */
  #isStillValid(transaction: Transaction): boolean {
    try {
      this.#executive.validate(transaction, this.storage.block);
      return true;
    } catch (error) {
      if (!(error instanceof PoolRejection)) throw error;
      return false;
    }
  }

  /** There is no trie: the state root follows from the one before and what changed, so equal histories have equal roots. */
  #seal(extrinsics: string[]): Block {
    const { blake2AsHex } = this.#parameters.polkadot;
    const number = this.storage.block;
    const parent = this.blocks.at(-1);
    const header: Header = {
      parentHash: parent?.hash ?? ZERO_HASH,
      number: `0x${number.toString(16)}`,
      stateRoot: blake2AsHex([parent?.header.stateRoot, ...this.storage.changes].join(), 256),
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
