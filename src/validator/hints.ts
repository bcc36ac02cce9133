import type { RowLosses } from './row-losses.ts';

/** Two datasets that do the same for the base model, row by row. A hint for a person, never a verdict. */
export interface RowLossHint {
  uids: [number, number];
  hotkeys: [string, string];
  /** Of what each row's loss lost, relative to the base model's: 0..1, as only high ones are told. */
  correlation: number;
  /** Rows that were compared. */
  rows: number;
}

export interface RowLossHintsParameters {
  /** By row; of the base model alone. */
  base: RowLosses;
  scored: { uid: number; hotkey: string; rowLosses: RowLosses }[];
}

/** Fewer rows move together by chance. */
const LEAST_ROWS = 12;
/**
 * Measured on the tiny base model (docs/receipts.md): datasets of different manners have up to 0.88, those of one manner and
 * paraphrases up to 0.96. So it says that two answer alike, not that one is taken from the other.
 */
const THRESHOLD = 0.9;
/** Where all answer alike, so many say enough. */
const MOST_HINTS = 20;

/** Pairs of datasets whose losses move together, the most alike first. */
export function rowLossHints({ base, scored }: RowLossHintsParameters): RowLossHint[] {
  const gains = scored.map((one) => ({ ...one, gain: gainsOf(base, one.rowLosses) }));
  // No more than are told are kept: there are half a million pairs of a thousand.
  const hints: RowLossHint[] = [];
  for (const [i, one] of gains.entries())
    for (const other of gains.slice(i + 1)) {
      const rows = one.gain.flatMap((_, row) => (Number.isNaN(one.gain[row]! + other.gain[row]!) ? [] : row));
      if (rows.length < LEAST_ROWS) continue;
      const correlation = correlationOf(
        rows.map((row) => one.gain[row]!),
        rows.map((row) => other.gain[row]!),
      );
      if (!(correlation > THRESHOLD)) continue;
      const at = hints.findLastIndex((hint) => hint.correlation >= correlation) + 1;
      const both = { uids: [one.uid, other.uid], hotkeys: [one.hotkey, other.hotkey] } satisfies Partial<RowLossHint>;
      hints.splice(at, 0, { ...both, correlation, rows: rows.length } as RowLossHint);
      if (hints.length > MOST_HINTS) hints.pop();
    }
  return hints;
}

/** What each row's loss lost, relative to the base model's; NaN where there is none. */
export function gainsOf(base: RowLosses, losses: RowLosses): number[] {
  return base.map((before, row) => {
    const after = losses[row] ?? null;
    return before === null || after === null || before === 0 ? Number.NaN : (before - after) / before;
  });
}

/** Pearson's; 0 where one of them does not move. */
export function correlationOf(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [together, ofA, ofB] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    together += (value - meanA) * (b[i]! - meanB);
    ofA += (value - meanA) ** 2;
    ofB += (b[i]! - meanB) ** 2;
  }
  return ofA > 0 && ofB > 0 ? together / Math.sqrt(ofA * ofB) : 0;
}
