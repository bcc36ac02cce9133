import { commitmentsPallet } from './description/commitments.ts';
import { DRAND } from './description/drand.ts';
import { framePallets } from './description/frame.ts';
import type { Pallet, RuntimeParameters } from './description/pallet.ts';
import { SUBTENSOR_MODULE } from './description/subtensor-module.ts';
import { present } from './profile.ts';

export const TRANSACTION_VERSION = 1;

/** The part of Subtensor's runtime that miners and validators meet. */
export function runtimePallets({ profile, blockTimeMs, ...limits }: RuntimeParameters): Pallet[] {
  const pallets = [...framePallets(blockTimeMs), SUBTENSOR_MODULE, commitmentsPallet(limits), DRAND];
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
