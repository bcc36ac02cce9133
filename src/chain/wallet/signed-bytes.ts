import { polkadotCrypto } from '../codec/polkadot.ts';
import { ED25519, SR25519 } from './key-file.ts';

/** What signs bytes that are no transaction: a {@link WalletHotkey}, or the `signRaw` of something else behind this shape. */
export interface BytesSigner {
  /** ss58 address. */
  readonly address: string;
  /** Returns the 64 bytes of an sr25519 signature, or 65 bytes with the scheme in front: 0 ed25519, 1 sr25519. */
  sign(parameters: { payload: Uint8Array }): Promise<Uint8Array>;
}

export interface SignBytesParameters {
  hotkey: BytesSigner;
  bytes: Uint8Array;
}

export interface VerifyBytesParameters {
  /** ss58 address of who is said to have signed. */
  address: string;
  bytes: Uint8Array;
  /** 64 bytes of an sr25519 signature, or 65 with the scheme in front. */
  signature: Uint8Array;
}

/**
 * Signs bytes as Substrate's wallets do: between `<Bytes>` and `</Bytes>`, so that the signature is never that of a
 * transaction.
 */
export function signBytes({ hotkey, bytes }: SignBytesParameters): Promise<Uint8Array> {
  return hotkey.sign({ payload: wrapped(bytes) });
}

/**
 * Whether a signature of {@link signBytes} is this address's; false for what is no address or no signature.
 * @example
 * const signature = await signBytes({ hotkey, bytes });
 * await verifyBytes({ address: hotkey.address, bytes, signature }); // true
 */
export function verifyBytes({ bytes, ...parameters }: VerifyBytesParameters): Promise<boolean> {
  return verifyBare({ ...parameters, bytes: wrapped(bytes) });
}

/** The same of bytes that were signed as they are, as `btcli` does: only for a text that no transaction can begin with. */
export async function verifyBare({ address, bytes, signature }: VerifyBytesParameters): Promise<boolean> {
  const { decodeAddress, ed25519Verify, sr25519Verify } = await polkadotCrypto();
  const scheme = signature.length === 65 ? signature[0] : SR25519;
  const verify = scheme === ED25519 ? ed25519Verify : scheme === SR25519 ? sr25519Verify : null;
  try {
    return verify?.(bytes, signature.subarray(-64), decodeAddress(address)) ?? false;
  } catch {
    return false;
  }
}

function wrapped(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('<Bytes>'), bytes, Buffer.from('</Bytes>')]);
}
