import { reject, type Verdict } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Ledger, LedgerEntry } from './ledger/ledger.ts';
import { blockOf } from './ledger/position.ts';
import { claimedUntil, evaluated, type ShownDataset, settleClaim } from './ledger/showing.ts';
import type { Outcome } from './outcome.ts';
import type { ReadPointer } from './pointers.ts';
import { isHubFault } from './postpone.ts';
import type { Validator } from './validator.ts';

const PARALLEL_REQUESTS = 4;
/** Verdicts on access, which say nothing about the rows. */
const OF_ACCESS = new Set(['dataset-missing', 'dataset-denied', 'foreign-dataset']);
/** Datasets remembered of a hotkey besides the one its pointer names. */
const MOST_EARLIER = 8;

export interface ClaimsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** The current block. */
  block: number;
}

/**
 * Asks the Hub whether the datasets that pointers name are publicly readable, on which their owners' claims rest. A fault
 * of the Hub changes nothing.
 * @returns verdicts on those that were, and are not any more since longer than a new one is waited for, by hotkey.
 */
export async function updateReadability(
  validator: Validator,
  { ledger, pointers, block, signal }: ClaimsParameters & { signal?: AbortSignal },
): Promise<Map<string, Verdict>> {
  const { datasets, competition } = validator;
  const closed = new Map<string, Verdict>();
  const logger = safeLogger(validator.logger);
  await mapConcurrent([...pointers.values()], PARALLEL_REQUESTS, async ({ hotkey, uid, submission }) => {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    if (!showing) return;
    try {
      const readable = await datasets.isReadable({ repo: showing.repo, commit: showing.commit, signal });
      const now = lookedAt(showing, readable, block);
      ledger.putShowing(hotkey, showing, now);
      const { unreadableFrom = block } = now;
      if (block > unreadableFrom + competition.readableWithinBlocks)
        closed.set(hotkey, noLongerReadable(showing.repo, unreadableFrom));
    } catch (error) {
      if (!isHubFault(error)) throw error;
      logger.debug(`uid ${uid}: whether ${showing.repo} can be read is not known now`);
    }
  });
  settleClaims(validator, { ledger, pointers, block });
  return closed;
}

function lookedAt(showing: ShownDataset, readable: boolean, block: number): ShownDataset {
  const { unreadableFrom = block, ...rest } = showing;
  if (readable) return showing.readable && showing.unreadableFrom === undefined ? showing : { ...rest, readable };
  return { ...rest, readable, unreadableFrom };
}

function noLongerReadable(repo: string, sinceBlock: number): Verdict {
  const what = `${repo} cannot be read without a token any more, since block ${sinceBlock} at the latest`;
  return reject('dataset-denied', what).verdict;
}

/** Notes who beat the base model in this epoch and who was refused: a dataset that earns nothing keeps no rows for long. */
export function noteEvaluations(
  validator: Validator,
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

function settleClaims(
  { competition: { claimBlocks } }: Validator,
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
 * kept as long again: rows that are read late may have been shown before its end.
 */
export function forgetClaims(validator: Validator, { ledger, pointers, block }: ClaimsParameters): void {
  const { claimBlocks, maxRows } = validator.competition;
  for (const entry of ledger.entries) {
    const submission = pointers.get(entry.hotkey)?.submission;
    const isCurrent = (showing: ShownDataset) => submission?.ok === true && isNamed(submission.value.pointer, showing);
    const isClaimed = (showing: ShownDataset) => blockOf(claimedUntil(showing, 2 * claimBlocks)) >= block;
    const earlier = entry.showings.filter((showing) => !isCurrent(showing) && isClaimed(showing));
    const showings = [...entry.showings.filter(isCurrent), ...withinRows(earlier.slice(0, MOST_EARLIER), maxRows)];
    if (showings.length === 0 && !pointers.has(entry.hotkey)) ledger.remove(entry.hotkey);
    else if (showings.length < entry.showings.length) ledger.put({ ...entry, showings } satisfies LedgerEntry);
  }
}

/** As many of the datasets, from the first on, as have no more rows than that in all. */
function withinRows(showings: ShownDataset[], maxRows: number): ShownDataset[] {
  let rows = 0;
  return showings.filter((showing) => {
    rows += showing.rows;
    return rows <= maxRows;
  });
}

function isNamed(pointer: { repo: string; commit: string }, showing: ShownDataset): boolean {
  return pointer.repo === showing.repo && pointer.commit === showing.commit;
}
