import type { Policy } from '../../policy/policy.ts';
import { Competition } from '../../schema/competition.ts';
import { ModelId } from '../../schema/model-id.ts';
import type { Outcome } from '../outcome.ts';
import { readPointers } from '../pointers.ts';
import { minersOf } from '../policy.ts';
import { weighEpoch } from '../weigh-epoch.ts';
import { portionIn, type Receipt } from './receipt.ts';

export interface ReplayParameters {
  /** By block. */
  receipts: Receipt[];
  policy: Policy;
}

/** A weight as it was, and as it would have been. */
export interface ReplayedWeight {
  uid: number;
  hotkey: string;
  before: number;
  after: number;
}

export interface ReplayedEpoch {
  startBlock: number;
  /** What was done with the weights of the competition. */
  actionBefore: 'set' | 'take-back' | 'keep';
  /** What would have been done. */
  action: 'set' | 'take-back' | 'keep';
  /** Of everybody with a weight before or after, by uid. */
  weights: ReplayedWeight[];
}

/**
 * Scores the epochs of receipts again under another policy: the same miners, losses and verdicts; averages and the policy's
 * memory begin with what the first receipt began with, and go on from epoch to epoch under the new one. Who would have been
 * drawn, and what of a dataset would have counted, is not replayed: of others there are no losses.
 * @throws FlockOffError `policy-failed` of a policy that throws, does not answer, or answers what cannot be used.
 */
export function replay({ receipts, policy }: ReplayParameters): ReplayedEpoch[] {
  let averages: Record<string, number> | null = null;
  let memory: unknown = null;
  return receipts.map((receipt): ReplayedEpoch => {
    const { inputs } = receipt;
    const pointers = readPointers(inputs.epoch, Competition.parse(inputs.competition), excludedIn(receipt));
    const known = inputs.memory?.policy === policy.name ? inputs.memory.value : null;
    const { startBlock: block, timeMs, ownerUid } = inputs.epoch;
    const context = { policy, miners: minersOf(pointers), now: { block, timeMs }, ownerUid };
    const standings = Object.fromEntries(
      Object.entries(inputs.standings).map(([hotkey, standing]) => {
        return [hotkey, averages === null ? standing : { ...standing, average: averages[hotkey] ?? null }];
      }),
    );
    const found = receipt.entries.flatMap(({ hotkey, outcome }): [string, Outcome][] => {
      const itself = Object.hasOwn(inputs.stood, hotkey) ? inputs.stood[hotkey]! : outcome;
      return itself === null || !pointers.has(hotkey) ? [] : [[hotkey, itself]];
    });
    const { weighed } = weighEpoch({
      context: { ...context, memory: averages === null ? known : memory },
      ...{ pointers, neurons: inputs.epoch.neurons, endNeurons: inputs.end.neurons, standings },
      drawn: inputs.epoch.hotkeys.flatMap((hotkey) => {
        const submission = pointers.get(hotkey)?.submission;
        return submission?.ok ? submission.value : [];
      }),
      outcomes: new Map(found),
      ...{ served: inputs.served, hidden: new Set(inputs.hidden) },
      ownRowsOf: (hotkey) => inputs.datasets[hotkey]?.ownRows ?? null,
      countsFrom: ({ hotkey, commitBlock }) => inputs.datasets[hotkey]?.countsFrom ?? commitBlock,
      baselineLossNatsPerToken: receipt.baselineLossNatsPerToken,
      evaluationSha256: inputs.evaluation.sha256,
      portion: portionIn(receipt),
    });
    averages = weighed.averages;
    memory = weighed.memory;
    const before = new Map(inputs.weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
    const after = new Map(weighed.weights.map(({ hotkey, weight }) => [hotkey, weight]));
    const weights = inputs.end.neurons.flatMap(({ uid, hotkey }): ReplayedWeight[] => {
      const one = { before: before.get(hotkey) ?? 0, after: after.get(hotkey) ?? 0 };
      return one.before > 0 || one.after > 0 ? [{ uid, hotkey, ...one }] : [];
    });
    weights.sort((a, b) => a.uid - b.uid);
    return { startBlock: receipt.startBlock, actionBefore: inputs.weighed.action, action: weighed.action, weights };
  });
}

/** Repositories that the operator left out, whatever his policy was. */
function excludedIn({ entries }: Receipt): { repo: string; reason: string }[] {
  return entries.flatMap(({ pointer, outcome }) => {
    if (outcome.kind !== 'rejected' || outcome.verdict.reason !== 'excluded') return [];
    const decoded = ModelId.safeDecode(pointer ?? '');
    return decoded.success ? [{ repo: decoded.data.repo, reason: outcome.verdict.message }] : [];
  });
}
