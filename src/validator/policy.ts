import { pointersUntil } from '../policy/decide.ts';
import type { EpochMoment, Intake, Policy, PolicyMiner } from '../policy/policy.ts';
import { policyOf } from '../policy/shipped.ts';
import type { ReadPointer } from './pointers.ts';
import type { EpochStart, StateHistory } from './state-store.ts';
import type { Validator } from './validator.ts';

/** The policy that a validator decides by. @throws FlockOffError `bad-argument` where there is none, or it is none. */
function policyOfValidator({ competition, policy }: Pick<Validator, 'competition' | 'policy'>): Policy {
  return policyOf(competition.policy, policy);
}

/** What of a dataset counts: as the policy says, and where it says nothing as the competition does. */
export function intakeOf(validator: Pick<Validator, 'competition' | 'policy'>): Required<Intake> {
  const { evaluationRows, minOwnRows } = validator.competition;
  const unlimited = { mostCommonRows: Number.POSITIVE_INFINITY, watchEarlier: false, excluded: [] };
  return { evaluationRows, minOwnRows, ...unlimited, ...policyOfValidator(validator).intake };
}

/** Until when pointers were committed that an epoch evaluates. */
export function pointersUntilOf(
  validator: Pick<Validator, 'competition' | 'policy'>,
  { startBlock: block, timeMs }: Pick<EpochStart, 'startBlock' | 'timeMs'>,
): EpochMoment {
  return pointersUntil(policyOfValidator(validator), { block, timeMs });
}

/** What a policy decides by in one epoch, besides the losses. */
export interface PolicyContext {
  policy: Policy;
  /** Whose pointers count, by hotkey. */
  miners: Map<string, PolicyMiner>;
  now: EpochMoment;
  /** Of the subnet's owner; `null` where it has none that is registered. */
  ownerUid: number | null;
  /** What the policy knows of the last epoch; `null` where that had another one. */
  memory: unknown;
}

/** As policies know a dataset. */
export function datasetName({ repo, commit }: { repo: string; commit: string }): string {
  return `${repo} ${commit}`;
}

export function policyContext(
  validator: Pick<Validator, 'competition' | 'policy'>,
  { startBlock, timeMs, ownerUid }: Pick<EpochStart, 'startBlock' | 'timeMs' | 'ownerUid'>,
  pointers: Map<string, ReadPointer>,
  history: Pick<StateHistory, 'memory'> | null,
): PolicyContext {
  const policy = policyOfValidator(validator);
  return {
    policy,
    miners: minersOf(pointers),
    now: { block: startBlock, timeMs },
    ownerUid,
    memory: history?.memory?.policy === policy.name ? history.memory.value : null,
  };
}

/** Whose pointers count, by hotkey. */
export function minersOf(pointers: Map<string, ReadPointer>): Map<string, PolicyMiner> {
  const miners = [...pointers.values()].flatMap(({ uid, hotkey, coldkey, submission }): [string, PolicyMiner][] => {
    if (!submission.ok) return [];
    const { commitBlock, pointer } = submission.value;
    return [[hotkey, { uid, hotkey, coldkey, commitBlock, dataset: datasetName(pointer) }]];
  });
  return new Map(miners);
}
