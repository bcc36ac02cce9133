import { FlockOffError, type FlockOffErrorParameters, messageOf } from '../../errors/flock-off-error.ts';
import type { OthersRow } from './judged-showing.ts';
import type { Batch, FoundInShowing } from './search.ts';
import type { ShowingTimes } from './showings.ts';

/** What a thread that searches is started with. It asks for the rest. */
export interface SearchTask {
  showings: number;
  evaluation: Uint8Array | null;
  evaluationRows: 'leave-out' | 'allow';
  /** About how many words are judged together. Default: of 64 datasets of 20,000 rows. */
  wordsAtOnce?: number | undefined;
}

/** What it asks, one thing at a time, and tells. */
export type FromSearch =
  | { kind: 'ask-showing'; index: number }
  | { kind: 'ask-fingerprint'; index: number }
  | { kind: 'judging'; batch: Batch }
  | { kind: 'judged'; found: PackedFindings }
  | { kind: 'done'; unreadable: number[] }
  | { kind: 'failed'; error: FlockOffErrorParameters };

/** A showing, with the file that its fingerprint is in, where it is in one. */
export type AnsweredShowing = ShowingTimes & { file: string | null };

/** {@link FoundInShowing} in few pieces, so that taking it holds nobody up. */
export interface PackedFindings {
  index: number;
  /** Per row that is another's: the row, how many sources it has (0: the evaluation set), and how alike they are. */
  rows: Uint32Array;
  sourceCounts: Uint8Array;
  alike: Float64Array;
  /** Showing and row of each source. */
  sources: Uint32Array;
  /** Row, and the row that it repeats. */
  repeats: Uint32Array;
}

export function packFindings({ index, others, repeats }: FoundInShowing): PackedFindings {
  const sourcesOf = ({ source }: OthersRow) => (source === 'evaluation' ? [] : source);
  return {
    index,
    rows: Uint32Array.from(others, ({ row }) => row),
    sourceCounts: Uint8Array.from(others, (one) => sourcesOf(one).length),
    alike: Float64Array.from(others, ({ alike }) => alike),
    sources: Uint32Array.from(others.flatMap((one) => sourcesOf(one).flatMap(({ showing, row }) => [showing, row]))),
    repeats: Uint32Array.from(repeats.flatMap(({ row, of }) => [row, of])),
  };
}

export function unpackFindings({ index, rows, sourceCounts, alike, sources, repeats }: PackedFindings): FoundInShowing {
  let next = 0;
  const takeSource = () => ({ showing: sources[next++]!, row: sources[next++]! });
  return {
    index,
    others: Array.from(rows, (row, i): OthersRow => {
      const source = Array.from({ length: sourceCounts[i]! }, takeSource);
      return { row, source: source.length === 0 ? 'evaluation' : source, alike: alike[i]! };
    }),
    repeats: Array.from({ length: repeats.length / 2 }, (_, i) => ({ row: repeats[2 * i]!, of: repeats[2 * i + 1]! })),
  };
}

/** A {@link FlockOffError} without its class and cause, which cannot be sent. Any other error becomes `checker-failed`. */
export function toPlainError(error: unknown): FlockOffErrorParameters {
  if (error instanceof FlockOffError) return { ...error.toParameters(), cause: undefined };
  return { code: 'checker-failed', what: `comparing datasets failed: ${messageOf(error)}`, transient: true };
}
