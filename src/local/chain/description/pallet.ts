import type { InProfile, Profile } from './profile.ts';
import type { EnumVariant } from './type-table.ts';

export type Hasher = 'Identity' | 'Twox64Concat' | 'Blake2_128Concat';

/** A storage value, or with `keys` a map or double map. */
export interface StorageItem {
  name: string;
  value: string;
  keys?: [type: string, hasher: Hasher][];
  /** Value of a missing entry, as @polkadot/types takes it. Without it the item is optional. */
  fallback?: unknown;
}

export interface Constant {
  name: string;
  type: string;
  value: number;
}

/** A pallet of one runtime: calls, storage, events, errors and constants by name and index. */
export interface Pallet {
  name: string;
  index: number;
  calls: EnumVariant[];
  storage: StorageItem[];
  events: EnumVariant[];
  errors: EnumVariant[];
  constants: Constant[];
}

/** A pallet of both runtimes, with marks at what only one of them has. */
export type PalletDescription = InProfile & { name: string; index: number } & {
  [Part in Exclude<keyof Pallet, 'name' | 'index'>]?: (Pallet[Part][number] & InProfile)[];
};

export interface RuntimeParameters {
  profile: Profile;
  /** Time from one block to the next. */
  blockTimeMs: number;
  /** Blocks between two commitments of a hotkey (`legacy`). */
  cooldownBlocks: number;
  /** Bytes of a hotkey's commitments in an epoch, unless set otherwise (`current`). */
  maxSpaceBytes: number;
}
