/** Arrays one after the other; a single one as it is. */
export function joined<T extends Float32Array | Uint16Array>(arrays: T[], make: (length: number) => T): T {
  const [only, ...others] = arrays;
  if (only && others.length === 0) return only;
  const all = make(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
