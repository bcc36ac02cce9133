import { FlockOffError } from '../../errors/flock-off-error.ts';
import { toField } from '../codec/chain-value.ts';
import { type Snapshot, type StorageReads, type StorageValues, toNumber } from '../node/snapshot.ts';
import { DRAND_QUICKNET, type DrandBeacon, roundAt } from './drand.ts';

/** What locking something for the chain to open depends on. */
export interface TimelockTerms {
  /** Block it was read at, and its time in Unix milliseconds: the chain's, not this machine's. */
  block: number;
  timeMs: number;
  blockTimeMs: number;
  /** Latest round whose pulse the chain has. */
  lastStoredRound: number;
  /** Public key of the beacon whose pulses the chain stores; empty where it does not say. */
  beaconKey: Uint8Array;
}

/** Of Bittensor's networks, for a runtime that does not say. */
const DEFAULT_BLOCK_TIME_MS = 12_000;

/** What {@link readTimelockTerms} needs; `null` where the runtime opens no time locks. */
export function timelockReads(snapshot: Snapshot) {
  const lastStoredRound = snapshot.optional(['drand.lastStoredRound']);
  if (!lastStoredRound) return null;
  return {
    block: ['system.number'],
    now: ['timestamp.now'],
    lastStoredRound,
    beacon: snapshot.optional(['drand.beaconConfig']),
  } satisfies StorageReads;
}

/** From the values of {@link timelockReads}; `null` where the runtime opens no time locks. */
export function readTimelockTerms(
  snapshot: Snapshot,
  values: StorageValues<ReturnType<typeof timelockReads>>,
): TimelockTerms | null {
  if (!values) return null;
  const { block, now, lastStoredRound, beacon } = values;
  const blockTimeMs = snapshot.constant('aura.slotDuration');
  return {
    block: toNumber(block),
    timeMs: toNumber(now),
    blockTimeMs: blockTimeMs ? toNumber(blockTimeMs) : DEFAULT_BLOCK_TIME_MS,
    lastStoredRound: toNumber(lastStoredRound),
    beaconKey: beacon ? toField(beacon, 'publicKey').toU8a(true) : new Uint8Array(),
  };
}

/**
 * The beacon to lock with: the caller's, or drand's quicknet.
 * @throws FlockOffError `bad-argument` when the chain stores the pulses of another one, and so could never open it.
 */
export function requireBeacon({ beaconKey }: TimelockTerms, given?: DrandBeacon): DrandBeacon {
  const beacon = given ?? DRAND_QUICKNET;
  if (beaconKey.length === 0 || Buffer.compare(beaconKey, beacon.publicKey) === 0) return beacon;
  const hex = (key: Uint8Array) => Buffer.from(key).toString('hex');
  throw new FlockOffError({
    code: 'bad-argument',
    what: `this chain opens time locks with another drand beacon than ${given ? 'the one passed' : "drand's quicknet"}: its public key begins with ${hex(beaconKey).slice(0, 16)}, expected ${hex(beacon.publicKey).slice(0, 16)}`,
    fix: 'pass that beacon if you trust this chain (a local chain has one in its `beacon`), or check the endpoint',
    facts: { name: 'beacon', value: hex(beacon.publicKey) },
  });
}

/** The round to lock with so that the chain opens it in a block to come; never one that is public by now. */
export function roundForBlock(terms: TimelockTerms, beacon: DrandBeacon, block: number): number {
  const timeMs = terms.timeMs + (block - terms.block) * terms.blockTimeMs;
  return Math.max(roundAt(beacon, timeMs), terms.lastStoredRound + 1);
}
