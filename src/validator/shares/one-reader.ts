import type { ReadSubnetAtParameters } from '../../chain/commitments/metadata-store.ts';
import type { SubnetAt } from '../../chain/subnet/subnet.ts';
import type { Validator } from '../validator.ts';

/** More than are asked for at about the same time: first blocks of epochs, and those in which late data is looked for. */
const MOST_KEPT = 4;

/** Reads the subnet as of a block once for all competitions that ask for it. */
export function oneReader(metadata: Validator['metadata']): Validator['metadata'] {
  const read = new Map<number, Promise<SubnetAt | null>>();
  return {
    readPositions: (parameters) => metadata.readPositions(parameters),
    readSubnetAt: async ({ block, signal }: ReadSubnetAtParameters) => {
      const known = read.get(block) ?? metadata.readSubnetAt({ block, signal });
      read.set(block, known);
      for (const old of [...read.keys()].slice(0, -MOST_KEPT)) read.delete(old);
      return known.catch((error) => {
        // Also where only the one that asked first gave up.
        if (read.get(block) === known) read.delete(block);
        throw error;
      });
    },
  };
}
