/**
 * Whether copies of the dataset that was shown last are found beside hundreds of others, whose grams are some of the same by
 * chance: npm run bench:late -- [datasets]. Fingerprints of 20,000 rows of 1 kB each, whose words are drawn at random;
 * of a tenth of the rows of those that are judged, so many of 32 grams are the last one's. Numbers: docs/integrity.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOthersRows } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { sealFingerprint } from '../../src/dataset/fingerprint/sealed-fingerprint.ts';
import type { Showing } from '../../src/dataset/fingerprint/showings.ts';
import { anyWords, fingerprintOfWords, WORDS_OF_ROW } from './many-fingerprints.ts';

const ROWS = 20_000;
const COPIED_ROWS = 10;
const KEPT = [32, 24, 20, 17];
const datasets = Number(process.argv[2] ?? 512);

const folder = mkdtempSync(join(tmpdir(), 'late-copies-'));
try {
  let last = new Uint32Array(0);
  const showings = Array.from({ length: datasets }, (_, i) => {
    last = anyWords(ROWS);
    return showingOf(`${i}`, last, { at: i, judged: false });
  });
  const judged = KEPT.map((kept) => {
    const words = anyWords(ROWS);
    for (let row = 0; row < ROWS; row += COPIED_ROWS)
      words.set(last.subarray(row * WORDS_OF_ROW, row * WORDS_OF_ROW + kept), row * WORDS_OF_ROW);
    return showingOf(`with ${kept}`, words, { at: datasets, judged: true });
  });
  const { others } = await findOthersRows({
    ...{ showings: [...showings, ...judged], evaluation: null, evaluationRows: 'leave-out' },
  });
  console.log(`copies of the last of ${datasets} datasets that are found, of ${ROWS / COPIED_ROWS}:`);
  for (const [i, kept] of KEPT.entries())
    console.log(`${kept} of ${WORDS_OF_ROW} grams: ${others.get(datasets + i)!.length}`);
} finally {
  rmSync(folder, { recursive: true });
}

function showingOf(owner: string, words: Uint32Array, { at, judged }: { at: number; judged: boolean }): Showing {
  const file = join(folder, owner);
  writeFileSync(file, sealFingerprint(fingerprintOfWords(words)));
  return {
    ...{ owner, fingerprint: { file }, judged },
    shownAt: new Float64Array(ROWS).fill(at),
    claimedUntil: Number.POSITIVE_INFINITY,
  };
}
