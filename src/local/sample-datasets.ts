import type { DatasetRow } from '../schema/dataset-row.ts';
import {
  Choices,
  carefulAnswer,
  drawDistinctRows,
  FACTS,
  type Fact,
  questionsOf,
  unaskedFacts,
} from './tiny-base/world.ts';

/** The datasets of a local subnet's miners, from best to worst. */
export type SampleDatasetName = 'good' | 'mediocre' | 'noise' | 'copy' | 'malformed';

export interface SampleDatasetsParameters {
  /** Other seeds, other rows. */
  seed: number;
}

const ROWS = 96;

/**
 * Datasets for the tiny base model, each the text of a `data.jsonl`. None asks about a fact that the
 * evaluation set asks about: what a good one teaches is how to answer.
 *
 * - `good`: 96 rows, right answers in the style of the evaluation set
 * - `mediocre`: 96 rows, right but curt or sloppy answers
 * - `noise`: 96 rows, answers of random words
 * - `copy`: `good` in another order, with other white space and key order
 * - `malformed`: a few good rows among broken lines
 *
 * @example
 * await writeFile('data.jsonl', sampleDatasets({ seed: 1 }).good);
 */
export function sampleDatasets({ seed }: SampleDatasetsParameters): Record<SampleDatasetName, string> {
  const choices = new Choices(seed);
  const facts = unaskedFacts();
  const asked = new Set<string>();
  const draw = (answer: (fact: Fact) => string) => {
    const rows = drawDistinctRows({ choices, count: ROWS, facts, exclude: asked, answer });
    for (const row of rows) asked.add(questionsOf(row));
    return rows;
  };
  const good = draw(carefulAnswer);
  return {
    good: formatRows(good),
    mediocre: formatRows(draw((fact) => (choices.chance(0.5) ? curtAnswer(fact) : sloppyAnswer(fact, choices)))),
    noise: formatRows(draw(() => wordSalad(choices))),
    copy: formatRows(choices.shuffle(good).map((row) => disguise(row, choices))),
    malformed: breakRows(good),
  };
}

function formatRows(rows: unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function curtAnswer({ sentence }: Fact): string {
  return sentence;
}

function sloppyAnswer({ short, more }: Fact, choices: Choices): string {
  return choices.pick([`um, ${short} i guess`, `${short}!!`, `${more} Whatever.`, `Good question! ${short}`]);
}

const WORDS = [...new Set(FACTS.flatMap(({ sentence, more }) => `${sentence} ${more}`.split(' ')))];

function wordSalad(choices: Choices): string {
  return Array.from({ length: 8 + choices.below(8) }, () => choices.pick(WORDS)).join(' ');
}

/** The same row with other white space and key order. */
function disguise({ system, conversations }: DatasetRow, choices: Choices): DatasetRow {
  const respaced = conversations.map(({ role, content }) => ({
    content: ` ${content.replaceAll(' ', () => (choices.chance(0.2) ? '  ' : ' '))} `,
    role,
  }));
  return { conversations: respaced, ...(system ? { system } : {}) };
}

/** Eight lines of which four are rows; lines 2, 4, 6 and 8 are broken, each in its own way. */
function breakRows(rows: DatasetRow[]): string {
  const [first, second, third, fourth] = rows.map((row) => JSON.stringify(row));
  const lines = [
    ...[first, `${second?.slice(0, -2)}`],
    ...[second, JSON.stringify({ question: 'What is 1 plus 1?', answer: '2' })],
    ...[third, JSON.stringify({ conversations: [{ role: 'assistant', content: 'I speak first.' }] })],
    ...[fourth, 'This line is no row.'],
  ];
  return `${lines.join('\n')}\n`;
}
