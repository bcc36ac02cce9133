import { reject, type Verdict } from '../schema/verdict.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';

/** What a validator keeps of a miner from epoch to epoch. */
export interface Standing {
  /** Moving average of its weight; `null` before its first evaluation. */
  average: number | null;
  /** The verdict on the submission evaluated last; it stands until that is scored, or the pointer names another. */
  refused: { repo: string; commit: string; verdict: Verdict } | null;
  /** Epochs in a row in which it was drawn and could not be evaluated, though others could. */
  postponedEpochs: number;
}

/** By hotkey. */
export type Standings = Record<string, Standing>;

/** Whose evaluation worked in this epoch: what tells one miner's broken dataset from an outage of ours. */
export interface Served {
  /** The Hub sent at least one dataset. */
  hub: boolean;
  /** At least one dataset was trained on and evaluated. */
  trainer: boolean;
}

interface StandingParameters {
  pointers: Map<string, ReadPointer>;
  outcomes: Map<string, Outcome>;
  standings: Standings;
  served: Served;
}

/** Half a day of epochs of 360 blocks. */
const MOST_POSTPONED_EPOCHS = 10;

/**
 * Verdicts that follow from earlier epochs, by hotkey: on miners that were not evaluated in this one and whose
 * submission was refused before, and on those that could not be evaluated for too long while others could.
 */
export function standingVerdicts({ pointers, outcomes, standings, served }: StandingParameters): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const { hotkey, submission } of pointers.values()) {
    const outcome = outcomes.get(hotkey);
    if (!submission.ok || outcome?.kind === 'scored' || outcome?.kind === 'rejected') continue;
    const { refused } = standings[hotkey] ?? {};
    const { repo, commit } = submission.value.pointer;
    if (refused?.repo === repo && refused.commit === commit) verdicts.set(hotkey, refused.verdict);
    else if (outcome && postponedEpochs(outcome, standings[hotkey], served) > MOST_POSTPONED_EPOCHS)
      verdicts.set(hotkey, notEvaluable(outcome.message));
  }
  return verdicts;
}

/** The averages of everybody evaluated before, by hotkey. Version 0.1.0 stored some a rounding error below 0. */
export function averagesOf(standings: Standings): Record<string, number> {
  return Object.fromEntries(
    Object.entries(standings).flatMap(([hotkey, { average }]) =>
      average === null ? [] : [[hotkey, Math.max(0, average)]],
    ),
  );
}

/** What is kept after an epoch, of everybody registered. */
export function nextStandings({
  pointers,
  outcomes,
  standings,
  served,
  averages,
  neurons,
}: StandingParameters & { averages: Record<string, number>; neurons: { hotkey: string }[] }): Standings {
  return Object.fromEntries(
    neurons.map(({ hotkey }): [string, Standing] => {
      const outcome = outcomes.get(hotkey);
      const before = standings[hotkey];
      return [
        hotkey,
        {
          average: averages[hotkey] ?? null,
          refused: outcome ? refusal(outcome, pointers.get(hotkey)) : (before?.refused ?? null),
          postponedEpochs: outcome ? postponedEpochs(outcome, before, served) : (before?.postponedEpochs ?? 0),
        },
      ];
    }),
  );
}

function refusal(outcome: Outcome, pointer: ReadPointer | undefined): Standing['refused'] {
  if (outcome.kind !== 'rejected' || !pointer?.submission.ok) return null;
  const { repo, commit } = pointer.submission.value.pointer;
  return { repo, commit, verdict: outcome.verdict };
}

function postponedEpochs(outcome: Outcome, before: Standing | undefined, served: Served): number {
  if (outcome.kind !== 'postponed') return 0;
  return (before?.postponedEpochs ?? 0) + (served[outcome.by] ? 1 : 0);
}

function notEvaluable(why: string): Verdict {
  const epochs = MOST_POSTPONED_EPOCHS;
  return reject('not-evaluable', `could not be evaluated in more than ${epochs} epochs while others could: ${why}`)
    .verdict;
}
