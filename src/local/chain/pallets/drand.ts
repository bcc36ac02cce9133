import { createHash } from 'node:crypto';
import type { LocalBeacon } from '../state/beacon.ts';
import type { Storage } from '../state/storage.ts';
import type { PalletContext } from './pallet-context.ts';

/** Pulses that are kept; Subtensor keeps 216,000. */
const KEPT_PULSES = 10_000;

/** Writes the beacon's configuration, and its latest round as the first pulse. */
export function installBeacon(storage: Storage, beacon: LocalBeacon, nowMs: number): void {
  const { publicKey, periodSeconds, genesisSeconds } = beacon;
  storage.put('Drand.BeaconConfig', {
    public_key: hex(publicKey),
    // The runtime stores whole seconds.
    period: Math.max(1, Math.round(periodSeconds)),
    genesis_time: Math.floor(genesisSeconds),
    scheme_id: hex(Buffer.from('bls-unchained-g1-rfc9380')),
    metadata: { beacon_id: hex(Buffer.from('quicknet')) },
  });
  const round = beacon.latestRound(nowMs);
  storage.put('Drand.OldestStoredRound', round);
  storage.put('Drand.LastStoredRound', round);
  putPulse(storage, beacon, round);
}

/** Stores the pulses published since the last block. The next block can decrypt what is locked to them. */
export function storePulses({ storage, beacon, emit }: PalletContext, nowMs: number): void {
  const last = beacon.latestRound(nowMs);
  const first = Math.max(lastStoredRound(storage) + 1, last - KEPT_PULSES + 1);
  if (first > last) return;
  const rounds = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  for (const round of rounds) putPulse(storage, beacon, round);
  storage.put('Drand.LastStoredRound', last);
  emit('Drand.NewPulse', rounds);

  const oldest = storage.get<number>('Drand.OldestStoredRound');
  const keptFrom = Math.max(oldest, last - KEPT_PULSES + 1);
  for (let round = oldest; round < keptFrom; round++) storage.remove('Drand.Pulses', round);
  if (keptFrom > oldest) storage.put('Drand.OldestStoredRound', keptFrom);
}

export function lastStoredRound(storage: Storage): number {
  return storage.get<number>('Drand.LastStoredRound');
}

/** The outcome for a ciphertext: its round is not stored yet, it was decrypted (`0x` hex), or it cannot be. */
export type Unlocked = { state: 'waiting' | 'failed' } | { state: 'opened'; bytes: string };

/** Decrypts a ciphertext (`0x` hex) with the pulse of its round. */
export function unlock({ storage, beacon }: PalletContext, ciphertext: string, round: number): Unlocked {
  const pulse = storage.get<{ signature: string } | null>('Drand.Pulses', round);
  if (!pulse) return { state: 'waiting' };
  const opened = beacon.open(unhex(ciphertext), unhex(pulse.signature));
  return opened ? { state: 'opened', bytes: hex(opened) } : { state: 'failed' };
}

/** A pulse is signed when it is first read: a chain that produces blocks fast spends no time on the others. */
function putPulse(storage: Storage, beacon: LocalBeacon, round: number): void {
  storage.putLazily('Drand.Pulses', round, () => {
    const signature = beacon.signature(round);
    const randomness = createHash('sha256').update(signature).digest();
    return { round, randomness: hex(randomness), signature: hex(signature) };
  });
}

function unhex(text: string): Uint8Array {
  return Buffer.from(text.slice(2), 'hex');
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}
