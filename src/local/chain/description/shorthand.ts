import type { Hasher, StorageItem } from './pallet.ts';

export const ZERO_32_BYTES = `0x${'00'.repeat(32)}`;

/** A subnet's number as it stands in storage keys; also a uid's. */
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

/** Errors, or other things, that are no more than their names. */
export function named(...names: string[]): { name: string }[] {
  return names.map((name) => ({ name }));
}
