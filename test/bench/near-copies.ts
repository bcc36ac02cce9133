/**
 * How much of copied datasets is found, and of honest ones wrongly held: npm run bench:copies. Docs: docs/integrity.md.
 * Prose is of the READMEs of the installed packages, short rows of the tiny base model's world.
 */
import { findOthersRows } from '../../src/dataset/fingerprint/find-others-rows.ts';
import { fingerprintRows } from '../../src/dataset/fingerprint/fingerprint-rows.ts';
import { normalForm } from '../../src/dataset/fingerprint/normal-form.ts';
import type { Showing } from '../../src/dataset/fingerprint/showings.ts';
import { sampleDatasets } from '../../src/local/sample-datasets.ts';
import { evaluationRows } from '../../src/local/tiny-base/world.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';
import { ATTACKS } from './near-copy-attacks.ts';
import { HONEST } from './near-copy-honest.ts';
import { METHODS } from './near-copy-methods.ts';
import { longRows, row, said, sentence, tinyRows } from './near-copy-texts.ts';

const parse = (lines: string) =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DatasetRow);

const ROWS = 60;
const LONG = longRows(ROWS);
const SHORT = parse(sampleDatasets({ seed: 1 }).good);
const TINY = tinyRows(ROWS);
const BRIEF = Array.from({ length: ROWS }, () => row(sentence(), sentence()));
const DATASETS = [LONG, BRIEF, SHORT, TINY, evaluationRows()];

/** What a row says, whatever its case and punctuation. */
const meaningOf = ({ conversations }: DatasetRow) =>
  conversations.map(({ content }) => normalForm(content).join()).join('|');

async function heldRows(first: DatasetRow[], second: DatasetRow[], asEvaluation = false): Promise<number[]> {
  const showing = (owner: string, rows: DatasetRow[], at: number, judged: boolean): Showing => ({
    owner,
    fingerprint: fingerprintRows(rows),
    shownAt: new Float64Array(rows.length).fill(at),
    claimedUntil: Number.POSITIVE_INFINITY,
    judged,
  });
  const { others } = await findOthersRows({
    showings: [...(asEvaluation ? [] : [showing('first', first, 1, false)]), showing('second', second, 2, true)],
    evaluation: asEvaluation ? fingerprintRows(first) : null,
    evaluationRows: 'leave-out',
  });
  const found = others.get(asEvaluation ? 0 : 1) ?? [];
  return found.map(({ row }) => row);
}

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.01 ? 1 : 0)} %`.padStart(8);

/** Rows judged of an honest case, at least, so that one of a hundred means something. */
const HONEST_ROWS = 1000;
/** Arguments: one of the parts attacks, honest and methods, and some letters of the cases of it. */
const [part = '', only = ''] = process.argv.slice(2);
const isWanted = (name: string) => part === '' || part === name;

if (isWanted('attacks'))
  console.log(
    '| attack | long answers | a sentence | short answers | tiny answers | as evaluation set |\n|---|---|---|---|---|---|',
  );
for (const [kind, attack] of Object.entries(ATTACKS)) {
  if (!isWanted('attacks') || !kind.includes(only)) continue;
  const shares: number[] = [];
  for (const rows of DATASETS) {
    const copy = attack(rows);
    shares.push((await heldRows(rows, copy, shares.length === 4)).length / copy.length);
  }
  console.log(`| ${kind} | ${shares.map(percent).join(' | ')} |`);
}

console.log('\n| honest | rows both have | wrongly held |\n|---|---|---|');
for (const [kind, datasets] of Object.entries(HONEST)) {
  if (!isWanted('honest') || !kind.includes(only)) continue;
  let [own, held, all] = [0, 0, 0];
  for (let round = 0; round < 400 && own < HONEST_ROWS; round++) {
    const [first, second] = datasets();
    const known = new Set(first.map(meaningOf));
    const isShared = second.map((r) => known.has(meaningOf(r)));
    all += second.length;
    own += isShared.filter((shared) => !shared).length;
    held += (await heldRows(first, second)).filter((i) => !isShared[i]).length;
  }
  console.log(`| ${kind} | ${percent(1 - own / all)} | ${percent(held / own)} | (${held} of ${own})`);
}
if (!isWanted('methods')) process.exit();

const COMPARED = [
  'exact copy',
  'a homoglyph a row',
  'one synonym a turn',
  'every 20th word replaced',
  'every 12th word replaced',
  'every 9th word replaced',
  'every 7th word replaced',
  'every 5th word replaced',
  'every 10th word deleted',
  'sentences reordered',
  'spaces between letters',
  'first half of each answer',
  'filler in the middle, as long',
  'filler, three times as long',
  'halves of two rows',
  'answers split into turns',
];
console.log(
  `\n| attack on long answers | ${Object.keys(METHODS).join(' | ')} | here |\n|---|${'---|'.repeat(Object.keys(METHODS).length + 1)}`,
);
for (const kind of COMPARED) {
  const copy = ATTACKS[kind]!(LONG);
  const shares = Object.values(METHODS).map(
    (isCopy) =>
      copy.filter((r) => LONG.some((original) => isCopy(said(original, 'assistant'), said(r, 'assistant')))).length /
      copy.length,
  );
  shares.push((await heldRows(LONG, copy)).length / copy.length);
  console.log(`| ${kind} | ${shares.map(percent).join(' | ')} |`);
}
