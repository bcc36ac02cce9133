import { abortable } from '../../shared/abortable.ts';

/** What one account has under way in this process. */
export interface Account {
  /** Nonces of transactions that a node has taken and whose fate is not known yet. */
  readonly underWay: Set<number>;
  /**
   * Whether something of it may be on its way that nobody here waits for: at first, since a process before this one may
   * have been killed, and again whenever it was not learnt what became of a call.
   */
  unsure: boolean;
}

/**
 * Gives every account one turn at a time: a nonce is chosen, signed and taken by the node before the next is chosen, so
 * calls that are sent at the same time get nonces without gaps, and a refused one leaves none.
 */
export class AccountTurns {
  readonly #accounts = new Map<string, Account & { last: Promise<void> }>();

  /** Resolves when it is this call's turn; the turn ends when `end` is called, once or more. */
  async take(address: string, signal?: AbortSignal): Promise<{ account: Account; end: () => void }> {
    const account = this.#accounts.get(address) ?? { underWay: new Set(), unsure: true, last: Promise.resolve() };
    this.#accounts.set(address, account);
    const before = account.last;
    let end = () => {};
    const turn = new Promise<void>((resolve) => {
      end = resolve;
    });
    account.last = before.then(() => turn);
    try {
      await (signal ? abortable(before, signal) : before);
    } catch (error) {
      end();
      throw error;
    }
    return { account, end };
  }
}
