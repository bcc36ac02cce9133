import { ADMIN_PALLETS } from './admin.ts';
import { commitmentsPallet } from './commitments.ts';
import { DRAND } from './drand.ts';
import { framePallets } from './frame.ts';
import type { Pallet, RuntimeParameters } from './pallet.ts';
import { present } from './profile.ts';
import { SUBTENSOR_MODULE } from './subtensor-module.ts';

export const TRANSACTION_VERSION = 1;

/** The part of Subtensor's runtime that miners and validators use. */
export function runtimePallets({ profile, blockTimeMs, ...limits }: RuntimeParameters): Pallet[] {
  const pallets = [...framePallets(blockTimeMs), SUBTENSOR_MODULE, ...ADMIN_PALLETS, commitmentsPallet(limits), DRAND];
  return present(pallets, profile)
    .sort((a, b) => a.index - b.index)
    .map(({ name, index, calls, storage, events, errors, constants }) => ({
      name,
      index,
      calls: present(calls ?? [], profile),
      storage: present(storage ?? [], profile),
      events: present(events ?? [], profile),
      errors: present(errors ?? [], profile),
      constants: present(constants ?? [], profile),
    }));
}
