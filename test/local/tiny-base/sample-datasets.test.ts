import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkDataset, type Dataset } from '../../../src/dataset/check.ts';
import { type FindOthersRowsParameters, findOthersRows } from '../../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../../src/dataset/fingerprint/fingerprint-rows.ts';
import { loadEvaluationSet } from '../../../src/dataset/load-rows.ts';
import { rowHash } from '../../../src/dataset/row-hash.ts';
import { LOCAL_COMPETITION } from '../../../src/local/local-competition.ts';
import { sampleDatasets } from '../../../src/local/sample-datasets.ts';
import { Competition } from '../../../src/schema/competition.ts';
import type { DatasetRow } from '../../../src/schema/dataset-row.ts';

const competition = Competition.parse(LOCAL_COMPETITION);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samples-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function check(text: string) {
  const path = join(folder, 'data.jsonl');
  await writeFile(path, text);
  return checkDataset({ path, competition });
}

async function checkGood(text: string): Promise<Dataset> {
  const checked = await check(text);
  if (!checked.ok) throw new Error(checked.verdict.message);
  return checked.value;
}

test.each(['good', 'mediocre', 'noise', 'copy'] as const)('%s passes the checks with 96 rows', async (name) => {
  for (const seed of [1, 2, 3]) {
    const { rows } = await checkGood(sampleDatasets({ seed })[name]);
    expect(rows).toHaveLength(96);
    expect(new Set(rows.map(rowHash)).size).toBe(96);
  }
});

test('copy has other bytes than good, and the same rows', async () => {
  const samples = sampleDatasets({ seed: 1 });
  const [good, copy] = [await checkGood(samples.good), await checkGood(samples.copy)];
  expect(copy.sha256).not.toBe(good.sha256);
  const [hashes, copied] = [good.rows.map(rowHash), copy.rows.map(rowHash)];
  expect(copied).not.toEqual(hashes);
  expect(copied.sort()).toEqual(hashes.sort());
});

test.each([1, 2, 3])('only copy is found to be a duplicate among the datasets of seed %i', async (seed) => {
  const { malformed, ...valid } = sampleDatasets({ seed });
  const names = Object.keys(valid);
  const showings: FindOthersRowsParameters['showings'][number][] = [];
  for (const [owner, text] of Object.entries(valid)) {
    const { rows } = await checkGood(text);
    const shownAt = new Float64Array(rows.length).fill(showings.length);
    const claimedUntil = Number.POSITIVE_INFINITY;
    showings.push({ owner, fingerprint: fingerprintRows(rows), shownAt, claimedUntil, judged: true });
  }
  const { others } = await findOthersRows({ showings, evaluation: null, evaluationRows: 'leave-out' });
  expect(names.filter((_, i) => others.get(i)!.length > 48)).toEqual(['copy']);
});

test('malformed is refused, and each broken line is named', async () => {
  const checked = await check(sampleDatasets({ seed: 1 }).malformed);
  expect(checked).toMatchObject({
    ok: false,
    verdict: {
      reason: 'invalid-rows',
      facts: {
        problemCount: 4,
        problems: [
          { line: 2, problem: expect.stringContaining('not JSON') },
          { line: 4, problem: expect.stringContaining('"question" and "answer"') },
          { line: 6, problem: expect.stringContaining('conversations') },
          { line: 8, problem: expect.stringContaining('not JSON') },
        ],
      },
    },
  });
});

test('no sample has a question or an answer of the evaluation set', async () => {
  const path = fileURLToPath(new URL('../../../eval_data/data.jsonl', import.meta.url));
  const said = (rows: DatasetRow[]) =>
    rows.flatMap(({ conversations }) => conversations.map(({ content }) => plain(content)));
  const evaluated = new Set(said((await loadEvaluationSet({ path })).rows));
  expect(evaluated.size).toBeGreaterThan(100);
  for (let seed = 1; seed <= 20; seed++) {
    const samples = sampleDatasets({ seed });
    for (const name of ['good', 'mediocre', 'noise', 'copy'] as const) {
      const shared = said((await checkGood(samples[name])).rows).filter((turn) => evaluated.has(turn));
      expect(shared, `${name}, seed ${seed}`).toEqual([]);
    }
  }
});

/** A turn without what opens it, its case and its spaces. */
function plain(turn: string): string {
  return turn
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replace(/^(thank you\.|i see\.|and now:) /, '');
}

test('a seed gives the same datasets again, another seed others', () => {
  expect(sampleDatasets({ seed: 4 })).toEqual(sampleDatasets({ seed: 4 }));
  expect(sampleDatasets({ seed: 4 }).good).not.toBe(sampleDatasets({ seed: 5 }).good);
});
