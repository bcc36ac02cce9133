import { FlockOffError } from '../../errors/flock-off-error.ts';
import { ED25519, SR25519 } from './key-file.ts';

const SIGNATURE_BYTES = 64;

/**
 * What a signer returned as Substrate's MultiSignature: the scheme, then the signature.
 * @throws FlockOffError `wallet` when it is none.
 */
export function toMultiSignature(signature: Uint8Array, address: string): Uint8Array {
  if (signature.length === SIGNATURE_BYTES) return Uint8Array.of(SR25519, ...signature);
  const [scheme = -1] = signature;
  if (signature.length === 1 + SIGNATURE_BYTES && [ED25519, SR25519].includes(scheme)) return signature;
  throw new FlockOffError({
    code: 'wallet',
    what: `the signer of ${address} returned ${signature.length} bytes, expected 64 of sr25519, or 65 with the scheme in front (0 ed25519, 1 sr25519)`,
    fix: "correct the signer's sign()",
    facts: { address },
  });
}
