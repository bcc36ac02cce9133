import type { Policy } from '../../policy/policy.ts';
import { Competition } from '../../schema/competition.ts';
import { type DrawFromReturnType, drawFrom } from '../draw-from.ts';
import { seedOf } from '../epoch-start.ts';
import { type ReadPointer, readPointers } from '../pointers.ts';
import { intakeOf, type PolicyContext, policyContext } from '../policy.ts';
import type { Receipt } from './receipt.ts';

/** What an epoch was decided by, made anew from its receipt. */
export interface Decided {
  competition: Competition;
  pointers: Map<string, ReadPointer>;
  context: PolicyContext;
}

/** @throws FlockOffError `bad-argument` where the competition names a policy that this package does not have, and none is given. */
export function decidedBy({ inputs }: Receipt, policy?: Policy): Decided {
  const competition = Competition.parse(inputs.competition);
  const deciding = { competition, policy };
  const pointers = readPointers(inputs.epoch, competition, intakeOf(deciding).excluded);
  const context = policyContext(deciding, inputs.epoch, pointers, { memory: inputs.memory ?? undefined });
  return { competition, pointers, context };
}

/** The draw of a receipt's epoch, made again; `null` where an earlier version made it, and did not store what from. */
export function drawAgain({ netuid, inputs }: Receipt, { competition, context }: Decided): DrawFromReturnType | null {
  const { seedBlockHash: blockHash, drawnFrom: from, neurons } = inputs.epoch;
  if (!blockHash || !from) return null;
  const seed = seedOf({ genesisHash: inputs.genesisHash, netuid, blockHash, competition: competition.id });
  return drawFrom({ ...from, context, neurons, standings: inputs.standings, seed });
}
