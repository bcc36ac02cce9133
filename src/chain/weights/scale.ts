import { polkadotCrypto } from '../codec/polkadot.ts';

/** SCALE encodings of what weights are made of. */
export async function weightScale() {
  const { bnToU8a, compactToU8a, u8aConcat } = await polkadotCrypto();
  const u16 = (value: number) => Uint8Array.of(value & 0xff, value >> 8);
  return {
    u16,
    u64: (value: number) => bnToU8a(value, { bitLength: 64, isLe: true }),
    u16s: (items: number[]) => u8aConcat(compactToU8a(items.length), ...items.map(u16)),
    bytes: (bytes: Uint8Array) => u8aConcat(compactToU8a(bytes.length), bytes),
    concat: u8aConcat,
  };
}
