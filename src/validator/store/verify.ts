import { Head, VERSION } from './head.ts';
import { digestOf, readUnsealed, unseal } from './seal.ts';

/** The key of the head among the entries. */
export const HEAD_KEY = 'head';

/** Entries that were looked through. */
export interface Verified {
  /** Values by key, of those entries that are as they were stored. */
  values: Map<string, unknown>;
  /** Their sums by key. */
  sums: Map<string, string>;
  /** As of the last write among them; `null` when it is not there. */
  head: Head | null;
  /** True for the entries of version 0.1.0, which nothing but their form can be known of. */
  unsealed: boolean;
  /** What is wrong with them by themselves, or `null`. */
  damage: string | null;
}

/** Checks every entry by its seal, and all of them by their head. */
export function verify(entries: ReadonlyMap<string, string>): Verified {
  const values = new Map<string, unknown>();
  const sums = new Map<string, string>();
  const broken: string[] = [];
  const plain = new Map<string, unknown>();
  for (const [key, text] of entries) {
    const read = unseal(key, text);
    if (read) {
      values.set(key, read.value);
      sums.set(key, read.sum);
    } else {
      const value = readUnsealed(text);
      if (value === undefined) broken.push(key);
      else plain.set(key, value);
    }
  }
  if (plain.size > 0 && values.size === 0) {
    const damage = broken.length > 0 ? `${broken.length} of its ${entries.size} entries cannot be read` : null;
    return { values: plain, sums, head: null, unsealed: true, damage };
  }
  broken.push(...plain.keys());
  const stored = values.get(HEAD_KEY);
  const head = Head.safeParse(stored).data ?? null;
  values.delete(HEAD_KEY);
  sums.delete(HEAD_KEY);
  return { values, sums, head, unsealed: false, damage: damageOf() };

  function damageOf(): string | null {
    if (broken.length > 0) return `${broken.length} of its ${entries.size} entries are not what was stored`;
    if (head === null) return values.size > 0 ? 'the entry that counts the others is missing' : null;
    if (sums.size !== head.entries) return `it holds ${sums.size} entries, and was left with ${head.entries}`;
    return digestOf(sums) === head.digest ? null : 'some of its entries are older than the others';
  }
}

/**
 * What is wrong with entries that are sound by themselves beside the head that the last write left in a file of its own, or
 * `null`. That file lags by one write after a crash in between, and never leads.
 */
export function damageBeside(
  { head, unsealed }: Verified,
  beside: { head: Head | null; exists: boolean },
): string | null {
  const last = beside.head;
  if (unsealed) return beside.exists ? 'its entries are of an earlier version than its file HEAD' : null;
  if (head === null) return beside.exists ? `its ${last?.entries ?? ''} entries are gone`.replace('  ', ' ') : null;
  if (last === null) {
    if (head.sequence === 1) return null;
    return `its file HEAD is ${beside.exists ? 'damaged' : 'missing'}, without which nobody knows whether the last writes are there`;
  }
  if (head.sequence === last.sequence && head.digest === last.digest) return null;
  if (head.sequence === last.sequence + 1 && head.before === last.digest) return null;
  if (head.sequence < last.sequence) {
    const lost = last.sequence - head.sequence;
    return `it is an older one: the last ${lost === 1 ? 'write is' : `${lost} writes are`} gone`;
  }
  return 'its file HEAD is of another time than the rest';
}

/** Whether a later version wrote it, in a format that this one does not know. */
export function isNewer(...heads: (Head | null)[]): boolean {
  return heads.some((head) => head !== null && head.version > VERSION);
}
