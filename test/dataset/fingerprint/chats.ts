import { COMMON, type Fingerprint, LONG_ANSWER } from '../../../src/dataset/fingerprint/format.ts';

/** A pair of turns of a fingerprint of no text. */
export interface ChatPair {
  isLong?: boolean;
  /** Whether many rows of the dataset have them: by default none. */
  common?: readonly boolean[];
  grams: readonly number[];
  numbers?: readonly number[];
  /** 0 for one too short to tell much. */
  question?: number;
  whole?: readonly [number, number];
  level?: number;
  symbols?: number;
}

/** A fingerprint of rows with these pairs. */
export function chats(...rows: readonly (readonly ChatPair[])[]): Fingerprint {
  const pairs = rows.flat();
  const words = pairs.map(({ grams, numbers = [], common = [] }) => [
    ...numbers,
    ...grams.map((gram, i) => (gram | (common[i] ? COMMON : 0)) >>> 0),
  ]);
  return {
    rowCount: rows.length,
    ...{ pairEnd: endsOf(rows), wordEnd: endsOf(words), words: Uint32Array.from(words.flat()) },
    pairHashes: Uint32Array.from(pairs.flatMap(({ whole }, i) => whole ?? [i, pairs.length])),
    questionHashes: Uint32Array.from(pairs, ({ question = 0 }) => question),
    symbolsOfPair: Uint16Array.from(pairs, ({ symbols = 300 }) => symbols),
    kindOfPair: Uint8Array.from(pairs, ({ isLong, numbers = [] }) => numbers.length + (isLong ? LONG_ANSWER : 0)),
    ...{ levelOfPair: Uint8Array.from(pairs, ({ level = 0 }) => level), echoOfPair: new Uint8Array(pairs.length) },
  };
}

function endsOf(lists: readonly { length: number }[]): Uint32Array {
  let end = 0;
  return Uint32Array.from(lists, ({ length }) => {
    end += length;
    return end;
  });
}
