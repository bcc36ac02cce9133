import type { ChainValue } from '../codec/chain-value.ts';

/** A storage item, as "pallet.item" in polkadot.js spelling, and its keys. */
export type StorageRead = [item: string, ...keys: unknown[]];

/**
 * What is read in one round trip, and what each value is called: one item, `null` for one that this runtime has not, or
 * several by name, or by key of a map, as deep as one likes.
 */
export type StorageReads =
  | StorageRead
  | null
  | ReadonlyMap<unknown, StorageReads>
  | { readonly [name: string]: StorageReads };

/** The values of such reads, under the same names. */
export type StorageValues<Reads> = Reads extends StorageRead
  ? ChainValue
  : Reads extends null
    ? null
    : Reads extends ReadonlyMap<infer Key, infer Inner>
      ? Map<Key, StorageValues<Inner>>
      : { [Name in keyof Reads]: StorageValues<Reads[Name]> };

/** The same read for each of several keys, such as uids or epochs. */
export function readsFor<Key, Reads extends StorageReads>(
  keys: Iterable<Key>,
  readsOf: (key: Key) => Reads,
): Map<Key, Reads> {
  return new Map(Array.from(keys, (key) => [key, readsOf(key)]));
}

/**
 * Takes `prepare` to every read; what it returns there makes the value, once the answer is there. Returns what makes all
 * of them, in the form of the reads.
 */
export function prepareReads<Reads extends StorageReads>(
  reads: Reads,
  prepare: (read: StorageRead) => () => ChainValue,
): () => StorageValues<Reads> {
  return prepared(reads, prepare) as () => StorageValues<Reads>;
}

function prepared(reads: StorageReads, prepare: (read: StorageRead) => () => ChainValue): () => unknown {
  if (reads === null) return () => null;
  if (Array.isArray(reads)) return prepare(reads as StorageRead);
  if (reads instanceof Map) {
    const values = [...reads].map(([key, inner]) => [key, prepared(inner, prepare)] as const);
    return () => new Map(values.map(([key, value]) => [key, value()]));
  }
  const values = Object.entries(reads).map(([name, inner]) => [name, prepared(inner, prepare)] as const);
  return () => Object.fromEntries(values.map(([name, value]) => [name, value()]));
}
