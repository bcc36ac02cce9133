import { Verdict } from '../schema/verdict.ts';
import type { Outcome, Postponed } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';

/** What a validator keeps of a miner from epoch to epoch. */
export interface Standing {
  /** Moving average of its weight; `null` before its first evaluation. */
  average: number | null;
  /**
   * The verdict on the content of the submission evaluated last; it stands until that is scored, the pointer names another,
   * or others of its rows are left out. Who may read a dataset and whose its rows are is looked at anew each time.
   */
  refused: {
    repo: string;
    commit: string;
    verdict: Verdict;
    /** Names the rows that were its own, `null` where the verdict is on the file. Earlier versions did not store it. */
    ownRows?: string | null;
  } | null;
  /**
   * Epochs in which it was drawn and could not be evaluated, though others could; each other one in which it was drawn
   * takes a quarter off.
   */
  postponedEpochs: number;
}

/** By hotkey. */
export type Standings = Record<string, Standing>;

/** Whose evaluation worked in this epoch: what tells one miner's broken dataset from an outage of ours. */
export interface Served {
  /** The Hub sent at least one dataset. */
  hub: boolean;
  /** Files can be checked. */
  checker: boolean;
  /** Datasets can be trained on and evaluated. */
  trainer: boolean;
  /** At least one miner's dataset was there and evaluated. */
  miner: boolean;
}

interface StandingParameters {
  pointers: Map<string, ReadPointer>;
  outcomes: ReadonlyMap<string, Outcome>;
  standings: Standings;
  served: Served;
  /** Names the rows of a hotkey's dataset that are its own; `null` where it has none that was read. */
  ownRowsOf: (hotkey: string) => string | null;
}

/** Epochs in which a dataset that cannot be evaluated while others can costs its miner nothing. */
const EPOCHS_OF_GRACE = 3;
/**
 * Epochs of grace that come back with each evaluation. With more, a file that fails now and then would keep a share from
 * being measured for most of the time.
 */
const GRACE_BACK = 1 / 4;
/** What is left of an average after each further one; the least share there is follows after twenty. */
const DECAY = 0.5;
const LEAST_SHARE = 1e-6;

/**
 * Verdicts of earlier epochs that still stand, by hotkey: on miners that were not evaluated in this one, and whose
 * submission was refused before.
 */
export function standingVerdicts({
  pointers,
  outcomes,
  standings,
  ownRowsOf,
}: Omit<StandingParameters, 'served'>): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const { hotkey, submission } of pointers.values()) {
    const outcome = outcomes.get(hotkey);
    if (!submission.ok || outcome?.kind === 'scored' || outcome?.kind === 'rejected') continue;
    const { refused } = standings[hotkey] ?? {};
    const { repo, commit } = submission.value.pointer;
    if (refused?.repo !== repo || refused.commit !== commit) continue;
    const { ownRows = ownRowsOf(hotkey) } = refused;
    // One that an earlier version gave, and this one does not know, stands no longer.
    if (!Verdict.safeParse(refused.verdict).success) continue;
    if (ownRows === ownRowsOf(hotkey)) verdicts.set(hotkey, refused.verdict);
  }
  return verdicts;
}

/**
 * The averages of everybody evaluated before, by hotkey, as they go into this epoch's weights. Who was drawn and could not
 * be evaluated for long, though others could, loses half of it each time: nobody keeps a share with a file that always fails.
 */
export function averagesOf({
  outcomes,
  standings,
  served,
}: Omit<StandingParameters, 'pointers' | 'ownRowsOf'>): Record<string, number> {
  const averages = storedAverages(standings);
  for (const [hotkey, outcome] of outcomes) {
    const average = averages[hotkey];
    if (average === undefined || outcome.kind !== 'postponed' || !isTheirs(outcome, served)) continue;
    if (postponedEpochs(outcome, standings[hotkey], served) <= EPOCHS_OF_GRACE) continue;
    const left = average * DECAY;
    averages[hotkey] = left < LEAST_SHARE ? 0 : left;
  }
  return averages;
}

/** The averages as they were stored, by hotkey. Version 0.1.0 stored some a rounding error below 0. */
export function storedAverages(standings: Standings): Record<string, number> {
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
  ownRowsOf,
}: StandingParameters & { averages: Record<string, number>; neurons: { hotkey: string }[] }): Standings {
  return Object.fromEntries(
    neurons.map(({ hotkey }): [string, Standing] => {
      const outcome = outcomes.get(hotkey);
      const before = standings[hotkey];
      return [
        hotkey,
        {
          average: averages[hotkey] ?? null,
          refused: outcome ? refusal(outcome, pointers.get(hotkey), ownRowsOf) : (before?.refused ?? null),
          postponedEpochs: outcome ? postponedEpochs(outcome, before, served) : (before?.postponedEpochs ?? 0),
        },
      ];
    }),
  );
}

/** Verdicts that every epoch comes to anew: on who may read a dataset, and on whose its rows are. */
const OF_NOW = new Set<Verdict['reason']>([
  'dataset-missing',
  'dataset-denied',
  'foreign-dataset',
  'duplicate',
  'evaluation-rows',
]);

function isOfNow(verdict: Verdict): boolean {
  return OF_NOW.has(verdict.reason) || (verdict.reason === 'row-count' && verdict.facts?.leftOut !== undefined);
}

function refusal(
  outcome: Outcome,
  pointer: ReadPointer | undefined,
  ownRowsOf: StandingParameters['ownRowsOf'],
): Standing['refused'] {
  if (outcome.kind !== 'rejected' || isOfNow(outcome.verdict) || !pointer?.submission.ok) return null;
  const { repo, commit } = pointer.submission.value.pointer;
  return { repo, commit, verdict: outcome.verdict, ownRows: ownRowsOf(pointer.hotkey) };
}

/** No more than the first that costs something: whoever can be evaluated again has his grace back in the end. */
function postponedEpochs(outcome: Outcome, before: Standing | undefined, served: Served): number {
  const epochs = before?.postponedEpochs ?? 0;
  if (outcome.kind !== 'postponed') return Math.max(0, epochs - GRACE_BACK);
  return isTheirs(outcome, served) ? Math.min(epochs, EPOCHS_OF_GRACE) + 1 : epochs;
}

/** Whether it is the dataset that could not be evaluated, and no fault of ours. */
function isTheirs({ by }: Postponed, served: Served): boolean {
  return by !== 'validator' && served[by];
}
