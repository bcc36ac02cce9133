import type { Chain } from '../chain/chain.ts';
import { type Snapshot, toNumber } from '../chain/node/snapshot.ts';
import type { Competition } from '../schema/competition.ts';
import { DailyWinnerRules } from '../schema/policy.ts';
import { badCompetition } from './bad-competition.ts';

export interface RequireBlockTimeParameters {
  /** For messages: `org/name@sha`, a folder, or the file with its rules. */
  name: string;
  competition: Pick<Competition, 'policy' | 'evaluationSets'>;
  subtensor: Pick<Chain, 'read'>;
  signal?: AbortSignal;
}

/** Of Bittensor's networks, for a runtime that does not say. */
const DEFAULT_SLOT_MS = 12_000;

/**
 * Where sets are time-locked, the block by which a list has to be named is told from the least seconds between two blocks:
 * with more than the chain has, that block would be too late, and a list count that was chosen since.
 * Part of `requireCompetition`; for rules that come from a file of one's own it is called by itself.
 * @throws FlockOffError `bad-competition` (`evaluation`); what reading the chain throws.
 * @example
 * const competition = await readCompetitionFile({ path: 'rules.json' });
 * await requireBlockTime({ name: 'rules.json', competition, subtensor });
 */
export async function requireBlockTime(parameters: RequireBlockTimeParameters): Promise<void> {
  const { name, competition, subtensor, signal } = parameters;
  const { policy, evaluationSets } = competition;
  if (evaluationSets === undefined || policy.name !== 'daily-winner') return;
  const { blockSeconds } = DailyWinnerRules.parse(policy.parameters);
  const slotMs = await subtensor.read({
    what: 'reading how long a block takes',
    use: async (snapshot: Snapshot) => {
      const slot = snapshot.constant('aura.slotDuration');
      return slot ? toNumber(slot) : DEFAULT_SLOT_MS;
    },
    signal,
  });
  if (blockSeconds * 1000 <= slotMs) return;
  throw badCompetition({
    ...{ competition: name, problem: 'evaluation' },
    why: `says that blocks are ${blockSeconds} s apart at the least (blockSeconds), and on this chain it is ${slotMs / 1000} s: a list of evaluation sets would count that was named too late`,
    fix: `let the policy's blockSeconds be ${slotMs / 1000} or less, in a new version`,
  });
}
