import { describe, expect, test } from 'vitest';
import { adviseEvaluation } from '../../src/competition/advise-evaluation.ts';
import type { CompetitionDraft } from '../../src/competition/document.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import { Competition } from '../../src/schema/competition.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

const SUBJECTS = ['harbour', 'violin', 'glacier', 'bakery', 'comet', 'meadow', 'engine', 'lantern', 'orchard', 'river'];
const DOINGS = [
  'repairs',
  'paints',
  'follows',
  'measures',
  'describes',
  'forgets',
  'borrows',
  'weighs',
  'counts',
  'names',
];
const row = (i: number): DatasetRow => {
  const [subject, doing] = [SUBJECTS[i % 10]!, DOINGS[Math.floor(i / 10) % 10]!];
  return {
    conversations: [
      { role: 'user', content: `Who ${doing} the ${subject} when number ${i} is called?` },
      {
        role: 'assistant',
        content: `Keeper ${i} ${doing} every ${subject} before the ${i * 3} bells of evening ring.`,
      },
    ],
  };
};
const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => row(i));

async function advise(
  rows: DatasetRow[],
  { known = [] as DatasetRow[][], losses = null as (number | null)[] | null, policy = 'win-rates' } = {},
) {
  const { id: _, ...rules } = Competition.parse({ policy: { name: policy } });
  return adviseEvaluation({
    drafted: { draft: { rules } as unknown as CompetitionDraft, evaluation: { rows, bytes: 1, sha256: 'f' } as never },
    known: known.map((set, i) => ({ file: `known-${i}.jsonl`, fingerprint: fingerprintRows(set) })),
    rowLosses: losses,
  });
}
const even = (count: number) => Array.from({ length: count }, (_, i) => 2 + (i % 2) / 100);

describe('advice on an evaluation set', () => {
  test('has nothing to say of one that is good', async () => {
    const { advice, known, repeated } = await advise(rowsOf(100), { known: [[row(500)]], losses: even(100) });
    expect({ advice, known, repeated }).toEqual({
      ...{ advice: [], known: [{ file: 'known-0.jsonl', rows: 0, examples: [] }] },
      repeated: { rows: 0, examples: [] },
    });
  });

  test('names rows that repeat an earlier one, and rows of known sets, by what they say', async () => {
    const again: DatasetRow = structuredClone(row(3));
    again.conversations[1]!.content = `${again.conversations[1]!.content.toUpperCase()}  `;
    const { repeated, known, advice } = await advise([...rowsOf(100), again], {
      known: [[row(40), row(41)], [row(700)]],
      losses: even(101),
    });
    expect(repeated).toEqual({ rows: 1, examples: [{ line: 101, ofLine: 4 }] });
    expect(known.map(({ file, rows, examples }) => [file, rows, examples.map(({ line }) => line)])).toEqual([
      ['known-0.jsonl', 2, [41, 42]],
      ['known-1.jsonl', 0, []],
    ]);
    expect(advice).toEqual([
      'repeated: 1 row, which an earlier one says already and which would count twice; leave them out',
      '2 rows of known-0.jsonl, which miners may have too: replace them',
    ]);
  });

  test('says what was not looked at', async () => {
    const { advice, losses } = await advise(rowsOf(100));
    expect(losses).toBeNull();
    expect(advice).toEqual([
      expect.stringMatching(/^nothing was compared/),
      expect.stringMatching(/^the base model is not on/),
    ]);
  });

  test('measures how the losses are spread, against the margin by which the policy lets a dataset win', async () => {
    // Twenty rows at 1 and at 3: the mean is 2, its standard error 1.0127 / sqrt(40) = 0.1601, or 16 % in two of them.
    const wide = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : 3));
    const { losses, advice } = await advise(rowsOf(41), { known: [[row(500)]], losses: [...wide, null] });
    expect(losses).toMatchObject({ mean: 2, least: 1, median: 3, most: 3, unlabelled: 1, topTenthShare: 12 / 80 });
    expect(losses!.standardError).toBeCloseTo(0.16013, 5);
    expect(advice).toEqual([
      '41 rows are few: chance decides between datasets that are alike; take 100 or more',
      'not counted: 1 row without a token of the assistant within the context',
      'the mean loss is known to 16.0 % only (two standard errors), and a dataset wins by 4.0 %: take more rows',
    ]);
    // A policy without such a margin.
    const curve = await advise(rowsOf(41), { known: [[row(500)]], losses: [...wide, null], policy: 'benchmark-curve' });
    expect(curve.advice).toHaveLength(2);
  });

  test('warns where a few rows decide', async () => {
    const losses = Array.from({ length: 100 }, (_, i) => (i < 10 ? 20 : 1));
    const { advice } = await advise(rowsOf(100), { known: [[row(500)]], losses });
    expect(advice).toContainEqual(
      'a tenth of the rows has 69.0 % of the loss, so those rows decide: look at whether they are good',
    );
  });
});
