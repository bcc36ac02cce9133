import { PoolRejection, type Transaction } from '../state/transaction.ts';

/** A transaction's status, as nodes report it. */
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

  /** An account's next nonce, its pending transactions included. */
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
    const same = this.transactions.find((other) => other.signer === signer && other.nonce === nonce);
    if (same?.hash === hash) throw new PoolRejection(1013, 'Transaction Already Imported', hash);
    if (same) {
      const why = 'The transaction has too low priority to replace another transaction already in the pool.';
      throw new PoolRejection(1014, 'Priority is too low: (0 vs 0)', why);
    }
    const ready = this.nextNonce(signer);
    this.#waiting.push(pooled);
    pooled.onStatus(nonce === ready ? 'ready' : 'future');
    // Transactions with later nonces may have waited for it.
    const nowReady = this.nextNonce(signer);
    for (const { transaction, onStatus } of this.#waiting) {
      const { nonce: other } = transaction;
      if (transaction.signer === signer && other > ready && other < nowReady && nonce === ready) onStatus('ready');
    }
  }

  /** Drops the transactions whose mortal era ended before this block. */
  dropExpired(block: number): void {
    const expired = this.#waiting.filter(({ transaction }) => transaction.lastBlock < block);
    this.#waiting = this.#waiting.filter((pooled) => !expired.includes(pooled));
    for (const { onStatus } of expired) onStatus('invalid');
  }

  /** Returns the transactions of a retracted block to the pool. */
  putBack(retracted: PooledTransaction[]): void {
    this.#waiting.unshift(...retracted);
  }

  /** Drops everything without a status, as a node does that is switched off. */
  clear(): void {
    this.#waiting = [];
  }

  /** Drops everything as invalid: it was signed for another runtime. */
  dropAll(): void {
    const dropped = this.#waiting;
    this.#waiting = [];
    for (const { onStatus } of dropped) onStatus('invalid');
  }

  /** Removes and returns the next ready transaction. */
  takeReady(): PooledTransaction | undefined {
    const place = this.transactions.findIndex(({ signer, nonce }) => nonce === this.#nonceOf(signer));
    return place < 0 ? undefined : this.#waiting.splice(place, 1)[0];
  }
}
