import { FlockOffError } from '../../errors/flock-off-error.ts';
import { toField } from '../codec/chain-value.ts';
import { type Snapshot, toNullable } from '../node/snapshot.ts';
import { readTimelockTerms, type TimelockTerms, timelockReads } from './terms.ts';

/** A round as the chain has it. */
export interface PulseReading extends TimelockTerms {
  /** The beacon's signature of the round, as the chain stores it; `null` where it has none (yet, or no longer). */
  signature: Uint8Array | null;
}

/**
 * Looks for the pulse of a round, which Subtensor keeps for a week (216,000 rounds).
 * @throws FlockOffError `chain-rejected` where the runtime keeps no pulses.
 */
export async function readPulse(snapshot: Snapshot, round: number): Promise<PulseReading> {
  const reads = timelockReads(snapshot);
  if (reads) {
    const { pulse, ...values } = await snapshot.read({ ...reads, pulse: ['drand.pulses', round] });
    const terms = readTimelockTerms(snapshot, values);
    const found = toNullable(pulse);
    if (terms) return { ...terms, signature: found && toField(found, 'signature').toU8a(true) };
  }
  throw new FlockOffError({
    code: 'chain-rejected',
    what: 'the runtime of this chain keeps no drand pulses, so nothing that is time-locked can be opened with it',
    fix: 'check the endpoint: all public networks of Bittensor keep them',
    facts: {},
  });
}
