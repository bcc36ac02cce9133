import { setImmediate } from 'node:timers/promises';
import { type Fingerprint, readFingerprint } from './format.ts';

/** A dataset that a hotkey shows or has shown. */
export interface Showing {
  /** Whose rows are compared with everybody else's: a hotkey, or the coldkey of several. */
  owner: string;
  /** Bytes of {@link fingerprintRows}, or what reads them when their turn comes; called up to twice. */
  fingerprint: Uint8Array | (() => Uint8Array | Promise<Uint8Array>);
  /** Per row: when this owner first showed it, as block * 65536 + index of the transaction in the block. */
  shownAt: Float64Array;
  /** Copies that others show from then on are free. Unit of `shownAt`; Infinity while the rows are claimed. */
  claimedUntil: number;
  /** A bit a row, lowest first: 1 for the rows that are the owner's. The others claim nothing. Default: all are. */
  own?: Uint8Array;
  /** Whether its rows are judged. All showings, judged ones too, claim rows. */
  judged: boolean;
}

/** A row of a judged showing that is another's. */
export interface OthersRow {
  /** From 0. */
  row: number;
  /** The rows it was taken from, the one with most of it first; one to three. */
  source: RowSource[] | 'evaluation';
  /** Share (0..1) of its content that is theirs. */
  alike: number;
}

export interface RowSource {
  /** Index in the showings. */
  showing: number;
  row: number;
}

/** A row whose content stands in an earlier row of the same dataset. */
export interface RepeatedRow {
  row: number;
  /** The earlier row; the first of several. */
  of: number;
}

export interface FindOthersRowsParameters {
  showings: readonly Showing[];
  /** Fingerprint of the evaluation set; `null` for none. */
  evaluation: Uint8Array | null;
  /** `leave-out`: its content is reported whoever shows it. `allow`: its content is nobody's. */
  evaluationRows: 'leave-out' | 'allow';
  signal?: AbortSignal | undefined;
}

export interface FoundRows {
  /** By the index of each judged showing: rows that are another's, in order. */
  others: Map<number, OthersRow[]>;
  /** By the index of each judged showing: repeated rows, in order. */
  repeats: Map<number, RepeatedRow[]>;
  /** Indices of showings whose fingerprint is of another version or damaged: they claim nothing and are not judged. */
  unreadable: number[];
}

/**
 * Finds rows of the judged showings whose content another owner showed before this one did, while his claim on it stood,
 * and rows of the evaluation set. Whatever an owner has shown himself, in any showing, counts from then on for himself.
 *
 * @throws whatever `signal` was aborted with, and what reading a fingerprint throws.
 */
export async function findOthersRows({
  showings,
  evaluation,
  evaluationRows,
  signal,
}: FindOthersRowsParameters): Promise<FoundRows> {
  const found: FoundRows = { others: new Map(), repeats: new Map(), unreadable: [] };
  const first = new Map<string, { showing: number; row: number; at: number }[]>();
  const prints: (Fingerprint | null)[] = [];
  const evaluated = new Set(evaluation ? pairKeys(readFingerprint(evaluation)).flat() : []);
  for (const [i, showing] of showings.entries()) {
    signal?.throwIfAborted();
    await setImmediate();
    const bytes = typeof showing.fingerprint === 'function' ? await showing.fingerprint() : showing.fingerprint;
    const print = readFingerprint(bytes);
    prints.push(print);
    if (!print) {
      found.unreadable.push(i);
      continue;
    }
    for (const [row, keys] of pairKeys(print).entries()) {
      const at = showing.shownAt[row] ?? Number.POSITIVE_INFINITY;
      for (const key of keys) {
        const known = first.get(key);
        if (known) known.push({ showing: i, row, at });
        else first.set(key, [{ showing: i, row, at }]);
      }
    }
  }
  for (const [i, showing] of showings.entries()) {
    const print = prints[i];
    if (!showing.judged || !print) continue;
    const others: OthersRow[] = [];
    const repeats: RepeatedRow[] = [];
    const seen = new Map<string, number>();
    for (const [row, keys] of pairKeys(print).entries()) {
      const of = keys.map((key) => seen.get(key));
      if (of.every((earlier) => earlier !== undefined)) repeats.push({ row, of: of[0] ?? 0 });
      for (const key of keys) if (!seen.has(key)) seen.set(key, row);
      const inEvaluation = keys.filter((key) => evaluated.has(key)).length / keys.length;
      if (inEvaluation > 0.5) {
        if (evaluationRows === 'leave-out') others.push({ row, source: 'evaluation', alike: inEvaluation });
        continue;
      }
      const sources = keys.flatMap((key) => {
        const shown = first.get(key) ?? [];
        const own = Math.min(...shown.filter((s) => showings[s.showing]?.owner === showing.owner).map(({ at }) => at));
        return shown
          .filter((s) => {
            const by = showings[s.showing];
            const claims = by && (!by.own || ((by.own[s.row >> 3] ?? 0) >> (s.row & 7)) & 1);
            return claims && by.owner !== showing.owner && s.at < own && by.claimedUntil > own;
          })
          .slice(0, 1);
      });
      const alike = sources.length / keys.length;
      if (alike > 0.5)
        others.push({ row, source: sources.slice(0, 3).map((s) => ({ showing: s.showing, row: s.row })), alike });
    }
    found.others.set(i, others);
    found.repeats.set(i, repeats);
  }
  return found;
}

function pairKeys(print: Fingerprint | null): string[][] {
  let pair = 0;
  return Array.from(print?.pairsOfRow ?? [], (pairs) =>
    Array.from({ length: pairs }, () => {
      const key = `${print?.pairHashes[2 * pair]}.${print?.pairHashes[2 * pair + 1]}`;
      pair++;
      return key;
    }),
  );
}
