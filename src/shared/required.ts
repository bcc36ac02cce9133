/*
 * What must be there by this package's own reckoning, however the compiler sees it. Where it is not, that is a bug here and
 * no fault of the caller: the error says what was missing, instead of `undefined` being passed on.
 */

/** @throws Error where there is nothing. */
export function required<T>(value: T | null | undefined, what: string): T {
  if (value !== null && value !== undefined) return value;
  throw missing(what);
}

/** The value under a key. @throws Error where the map has none. */
export function requiredEntry<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value !== undefined) return value;
  throw missing(`the entry ${String(key)}`);
}

/** The item at an index, which counts from the end where it is negative. @throws Error for an index outside the list. */
export function requiredItem<T>(list: ArrayLike<T>, index: number): T {
  const value = list[index < 0 ? list.length + index : index];
  if (value !== undefined) return value;
  throw missing(`item ${index} of a list of ${list.length}`);
}

function missing(what: string): Error {
  return new Error(`flock-off has lost ${what}: a bug of its own, please report it`);
}
