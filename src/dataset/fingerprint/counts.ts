/** In place of a count that does not fit in a byte. */
const LARGE = 255;

/** Counts of which most are small, a byte each; those that do not fit are in a list beside them. */
export interface Counts {
  bytes: Uint8Array;
  large: Uint32Array;
}

/** Counts of lists one after another, of which each ends where the next begins. */
export function packCounts(ends: Uint32Array): Counts {
  const counts = ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1]!));
  return {
    bytes: Uint8Array.from(counts, (count) => Math.min(count, LARGE)),
    large: counts.filter((count) => count >= LARGE),
  };
}

/** Where each list ends; `null` where they do not end where all end, or large counts are left. */
export function endsOf({ bytes, large }: Counts, all: number): Uint32Array | null {
  const ends = new Uint32Array(bytes.length);
  let [end, next] = [0, 0];
  for (let i = 0; i < bytes.length; i++) {
    end += bytes[i] === LARGE ? (large[next++] ?? 0) : bytes[i]!;
    ends[i] = end;
  }
  return end === all && next === large.length ? ends : null;
}
