import { createHash } from 'node:crypto';

/** Bytes of the sum in front of the fingerprint. */
export const SUM_BYTES = 32;

/** What a file of a fingerprint holds: its SHA-256, then itself. */
export function sealFingerprint(fingerprint: Uint8Array): Uint8Array {
  return Buffer.concat([sumOf(fingerprint), fingerprint]);
}

/** A view of the fingerprint in a file; `null` when it is not what was stored. */
export function openSealed(stored: Uint8Array): Uint8Array | null {
  const fingerprint = stored.subarray(SUM_BYTES);
  return sumOf(fingerprint).equals(stored.subarray(0, SUM_BYTES)) ? fingerprint : null;
}

/** Whether a file is what was stored; looked at in a thread of the system. */
export async function isSealed(stored: Uint8Array): Promise<boolean> {
  const sum = await crypto.subtle.digest('SHA-256', stored.subarray(SUM_BYTES));
  return Buffer.from(sum).equals(stored.subarray(0, SUM_BYTES));
}

function sumOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
