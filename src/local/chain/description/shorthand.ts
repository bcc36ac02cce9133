import type { Hasher, StorageItem } from './pallet.ts';

export const ZERO_32_BYTES = `0x${'00'.repeat(32)}`;

/** A netuid as the key of a storage map; also a uid. */
export const NETUID: [type: string, hasher: Hasher] = ['u16', 'Identity'];

/** A value per subnet. */
export function perSubnet(
  name: string,
  value: string,
  fallback: unknown = 0,
  hasher: Hasher = 'Identity',
): StorageItem {
  return { name, value, keys: [['u16', hasher]], fallback };
}

/** Errors and other items that have nothing but a name. */
export function named(...names: string[]): { name: string }[] {
  return names.map((name) => ({ name }));
}
