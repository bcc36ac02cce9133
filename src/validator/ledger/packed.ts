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
  return new Float64Array(unpack(packed, rows * Float64Array.BYTES_PER_ELEMENT).buffer, 0, rows);
}

/** A bit a row, lowest first: every one set. */
export function allBits(rows: number): Uint8Array {
  return new Uint8Array(Math.ceil(rows / 8)).fill(255);
}

export function hasBit(bits: Uint8Array, row: number): boolean {
  return (((bits[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

export function clearBit(bits: Uint8Array, row: number): void {
  bits[row >> 3] = (bits[row >> 3] ?? 0) & ~(1 << (row & 7));
}

export function packBits(bits: Uint8Array): string {
  return deflateRawSync(bits).toString('base64');
}

/** @throws FlockOffError `state-damaged` for what is no packed text of so many rows. */
export function unpackBits(packed: string, rows: number): Uint8Array {
  return unpack(packed, Math.ceil(rows / 8));
}

/** Indexes of rows, from 0, among so many, as {@link packBits} of a bit for each of these. */
export function packRows(indexes: Uint32Array, rows: number): string {
  const bits = new Uint8Array(Math.ceil(rows / 8));
  for (const row of indexes) bits[row >> 3]! |= 1 << (row & 7);
  return packBits(bits);
}

/**
 * The indexes of the rows whose bits are set, in order.
 * @throws FlockOffError `state-damaged` as {@link unpackBits}.
 */
export function unpackRows(packed: string, rows: number): Uint32Array<ArrayBuffer> {
  const bits = unpackBits(packed, rows);
  return Uint32Array.from({ length: rows }, (_, row) => row).filter((row) => hasBit(bits, row));
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
    facts: { path: 'ledger' },
  });
}
