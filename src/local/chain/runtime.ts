import { commitmentsPallet } from './description/commitments.ts';
import { DRAND } from './description/drand.ts';
import { FRAME_PALLETS } from './description/frame.ts';
import { SUBTENSOR_MODULE } from './description/subtensor-module.ts';
import { type InProfile, type Profile, present } from './profile.ts';
import type { EnumVariant } from './type-table.ts';

export type Hasher = 'Identity' | 'Twox64Concat' | 'Blake2_128Concat';

/** A storage item: `[name, value]`, `[name, value, keys]`, where keys are `[type, hasher]` pairs. */
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

/** A pallet of one runtime: calls, storage, events, errors and constants by name and place. */
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

export const TRANSACTION_VERSION = 1;

export interface RuntimeParameters {
  profile: Profile;
  /** Blocks between two commitments of a hotkey (`legacy`). */
  cooldownBlocks: number;
  /** Bytes of a hotkey's commitments in an epoch, unless set otherwise (`current`). */
  maxSpaceBytes: number;
}

/** The part of Subtensor's runtime that miners and validators meet. */
export function runtimePallets({ profile, ...limits }: RuntimeParameters): Pallet[] {
  const pallets = [...FRAME_PALLETS, SUBTENSOR_MODULE, commitmentsPallet(limits), DRAND];
  return present(pallets, profile).map(({ name, index, calls, storage, events, errors, constants }) => ({
    name,
    index,
    calls: present(calls ?? [], profile),
    storage: present(storage ?? [], profile),
    events: present(events ?? [], profile),
    errors: present(errors ?? [], profile),
    constants: present(constants ?? [], profile),
  }));
}
