import type { Hasher, StorageItem } from './pallet.ts';

export const ZERO_32_BYTES = `0x${'00'.repeat(32)}`;

/** A netuid as the key of a storage map. */
export const NETUID: [type: string, hasher: Hasher] = ['NetUid', 'Identity'];

/** A uid as the key of a storage map. */
export const UID: [type: string, hasher: Hasher] = ['u16', 'Identity'];

/** A subnet's mechanism as the key of a storage map. */
export const MECHANISM_INDEX: [type: string, hasher: Hasher] = ['NetUidStorageIndex', 'Identity'];

/** A value per mechanism of a subnet. */
export function perMechanism(name: string, value: string, fallback: unknown = 0): StorageItem {
  return { name, value, keys: [MECHANISM_INDEX], fallback };
}

/** A value per subnet. */
export function perSubnet(
  name: string,
  value: string,
  fallback: unknown = 0,
  hasher: Hasher = 'Identity',
): StorageItem {
  return { name, value, keys: [['NetUid', hasher]], fallback };
}

/** Errors and other items that have nothing but a name. */
export function named(...names: string[]): { name: string }[] {
  return names.map((name) => ({ name }));
}
