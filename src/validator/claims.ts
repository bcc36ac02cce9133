import type { Ledger, LedgerEntry } from './ledger/ledger.ts';
import { blockOf } from './ledger/position.ts';
import { claimedUntil, evaluated, type ShownDataset, settleClaim } from './ledger/showing.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';
import type { Validator } from './validator.ts';

/** Verdicts on access, which say nothing about the rows. */
const OF_ACCESS = new Set(['dataset-missing', 'dataset-denied', 'foreign-dataset']);
/** Hotkeys of which a dataset each is remembered besides those that pointers name: what a search has time and memory for. */
const HOTKEYS = 256;
/** Small datasets that take as much as one of the largest. */
const DATASETS = 8;

export interface ClaimsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** The current block. */
  block: number;
}

/** Notes who beat the base model in this epoch and who was refused: a dataset that earns nothing keeps no rows for long. */
export function noteEvaluations(
  validator: Pick<Validator, 'competition'>,
  { ledger, pointers, block }: ClaimsParameters,
  { outcomes, worthless }: { outcomes: Map<string, Outcome>; worthless: Set<string> },
): void {
  for (const [hotkey, outcome] of outcomes) {
    const submission = pointers.get(hotkey)?.submission;
    const showing = submission?.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    if (!showing || outcome.kind === 'postponed') continue;
    // Access is checked by itself, above.
    if (outcome.kind === 'rejected' && OF_ACCESS.has(outcome.verdict.reason)) continue;
    const beatsBaseline = outcome.kind === 'scored' && !worthless.has(hotkey);
    ledger.putShowing(hotkey, showing, evaluated(showing, beatsBaseline, block));
  }
  settleClaims(validator, { ledger, pointers, block });
}

/** Notes which claims hold and which have stopped. */
export function settleClaims(
  { competition: { claimBlocks } }: Pick<Validator, 'competition'>,
  { ledger, pointers, block }: ClaimsParameters,
): void {
  for (const { hotkey, showings } of ledger.entries) {
    const submission = pointers.get(hotkey)?.submission;
    for (const showing of showings) {
      const named = submission?.ok === true && isNamed(submission.value.pointer, showing);
      ledger.putShowing(hotkey, showing, settleClaim({ showing, named, block, claimBlocks }));
    }
  }
}

/**
 * Forgets datasets on which nobody has a claim any more, and hotkeys of which nothing is left. A claim that has ended is
 * kept as long again: rows that are read late may have been shown before its end, and who shows rows after it has to beat the
 * base model with them first. Where all that is too much for one machine, those go whose claims end first, of hotkeys that
 * have shown most: each keeps as many rows as one dataset may have, and what others leave of that for so many hotkeys.
 */
export function forgetClaims(
  validator: Pick<Validator, 'competition'>,
  { ledger, pointers, block }: ClaimsParameters,
): void {
  const { claimBlocks, maxRows } = validator.competition;
  const known = ledger.entries.map((entry) => {
    const submission = pointers.get(entry.hotkey)?.submission;
    const isCurrent = (showing: ShownDataset) => submission?.ok === true && isNamed(submission.value.pointer, showing);
    const isClaimed = (showing: ShownDataset) => blockOf(claimedUntil(showing, 2 * claimBlocks)) >= block;
    const earlier = entry.showings.filter((showing) => !isCurrent(showing) && isClaimed(showing));
    earlier.sort((a, b) => claimedUntil(b, claimBlocks) - claimedUntil(a, claimBlocks) || 0);
    const isProven = ({ beatsBaseline }: ShownDataset) => beatsBaseline === true;
    // Rows that have helped nobody yet are held for one dataset of them, however many are shown in turn.
    const kept = new Set(
      within(
        earlier.filter((showing) => !isProven(showing)),
        maxRows,
        maxRows,
      ),
    );
    return {
      ...{ entry, current: entry.showings.filter(isCurrent) },
      earlier: earlier.filter((showing) => isProven(showing) || kept.has(showing)),
    };
  });
  const loads = known.map(({ earlier }) => earlier.reduce((sum, showing) => sum + loadOf(showing, maxRows), 0));
  const most = Math.max(maxRows, fairShare(loads, HOTKEYS * maxRows));
  for (const { entry, current, earlier } of known) {
    const showings = [...current, ...within(earlier, most, maxRows)];
    if (showings.length === 0 && !pointers.has(entry.hotkey)) ledger.remove(entry.hotkey);
    else if (showings.length < entry.showings.length) ledger.put({ ...entry, showings } satisfies LedgerEntry);
  }
}

/** What remembering a dataset takes, in rows: a small one has a file and a finding, too. */
function loadOf({ rows }: ShownDataset, maxRows: number): number {
  return Math.max(rows, maxRows / DATASETS);
}

/** As many of the datasets, from the first on, as take no more than that. */
function within(showings: ShownDataset[], most: number, maxRows: number): ShownDataset[] {
  let load = 0;
  return showings.filter((showing) => {
    load += loadOf(showing, maxRows);
    return load <= most;
  });
}

/** How much everybody may have at most, so that all have no more than a total and nobody less than he could. */
function fairShare(loads: number[], total: number): number {
  let left = total;
  const sorted = loads.toSorted((a, b) => a - b);
  for (const [i, load] of sorted.entries()) {
    const share = left / (sorted.length - i);
    if (load > share) return share;
    left -= load;
  }
  return Number.POSITIVE_INFINITY;
}

export function isNamed(pointer: { repo: string; commit: string }, showing: ShownDataset): boolean {
  return pointer.repo === showing.repo && pointer.commit === showing.commit;
}
