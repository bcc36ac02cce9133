import type { Snapshot } from '../../chain/node/snapshot.ts';
import type { Subtensor } from '../../chain/subtensor.ts';
import { readPulse } from '../../chain/timelock/read-pulse.ts';
import { type FoundedCompetition, readFoundedCompetition } from '../../competition/read-document.ts';
import { parseCompetitionReference, referenceText } from '../../competition/reference.ts';
import { requireCompetition } from '../../competition/require-competition.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { firstSetFor } from '../../evaluation-sets/schedule.ts';
import { HubCompetitionStore } from '../../hub/competition-store.ts';
import { pointersUntil } from '../../policy/decide.ts';
import type { EpochMoment } from '../../policy/policy.ts';
import { policyOf } from '../../policy/shipped.ts';
import type { EvaluationSetsRule } from '../../schema/evaluation-sets.ts';
import { POLICY_RULES } from '../../schema/policy.ts';
import { hubAccess, type ServiceFlags } from './services.ts';

/** A competition whose evaluation sets are time-locked. */
export interface LockedCompetition {
  founded: FoundedCompetition;
  rule: EvaluationSetsRule;
}

/**
 * The competition that is named, signature verified.
 * @throws FlockOffError `bad-competition`; `bad-argument` where its evaluation set is one that all know.
 */
export async function readLockedCompetition(
  named: string,
  flags: ServiceFlags,
  signal: AbortSignal,
): Promise<LockedCompetition> {
  const reference = parseCompetitionReference(named);
  const competitions = new HubCompetitionStore(hubAccess(flags));
  const founded = await readFoundedCompetition({ reference, competitions, signal });
  const rule = founded.competition.evaluationSets;
  if (rule !== undefined) return { founded, rule };
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${referenceText(reference)} has one evaluation set, which all know, and none that are time-locked`,
    fix: 'found a version with "evaluationSets" in its rules',
    facts: { name: '--competition', value: named },
  });
}

/**
 * Refuses one of another subnet or owner, and tells the chain's time, the first set that may be listed for epochs from now on,
 * and until when the pointers were committed that an epoch evaluates which begins now.
 */
export async function nowOf(
  { founded, rule }: LockedCompetition,
  subtensor: Subtensor,
  signal: AbortSignal,
): Promise<{ timeMs: number; next: number; until: EpochMoment }> {
  await requireCompetition({ founded, subtensor, early: true, signal });
  const use = (snapshot: Snapshot) => readPulse(snapshot, rule.firstRound);
  const { block, timeMs } = await subtensor.read({ what: 'reading the time of the chain', use, signal });
  const { policy } = founded.competition;
  // Of another one only its file tells.
  const isShipped = Object.hasOwn(POLICY_RULES, policy.name);
  const until = isShipped ? pointersUntil(policyOf(policy), { block, timeMs }) : { block, timeMs };
  return { timeMs, next: firstSetFor(rule, timeMs), until };
}
