import { rowKeys } from '../dataset/fingerprint/row-keys.ts';
import { findDuplicates } from '../policy/find-duplicates.ts';
import { reject, type Verdict } from '../schema/verdict.ts';
import type { Ledger } from './ledger/ledger.ts';
import { unpackNumbers } from './ledger/packed.ts';
import type { ShownDataset } from './ledger/showing.ts';
import { evidenceOf } from './left-out.ts';
import type { ReadPointer } from './pointers.ts';
import { restoreFingerprints } from './read-datasets.ts';
import { fingerprintName, type RowJudge } from './validator.ts';

/**
 * Verdicts on the datasets that pointers name now and that have more rows in common with an earlier one than the policy
 * allows, by hotkey. A dataset whose fingerprint is lost and cannot be made anew has no rows in common with any.
 */
export async function commonRowsVerdicts(
  { mostCommonRows }: { mostCommonRows: number },
  validator: RowJudge,
  parameters: { ledger: Ledger; pointers: Map<string, ReadPointer>; block: number; signal?: AbortSignal },
): Promise<Map<string, Verdict>> {
  const { ledger, pointers } = parameters;
  const { fingerprints } = validator.state;
  if (mostCommonRows === Number.POSITIVE_INFINITY) return new Map();
  const shown = [...pointers.values()].flatMap(({ hotkey, uid, submission }) => {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    return showing ? [{ hotkey, uid, showing }] : [];
  });
  shown.sort((a, b) => a.showing.position - b.showing.position || a.uid - b.uid);
  const datasets: { hotkey: string; rows: Map<string, number> }[] = [];
  for (const { hotkey, showing } of shown) {
    const rows = await timesOf(showing);
    for (const earlier of ledger.of(hotkey)!.showings)
      if (earlier !== showing)
        for (const [row, at] of await timesOf(earlier)) if (at < (rows.get(row) ?? 0)) rows.set(row, at);
    datasets.push({ hotkey, rows });
  }
  const showings = new Map(shown.map(({ hotkey, showing }) => [hotkey, showing]));
  return new Map(
    [...findDuplicates({ datasets, mostCommonRows })].map(([hotkey, duplicate]) => [
      hotkey,
      verdictOf(showings.get(hotkey)!, { ...duplicate, mostCommonRows }, pointers),
    ]),
  );

  /** When each different row of a dataset was shown first. */
  async function timesOf(showing: ShownDataset): Promise<Map<string, number>> {
    const name = fingerprintName(showing);
    let fingerprint = await fingerprints.read(name);
    if (fingerprint === null) {
      await restoreFingerprints(validator, ledger, parameters);
      fingerprint = await fingerprints.read(name);
    }
    const shownAt = unpackNumbers(showing.shownAt, showing.rows);
    const times = new Map<string, number>();
    for (const [row, key] of ((fingerprint && rowKeys(fingerprint)) ?? []).entries())
      times.set(key, Math.min(shownAt[row]!, times.get(key) ?? Number.POSITIVE_INFINITY));
    return times;
  }
}

function verdictOf(
  { rows }: ShownDataset,
  { hotkey, commonRows, mostCommonRows }: { hotkey: string; commonRows: number; mostCommonRows: number },
  pointers: Map<string, ReadPointer>,
): Verdict {
  const sources = [{ hotkey, rows: commonRows }];
  const uidOf = (one: string) => pointers.get(one)?.uid ?? null;
  const leftOut = evidenceOf({ others: commonRows, evaluation: 0, repeats: 0, sources, examples: [] }, uidOf);
  const sentence = `${commonRows} rows are also those of uid ${uidOf(hotkey)}, who was earlier; at most ${mostCommonRows} may be`;
  const facts = { rows, leftOut, rowsLeft: rows - commonRows, rowsNeeded: rows - mostCommonRows };
  return reject('duplicate', sentence, facts).verdict;
}
