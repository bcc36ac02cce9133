import { polkadotCrypto } from '../../src/chain/codec/polkadot.ts';
import type { WalletHotkey } from '../../src/chain/wallet/hotkey.ts';

/** A hotkey whose seed is the hash of its name, and that seed, to look for where no secret may be. */
export async function devHotkey(name: string): Promise<WalletHotkey & { seedHex: () => string }> {
  const { blake2AsU8a, encodeAddress, sr25519PairFromSeed, sr25519Sign, u8aToHex } = await polkadotCrypto();
  const seed = blake2AsU8a(name, 256);
  const { publicKey, secretKey } = sr25519PairFromSeed(seed);
  return {
    address: encodeAddress(publicKey, 42),
    publicKey,
    sign: async ({ payload }) => sr25519Sign(payload, { publicKey, secretKey }),
    seedHex: () => u8aToHex(seed).slice(2),
  };
}
