import { Turns } from '../../shared/turns.ts';

/** Pending transactions of one account in this process. */
export interface Account {
  /** Nonces of transactions that a node has accepted and whose outcome is not known yet. */
  readonly underWay: Set<number>;
  /**
   * Whether the transaction pool may hold a transaction that this process does not track: at first, since an earlier
   * process may have been killed, and again whenever the outcome of a call stays unknown.
   */
  unsure: boolean;
}

/**
 * A lock for each account: a nonce is chosen, signed and accepted by the node before the next is chosen, so concurrent
 * calls get consecutive nonces, and a refused one leaves no gap.
 */
export class NonceLocks {
  readonly #accounts = new Map<string, Account & { turns: Turns }>();

  /** Resolves when it is this call's turn; the turn ends when `end` is called, once or more. */
  async take(address: string, signal?: AbortSignal): Promise<{ account: Account; end: () => void }> {
    const account = this.#accounts.get(address) ?? { underWay: new Set(), unsure: true, turns: new Turns() };
    this.#accounts.set(address, account);
    return { account, end: await account.turns.take(signal) };
  }
}
