import { PoolRejection, type Transaction } from '../state/transaction.ts';

/** What becomes of a transaction, as nodes report it. */
export type TransactionStatus =
  | 'ready'
  | 'future'
  | 'invalid'
  | { inBlock: string }
  | { retracted: string }
  | { finalized: string };

export interface PooledTransaction {
  transaction: Transaction;
  onStatus: (status: TransactionStatus) => void;
}

/** Transactions waiting for a block: each account's in the order of their nonces, accounts in the order of arrival. */
export class TransactionPool {
  #waiting: PooledTransaction[] = [];
  /** The nonce an account has on the chain. */
  readonly #nonceOf: (account: string) => number;

  constructor(nonceOf: (account: string) => number) {
    this.#nonceOf = nonceOf;
  }

  get transactions(): Transaction[] {
    return this.#waiting.map(({ transaction }) => transaction);
  }

  get hasReady(): boolean {
    return this.transactions.some(({ signer, nonce }) => nonce === this.#nonceOf(signer));
  }

  /** The nonce an account's next transaction needs, those whose turn comes before counted in. */
  nextNonce(account: string): number {
    const used = this.transactions.filter(({ signer }) => signer === account).map(({ nonce }) => nonce);
    let next = this.#nonceOf(account);
    while (used.includes(next)) next++;
    return next;
  }

  /**
   * @throws PoolRejection 1010 when the nonce was used in a block, 1013 when the transaction is here already, 1014 when
   *   another one with its nonce is.
   */
  add(pooled: PooledTransaction): void {
    const { signer, nonce, hash } = pooled.transaction;
    if (nonce < this.#nonceOf(signer)) throw new PoolRejection(1010, 'Invalid Transaction', 'Transaction is outdated');
    const twin = this.transactions.find((other) => other.signer === signer && other.nonce === nonce);
    if (twin?.hash === hash) throw new PoolRejection(1013, 'Transaction Already Imported', hash);
    if (twin) {
      const why = 'The transaction has too low priority to replace another transaction already in the pool.';
      throw new PoolRejection(1014, 'Priority is too low: (0 vs 0)', why);
    }
    const ready = this.nextNonce(signer);
    this.#waiting.push(pooled);
    pooled.onStatus(nonce === ready ? 'ready' : 'future');
    // It may be what others waited for.
    const nowReady = this.nextNonce(signer);
    for (const { transaction, onStatus } of this.#waiting) {
      const { nonce: other } = transaction;
      if (transaction.signer === signer && other > ready && other < nowReady && nonce === ready) onStatus('ready');
    }
  }

  /** Gives up the transactions that this block comes too late for. */
  dropExpired(block: number): void {
    const expired = this.#waiting.filter(({ transaction }) => transaction.lastBlock < block);
    this.#waiting = this.#waiting.filter((pooled) => !expired.includes(pooled));
    for (const { onStatus } of expired) onStatus('invalid');
  }

  /** Takes back what was in a block that is no more. */
  putBack(retracted: PooledTransaction[]): void {
    this.#waiting.unshift(...retracted);
  }

  /** Forgets everything without a word, as a node does that is switched off. */
  clear(): void {
    this.#waiting = [];
  }

  /** Gives up everything: the runtime that it was signed for is no more. */
  dropAll(): void {
    const dropped = this.#waiting;
    this.#waiting = [];
    for (const { onStatus } of dropped) onStatus('invalid');
  }

  /** Removes and returns the next transaction whose turn it is. */
  takeReady(): PooledTransaction | undefined {
    const place = this.transactions.findIndex(({ signer, nonce }) => nonce === this.#nonceOf(signer));
    return place < 0 ? undefined : this.#waiting.splice(place, 1)[0];
  }
}
