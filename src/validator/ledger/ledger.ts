import type { ShownDataset } from './showing.ts';

/** What is known of one hotkey. */
export interface LedgerEntry {
  hotkey: string;
  coldkey: string;
  /** Datasets it has shown, the latest first. */
  showings: ShownDataset[];
  /** Bytes of new datasets read of it in the last day. */
  received: { block: number; bytes: number }[];
  /** Its pointer as long as nobody can read what it names. */
  unreadable: {
    repo: string;
    commit: string;
    commitBlock: number;
    /** First block of the last epoch in which nobody could. Earlier versions did not store it. */
    seenBlock?: number;
  } | null;
}

/** Who showed which rows first: what every verdict on copies rests on. Changes stay in memory until they are taken. */
export class Ledger {
  readonly #entries: Map<string, LedgerEntry>;
  readonly #changed = new Set<string>();

  constructor(entries: LedgerEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.hotkey, entry]));
  }

  /** By hotkey: what is found must not depend on who was read first. */
  get entries(): LedgerEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.hotkey < b.hotkey ? -1 : 1));
  }

  of(hotkey: string): LedgerEntry | undefined {
    return this.#entries.get(hotkey);
  }

  showing(hotkey: string, { repo, commit }: { repo: string; commit: string }): ShownDataset | undefined {
    return this.of(hotkey)?.showings.find((one) => one.repo === repo && one.commit === commit);
  }

  put(entry: LedgerEntry): void {
    if (this.#entries.get(entry.hotkey) === entry) return;
    this.#entries.set(entry.hotkey, entry);
    this.#changed.add(entry.hotkey);
  }

  /** Replaces one of a hotkey's datasets by what is known of it now. */
  putShowing(hotkey: string, before: ShownDataset, after: ShownDataset): void {
    const entry = this.of(hotkey);
    if (!entry || before === after) return;
    this.put({ ...entry, showings: entry.showings.map((one) => (one === before ? after : one)) });
  }

  remove(hotkey: string): void {
    if (this.#entries.delete(hotkey)) this.#changed.add(hotkey);
  }

  /** What changed since this was asked last. */
  takeChanges(): { put: LedgerEntry[]; removed: string[] } {
    const put: LedgerEntry[] = [];
    const removed: string[] = [];
    for (const hotkey of this.#changed) {
      const entry = this.#entries.get(hotkey);
      if (entry) put.push(entry);
      else removed.push(hotkey);
    }
    this.#changed.clear();
    return { put, removed };
  }
}
