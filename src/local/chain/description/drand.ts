import type { PalletDescription } from './pallet.ts';

/** BeaconConfiguration before it is set: key, period, genesis, two hashes, scheme and beacon id, all empty. */
const NO_BEACON = `0x${'00'.repeat(1 + 4 + 4 + 1 + 1 + 1 + 1)}`;

/** The pallet that keeps the pulses of the drand beacon. */
export const DRAND: PalletDescription = {
  name: 'Drand',
  index: 26,
  since: 'current',
  storage: [
    { name: 'BeaconConfig', value: 'BeaconConfiguration', fallback: NO_BEACON },
    { name: 'Pulses', value: 'Pulse', keys: [['u64', 'Blake2_128Concat']] },
    { name: 'LastStoredRound', value: 'u64', fallback: 0 },
    { name: 'OldestStoredRound', value: 'u64', fallback: 0 },
  ],
  events: [{ name: 'NewPulse', index: 1, fields: { rounds: 'Vec<u64>' } }],
};
