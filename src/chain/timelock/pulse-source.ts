import type { Snapshot } from '../node/snapshot.ts';
import type { DrandBeacon } from './drand.ts';
import { readPulse } from './read-pulse.ts';

export interface PulseParameters {
  round: number;
  beacon: DrandBeacon;
  signal?: AbortSignal;
}

/** Where the beacon's signature of a round can be had. */
export interface PulseSource {
  /**
   * What it gives for the signature of a round: whoever asks verifies it.
   * @returns 48 bytes; `null` where it has none, or knows no such beacon.
   * @throws FlockOffError where it cannot be reached (transient).
   */
  pulse(parameters: PulseParameters): Promise<Uint8Array | null>;
}

/** What reads the chain, as `Chain.read` does. */
interface SnapshotReader {
  read<T>(parameters: { what: string; use: (snapshot: Snapshot) => Promise<T>; signal?: AbortSignal }): Promise<T>;
}

/** The chain's Drand pallet, which keeps pulses for a week. */
export class ChainPulseSource implements PulseSource {
  readonly #subtensor: SnapshotReader;

  constructor({ subtensor }: { subtensor: SnapshotReader }) {
    this.#subtensor = subtensor;
  }

  async pulse({ round, signal }: PulseParameters): Promise<Uint8Array | null> {
    const use = (snapshot: Snapshot) => readPulse(snapshot, round);
    const { signature } = await this.#subtensor.read({ what: `looking for drand round ${round}`, use, signal });
    return signature;
  }
}

/**
 * The beacon's signature of a round, verified, from the first source that has it.
 * @returns `null` where none of them has it.
 * @throws FlockOffError what the last source that cannot be reached throws, where no other one has it.
 */
export async function firstPulse({
  sources,
  ...parameters
}: PulseParameters & { sources: PulseSource[] }): Promise<Uint8Array | null> {
  const { round, beacon, signal } = parameters;
  const { verifyPulse } = await import('./pulse.ts');
  const faults: unknown[] = [];
  for (const source of sources) {
    try {
      const signature = await source.pulse(parameters);
      if (signature !== null && verifyPulse({ round, signature, publicKey: beacon.publicKey })) return signature;
    } catch (error) {
      signal?.throwIfAborted();
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults.at(-1);
  return null;
}
