import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FlockOffError } from '../../errors/flock-off-error.ts';

/** More rows than any competition has, so that no packed text can unpack to more memory than there is. */
const MOST_ROWS = 10_000_000;

/** One number a row, as text: equal neighbours take next to no room. */
export function packNumbers(numbers: Float64Array): string {
  const { buffer, byteOffset, byteLength } = numbers;
  return deflateRawSync(new Uint8Array(buffer, byteOffset, byteLength)).toString('base64');
}

/** @throws FlockOffError `state-damaged` for what is no packed text of so many rows. */
export function unpackNumbers(packed: string, rows: number): Float64Array {
  const bytes = unpack(packed, rows * Float64Array.BYTES_PER_ELEMENT);
  return new Float64Array(bytes.buffer, 0, rows);
}

/** One yes or no a row, as text. */
export function packFlags(flags: ArrayLike<boolean | number>): string {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (let i = 0; i < flags.length; i++) if (flags[i]) bytes[i >> 3]! |= 1 << (i & 7);
  return deflateRawSync(bytes).toString('base64');
}

/** Per row 1 or 0. @throws FlockOffError `state-damaged` for what is no packed text of so many rows. */
export function unpackFlags(packed: string, rows: number): Uint8Array {
  const bytes = unpack(packed, Math.ceil(rows / 8));
  return Uint8Array.from({ length: rows }, (_, i) => (bytes[i >> 3]! >> (i & 7)) & 1);
}

/** In memory of its own, whose beginning is aligned. */
function unpack(packed: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    if (length <= MOST_ROWS * Float64Array.BYTES_PER_ELEMENT) {
      const bytes = inflateRawSync(Buffer.from(packed, 'base64'), { maxOutputLength: Math.max(1, length) });
      if (bytes.length === length) return Uint8Array.from(bytes);
    }
  } catch {
    // told below
  }
  throw new FlockOffError({
    code: 'state-damaged',
    what: `what is stored of a dataset's rows does not unpack to ${length} bytes`,
    fix: 'check the disk, then start again: that tells what a repair would give back',
  });
}
