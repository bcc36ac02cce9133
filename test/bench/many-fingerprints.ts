import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  gramWith,
  LONG_ANSWER,
  readFingerprint,
  shareOf,
  writeFingerprint,
} from '../../src/dataset/fingerprint/format.ts';
import { sealFingerprint } from '../../src/dataset/fingerprint/sealed-fingerprint.ts';
import type { Showing } from '../../src/dataset/fingerprint/showings.ts';

export interface ManyFingerprints {
  folder: string;
  owners: number;
  /** Owners, the last, whose current dataset is judged. */
  judged: number;
  /** Of each dataset. */
  rows: number;
}

/** As many as a row of 1 kB has. */
export const WORDS_OF_ROW = 32;
const LEVEL = 37;

/** Xorshift: a hundred million numbers of it take a second. */
let state = 2463534242;
function next(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** One of those that are taken as such a share of all. */
function nextGram(share: number): number {
  return gramWith(Math.floor(next() * share), next());
}

/**
 * Writes fingerprints of two datasets of each owner, an earlier and a current one. A tenth of the rows of a current one are of
 * the earlier; of one that is judged, of another owner's current one. A third of all grams are of a million that many rows
 * have, as in a language.
 */
export function writeFingerprints({ folder, owners, judged, rows }: ManyFingerprints): void {
  const common = Uint32Array.from({ length: 50 * rows }, () => nextGram(shareOf(24)));
  let other: Uint8Array | undefined;
  for (let owner = 0; owner < owners; owner++) {
    const isJudged = owner >= owners - judged;
    const earlier = fingerprintOf(rows, common);
    const current = fingerprintOf(rows, common, isJudged ? (other ?? earlier) : earlier);
    if (!isJudged || !other) other = current;
    writeFileSync(fileOf(folder, owner, 'earlier'), sealFingerprint(earlier));
    writeFileSync(fileOf(folder, owner, 'current'), sealFingerprint(current));
  }
}

/** What was written, as it is searched. */
export function showingsOf({ folder, owners, judged, rows }: ManyFingerprints): Showing[] {
  const at = (position: number) => new Float64Array(rows).fill(position);
  return Array.from({ length: owners }, (_, owner) =>
    (['earlier', 'current'] as const).map(
      (kind): Showing => ({
        owner: `${owner}`,
        fingerprint: { file: fileOf(folder, owner, kind) },
        get shownAt() {
          return at((kind === 'earlier' ? 1e6 : 2e6) + owner);
        },
        claimedUntil: Number.POSITIVE_INFINITY,
        judged: kind === 'current' && owner >= owners - judged,
      }),
    ),
  ).flat();
}

/** Those that are found to be another's in every judged dataset but that of the very first owner. */
export function copiedRows({ rows }: ManyFingerprints): number {
  return Math.ceil(rows / 10);
}

/** Words of rows in which no two have anything in common, but by chance. */
export function anyWords(rows: number): Uint32Array<ArrayBuffer> {
  const share = shareOf(LEVEL);
  return Uint32Array.from({ length: rows * WORDS_OF_ROW }, () => nextGram(share));
}

/** Rows in which other grams stand, but for every tenth of another one. */
function fingerprintOf(rows: number, common: Uint32Array, from?: Uint8Array): Uint8Array {
  const words = anyWords(rows);
  for (let i = 0; i < words.length; i++) if (next() % 3 === 0) words[i] = common[next() % common.length]!;
  const known = from && readFingerprint(from);
  if (known)
    for (let row = 0; row < rows; row += 10)
      words.set(known.words.subarray(row * WORDS_OF_ROW, (row + 1) * WORDS_OF_ROW), row * WORDS_OF_ROW);
  return fingerprintOfWords(words);
}

export function fingerprintOfWords(words: Uint32Array): Uint8Array {
  const rows = words.length / WORDS_OF_ROW;
  return writeFingerprint({
    pairEnd: Uint32Array.from({ length: rows }, (_, row) => row + 1),
    wordEnd: Uint32Array.from({ length: rows }, (_, row) => (row + 1) * WORDS_OF_ROW),
    pairHashes: Uint32Array.from({ length: 2 * rows }, next),
    questionHashes: Uint32Array.from({ length: rows }, next),
    words,
    symbolsOfPair: new Uint16Array(rows).fill(690),
    kindOfPair: new Uint8Array(rows).fill(LONG_ANSWER),
    levelOfPair: new Uint8Array(rows).fill(LEVEL),
    echoOfPair: new Uint8Array(rows),
  });
}

function fileOf(folder: string, owner: number, kind: 'earlier' | 'current'): string {
  return join(folder, `${owner}.${kind}`);
}
