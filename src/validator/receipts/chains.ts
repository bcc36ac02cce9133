import type { Receipt } from './receipt.ts';

/** The last report of each chain so far, of reports that are gone through by block. */
export class Chains<T extends { sha256: string }> {
  readonly #last = new Map<string, T>();

  /**
   * The one that a report goes on from: that which it names, since what was played alone before goes on in the chain of
   * then, else the last of its chain.
   */
  before(chain: string, { previous }: Pick<Receipt, 'previous'>): T | null {
    const named = [...this.#last.values()].find(({ sha256 }) => sha256 === previous?.sha256);
    return named ?? this.#last.get(chain) ?? null;
  }

  add(chain: string, last: T): void {
    this.#last.set(chain, last);
  }
}
