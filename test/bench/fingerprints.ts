/**
 * How fast datasets are fingerprinted and compared, and how much memory that takes: npm run bench:fingerprints -- [owners] [judged].
 * Each owner has 20,000 current and 20,000 earlier rows of 1 kB; a tenth of the current ones are of the earlier.
 * Fingerprints are read from files, one after another. Numbers: docs/integrity.md.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOthersRows, type Showing } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { MersenneTwister } from '../../src/shared/random.ts';

const [owners = 256, judged = 32] = process.argv.slice(2).map(Number);
const ROWS = 20_000;
const random = new MersenneTwister(1);
const below = (n: number) => Math.floor(random.nextUniform() * n);

const SYLLABLES =
  'ba be bi bo da de di do fa fe ga go ha he ka ke la le lo ma me mi na ne no pa pe ra re ri ro sa se so ta te ti to va ve'.split(
    ' ',
  );
const WORDS = Array.from({ length: 20_000 }, () =>
  Array.from({ length: 1 + below(3) }, () => SYLLABLES[below(SYLLABLES.length)]).join(''),
);
/** Frequent words are drawn often, as in a language. */
const word = () => WORDS[Math.floor(WORDS.length ** random.nextUniform()) - 1];

function text(length: number): string {
  let written = '';
  while (written.length < length) written += `${word()} `;
  return written.slice(0, length);
}
const makeRow = (): DatasetRow => ({
  conversations: [
    { role: 'user', content: text(100) },
    { role: 'assistant', content: text(820) },
  ],
});
const cpuMs = () => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;
const peakMiB = () => process.resourceUsage().maxRSS / 1024;

const folder = mkdtempSync(join(tmpdir(), 'fingerprints-'));
try {
  let made = 0;
  let spent = 0;
  let bytes = 0;
  const showings: Showing[] = [];
  for (let owner = 0; owner < owners; owner++) {
    let rows: DatasetRow[] = [];
    for (const kind of ['earlier', 'current'] as const) {
      rows = Array.from({ length: ROWS }, (_, i) => (kind === 'current' && i % 10 === 0 ? rows[i]! : makeRow()));
      const before = cpuMs();
      const print = fingerprintRows(rows);
      spent += cpuMs() - before;
      made++;
      bytes = Math.max(bytes, print.byteLength);
      const file = join(folder, `${owner}.${kind}`);
      writeFileSync(file, print);
      showings.push({
        owner: `${owner}`,
        fingerprint: () => readFileSync(file),
        shownAt: Float64Array.from({ length: ROWS }, (_, i) =>
          kind === 'current' && i % 10 !== 0 ? 2e6 + owner : 1e6 + owner,
        ),
        claimedUntil: Number.POSITIVE_INFINITY,
        judged: kind === 'current' && owner >= owners - judged,
      });
    }
    if (owner === 7 || owner === owners - 1)
      console.log(
        `fingerprint of ${ROWS} rows: ${(spent / made).toFixed(0)} ms of CPU, ${(bytes / 1e6).toFixed(2)} MB`,
      );
  }
  writeFileSync(join(folder, 'showings.json'), '');
  const [cpu, wall] = [cpuMs(), performance.now()];
  const found = await findOthersRows({ showings, evaluation: null, evaluationRows: 'leave-out' });
  const held = [...found.others.values()].reduce((sum, rows) => sum + rows.length, 0);
  console.log(
    `${owners} owners, ${judged} judged: ${((cpuMs() - cpu) / 1000).toFixed(1)} s of CPU, ${((performance.now() - wall) / 1000).toFixed(1)} s, peak ${peakMiB().toFixed(0)} MiB, ${held} rows held`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
