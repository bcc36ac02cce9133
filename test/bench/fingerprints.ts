/**
 * How fast datasets are fingerprinted and compared, and how much memory that takes: npm run bench:fingerprints -- [owners] [judged].
 * Fingerprinted are 20,000 rows of 1 kB of words. Compared are fingerprints of that size: each owner has 20,000 current and
 * 20,000 earlier rows, a tenth of the current ones are of the earlier, and each judged one has a tenth of its rows from another
 * owner. A third of all grams are of a million that many rows have, as in a language. Numbers: docs/integrity.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOthersRows } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import { LONG_ANSWER, limitOf, readFingerprint, writeFingerprint } from '../../src/dataset/fingerprint/format.ts';
import type { Showing } from '../../src/dataset/fingerprint/showings.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../src/shared/random.ts';

const [owners = 256, judged = 32] = process.argv.slice(2).map(Number);
const ROWS = 20_000;
const random = new MersenneTwister(1);
const below = (n: number) => Math.floor(random.nextUniform() * n);
const cpuMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
const peakMiB = () => process.resourceUsage().maxRSS / 1024;

const letters = () => Array.from({ length: 2 + below(8) }, () => String.fromCharCode(97 + below(26))).join('');
const WORDS = Array.from({ length: 20_000 }, letters);
function text(length: number): string {
  let written = '';
  while (written.length < length) written += `${WORDS[below(WORDS.length)]} `;
  return written.slice(0, length);
}
const rows = Array.from(
  { length: ROWS },
  (): DatasetRow => ({
    conversations: [
      { role: 'user', content: text(100) },
      { role: 'assistant', content: text(820) },
    ],
  }),
);
let before = cpuMs();
const bytes = fingerprintRows(rows);
console.log(
  `fingerprint of ${ROWS} rows: ${(cpuMs() - before).toFixed(0)} ms of CPU, ${(bytes.byteLength / 1e6).toFixed(2)} MB`,
);
const like = readFingerprint(bytes)!;
rows.length = 0;

/** Xorshift: a hundred million numbers of it take a second. */
let state = 2463534242;
function next(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}
const COMMON = Uint32Array.from({ length: 1_000_000 }, () => Math.floor((next() * limitOf(24)) / 2 ** 32) & -2);
const wordsPerRow = Math.round(like.words.length / ROWS);

/** Rows in which other grams stand. */
function makeFingerprint(from?: Uint8Array): Uint8Array {
  const words = new Uint32Array(ROWS * wordsPerRow);
  const limit = limitOf(37);
  for (let i = 0; i < words.length; i++)
    words[i] = next() % 3 === 0 ? COMMON[next() % COMMON.length]! : Math.floor((next() * limit) / 2 ** 32) & -2;
  const known = from && readFingerprint(from);
  if (known)
    for (let row = 0; row < ROWS; row += 10)
      words.set(known.words.subarray(row * wordsPerRow, (row + 1) * wordsPerRow), row * wordsPerRow);
  return writeFingerprint({
    pairEnd: Uint32Array.from({ length: ROWS }, (_, row) => row + 1),
    wordEnd: Uint32Array.from({ length: ROWS }, (_, row) => (row + 1) * wordsPerRow),
    pairHashes: Uint32Array.from({ length: 2 * ROWS }, next),
    questionHashes: Uint32Array.from({ length: ROWS }, next),
    words,
    symbolsOfPair: new Uint16Array(ROWS).fill(690),
    kindOfPair: new Uint8Array(ROWS).fill(LONG_ANSWER),
    levelOfPair: new Uint8Array(ROWS).fill(37),
    echoOfPair: new Uint8Array(ROWS),
  });
}

const folder = mkdtempSync(join(tmpdir(), 'fingerprints-'));
try {
  const showings: Showing[] = [];
  const add = (owner: number, kind: string, print: Uint8Array, at: number, isJudged: boolean) => {
    const file = join(folder, `${owner}.${kind}`);
    writeFileSync(file, print);
    const shownAt = new Float64Array(ROWS).fill(at);
    showings.push({
      owner: `${owner}`,
      fingerprint: () => readFileSync(file),
      shownAt,
      claimedUntil: Infinity,
      judged: isJudged,
    });
  };
  let other: Uint8Array | undefined;
  for (let owner = 0; owner < owners; owner++) {
    const isJudged = owner >= owners - judged;
    const earlier = makeFingerprint();
    add(owner, 'earlier', earlier, 1e6 + owner, false);
    const current = makeFingerprint(isJudged ? other : earlier);
    add(owner, 'current', current, 2e6 + owner, isJudged);
    if (!isJudged) other = current;
  }
  console.log(
    `${((owners * 2 * bytes.byteLength) / 1e9).toFixed(2)} GB of fingerprints, at the start ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  );
  const wall = performance.now();
  before = cpuMs();
  const found = await findOthersRows({ showings, evaluation: null, evaluationRows: 'leave-out' });
  const held = [...found.others.values()].reduce((sum, list) => sum + list.length, 0);
  console.log(
    `${owners} owners, ${judged} judged: ${((cpuMs() - before) / 1000).toFixed(1)} s of CPU, ${((performance.now() - wall) / 1000).toFixed(1)} s, peak ${peakMiB().toFixed(0)} MiB, ${held} rows held`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
