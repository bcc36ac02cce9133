/*
 * What must be there by this package's own reckoning, however the compiler sees it. Where it is not, that is a bug here and
 * no fault of the caller: the error says what was missing, instead of `undefined` being passed on.
 */

/** @throws Error where there is nothing. */
export function required<T>(value: T | null | undefined, what: string): T {
  if (value !== null && value !== undefined) return value;
  throw new Error(`flock-off has lost ${what}, which is a bug: please report it`);
}

/** The value under a key. @throws Error where the map has none. */
export function requiredEntry<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  return required(map.get(key), `the entry ${String(key)}`);
}

/** The item at an index, which counts from the end where it is negative. @throws Error for an index outside the list. */
export function requiredItem<T>(list: ArrayLike<T>, index: number): T {
  return required(list[index < 0 ? list.length + index : index], `item ${index} of ${list.length}`);
}
