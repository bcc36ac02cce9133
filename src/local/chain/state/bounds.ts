import type { RuntimeCodec } from './codec.ts';
import { byteLength, type CommitmentField, lockOf } from './commitment-fields.ts';

/** Most bytes of a field of a commitment, by its kind, and of a ciphertext of weights. */
const BIG_RAW_BYTES = 512;
const ENCRYPTED_BYTES = 1_024;
const WEIGHTS_BYTES = 5_000;

/** Whether every bounded list of a call is within its bound: a longer one does not decode. `args` are plain values. */
export function isWithinBounds(codec: RuntimeCodec, call: string, args: Record<string, unknown>): boolean {
  if (call === 'commitments.setCommitment') {
    const { fields } = args.info as { fields: CommitmentField[] };
    return fields.length <= codec.constant('Commitments.MaxFields') && fields.every(isFieldWithinBounds);
  }
  return typeof args.commit !== 'string' || byteLength({ weights: args.commit }) <= WEIGHTS_BYTES;
}

function isFieldWithinBounds(field: CommitmentField): boolean {
  if (lockOf(field)) return byteLength(field) <= ENCRYPTED_BYTES;
  return !('bigRaw' in field) || byteLength(field) <= BIG_RAW_BYTES;
}
