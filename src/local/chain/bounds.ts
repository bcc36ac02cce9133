import type { RuntimeCodec } from './codec.ts';
import type { SetCommitmentArguments } from './pallets/commitments.ts';

/** Most bytes of a field of a commitment, by its kind, and of a ciphertext of weights. */
const BIG_RAW_BYTES = 512;
const ENCRYPTED_BYTES = 1_024;
const WEIGHTS_BYTES = 5_000;

/** Whether every bounded list of a call is within its bound: a longer one does not decode. `args` are plain values. */
export function isWithinBounds(codec: RuntimeCodec, call: string, args: Record<string, unknown>): boolean {
  if (call === 'commitments.setCommitment') {
    const { fields } = args.info as SetCommitmentArguments['info'];
    return fields.length <= codec.constant('Commitments.MaxFields') && fields.every(fieldIsWithinBounds);
  }
  return typeof args.commit !== 'string' || byteLength(args.commit) <= WEIGHTS_BYTES;
}

function fieldIsWithinBounds({ bigRaw, timelockEncrypted }: SetCommitmentArguments['info']['fields'][number]): boolean {
  if (typeof bigRaw === 'string') return byteLength(bigRaw) <= BIG_RAW_BYTES;
  if (timelockEncrypted && typeof timelockEncrypted === 'object')
    return byteLength(timelockEncrypted.encrypted) <= ENCRYPTED_BYTES;
  return true;
}

function byteLength(hex: string): number {
  return (hex.length - 2) / 2;
}
