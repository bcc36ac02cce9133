import type { Conversion, ConversionProblem } from '../../dataset/convert/convert-file.ts';
import type { Competition } from '../../schema/competition.ts';
import type { FileReport } from './check-report.ts';
import type { HistogramBin } from './row-sizes.ts';
import { amount, labelled, lineList, number, printable, quoted, share } from './words.ts';

const EXPECTED = 'UTF-8, one JSON object a line: {"conversations": [{"role": "user", "content": "..."}, ...]}';
const BAR = 36;
/** What is shown of a list, unless all is asked for. */
const KINDS_SHOWN = 20;
const EXAMPLES_SHOWN = 5;

export interface ReportTextParameters {
  /** Whether every bad line is listed. */
  all: boolean;
  /** Makes a word stand out, as good or bad. */
  paint: (word: string, good: boolean) => string;
}

/** The report for people, in lines of 80 characters but for names that are longer by themselves. */
export function reportText(report: FileReport, { all, paint }: ReportTextParameters): string[] {
  const { file, verdict, warnings, competition } = report;
  const [word, why] = verdict ? ['refused', ` (${verdict.reason})`] : ['good', ''];
  return [
    ...labelled('File', `${printable(file)}, ${number(report.bytes)} bytes`),
    ...labelled('Verdict', word + why).map((line) => line.replace(word, paint(word, !verdict))),
    ...labelled('', verdict ? reason(report) : 'no validator of this competition would refuse it'),
    ...fileLines(report, all),
    ...labelled('Asked', `${asked(competition)}. Whether rows are yours is not known here: that takes the chain`),
    ...warnings.flatMap((warning) => labelled('Warning', warning)),
  ];
}

/** What is wrong with lines of the file, and what is in it. */
export function fileLines(report: FileReport, all: boolean): string[] {
  return [...formatLines(report), ...problemLines(report, all), ...(report.rows > 0 ? contentLines(report) : [])];
}

/** What became of a conversion. */
export function conversionText(
  { layers, rows, problems, refusal }: Conversion,
  { from, to, listed, paint }: { from: string; to: string; listed: ConversionProblem[] } & ReportTextParameters,
): string[] {
  const left = problems - listed.length;
  return [
    ...labelled('From', `${printable(from)}${layers.length > 0 ? `: ${layered(layers)}` : ''}`),
    ...listed.flatMap(({ place, problem }) => labelled('Problem', `${place}: ${printable(problem)}`)),
    ...(left > 0 ? labelled('', `and ${number(left)} more; --all lists them`) : []),
    ...(refusal === null
      ? labelled(
          'Converted',
          `${amount(rows, 'row')} in ${printable(to)}${problems > 0 ? `, ${number(problems)} left out` : ''}`,
        )
      : [
          ...labelled('Converted', 'not').map((line) => line.replace(/not$/, paint('not', false))),
          ...labelled('', printable(refusal)),
          ...(problems > 0 && rows > 0 ? labelled('', `--leave_out writes the other ${number(rows)}`) : []),
        ]),
  ];
}

/** Its bad lines stand below. */
function reason({ verdict, problems, format }: FileReport): string {
  if (verdict?.reason !== 'invalid-rows') return printable(verdict?.message ?? '');
  if (format) return 'no line of it is a row';
  return problems.lines === 1 ? '1 line is no row' : `${number(problems.lines)} lines are no rows`;
}

const layered = (layers: string[]) => printable(layers.join(', in it '));

function formatLines({ file, format }: FileReport): string[] {
  if (!format) return [];
  const fix = format.convertible
    ? `flock-off check ${quoted(file)} --convert data.jsonl`
    : `not here${format.fix ? `; ${printable(format.fix)}` : ''}`;
  return [...labelled('Seen', layered(format.layers)), ...labelled('Expected', EXPECTED), ...labelled('Convert', fix)];
}

function problemLines({ problems: { kinds, list, lines }, format }: FileReport, all: boolean): string[] {
  if (all) return list.flatMap(({ line, problem }) => labelled(`line ${line}`, printable(problem)));
  // Every line of a file in another format is wrong, each in the same way.
  if (format || lines === 0) return [];
  const shown = kinds.slice(0, KINDS_SHOWN).flatMap(({ problem, count, lines: [first, ...others] }, i) => {
    const more = count > 1 ? ` and ${number(count - 1)} more like it (${lineList(others, count - 1)})` : '';
    return labelled(i === 0 ? 'Problems' : '', `line ${first}${more}: ${printable(problem)}`);
  });
  const left = kinds.length > KINDS_SHOWN ? `, and ${number(kinds.length - KINDS_SHOWN)} kinds more` : '';
  return lines > kinds.length || left ? [...shown, ...labelled('', `--all lists each line${left}`)] : shown;
}

function contentLines({ rows, turns, tokens, codePoints, repeated, evaluation, competition }: FileReport): string[] {
  const { maxTokens, recipe } = competition;
  const { sizes, cut, unlearned } = tokens;
  const about = tokens.exact ? '' : 'about ';
  const context = number(recipe.contextTokens);
  return [
    ...labelled('Rows', `${number(rows)} of at most ${number(competition.maxRows)}`),
    ...labelled('Turns', `${number(turns.all)}, at most ${number(turns.most)} in a row`),
    ...labelled('Text', `${number(codePoints)} code points`),
    ...labelled(
      'Tokens',
      `${about}${number(tokens.all)} of at most ${number(maxTokens)} (${share(tokens.all, maxTokens)}), ${printable(tokens.how)}`,
    ),
    ...(sizes
      ? labelled(
          'A row',
          `${about}${number(sizes.least)} to ${number(sizes.most)} tokens, median ${number(sizes.median)}; 95 of 100 rows have at most ${number(sizes.p95)}`,
        )
      : []),
    ...(sizes ? histogramLines(sizes.histogram) : []),
    ...labelled(
      'Cut',
      cut.rows === 0
        ? `no row has more than ${context} tokens`
        : `${about}${amount(cut.rows, 'row')} after ${context} tokens: ${lineNames(cut)}`,
    ),
    ...(unlearned.rows > 0
      ? labelled('', `${amount(unlearned.rows, 'row')} without an answer before that: ${lineNames(unlearned)}`)
      : []),
    ...labelled(
      'Repeated',
      repeated.rows === 0
        ? 'none'
        : `${amount(repeated.rows, 'row')} that an earlier one says already, which count once: ${examples(
            repeated.examples.map(({ line, ofLine }) => `line ${line} as line ${ofLine}`),
            repeated.rows,
          )}`,
    ),
    ...(evaluation
      ? labelled(
          'Evaluation',
          evaluation.rows === 0
            ? 'no row of the evaluation set'
            : `${amount(evaluation.rows, 'row')} of ${competition.evaluationSets ? 'the set to try things on, which say nothing of others' : 'the evaluation set, left out before training'}: ${examples(
                evaluation.examples.map(({ line, alike }) => `line ${line} (${Math.round(100 * alike)} % alike)`),
                evaluation.rows,
              )}`,
        )
      : []),
  ];
}

const lineNames = ({ rows, lines }: { rows: number; lines: number[] }) =>
  `${rows === 1 ? 'line' : 'lines'} ${lineList(lines.slice(0, EXAMPLES_SHOWN), rows)}`;

function examples(shown: string[], all: number): string {
  const first = shown.slice(0, EXAMPLES_SHOWN);
  return first.join(', ') + (all > first.length ? ', ...' : '');
}

function histogramLines(bins: HistogramBin[]): string[] {
  const names = bins.map(({ from, to }) =>
    to === null ? `over ${number(from - 1)}` : `${number(from)} to ${number(to)}`,
  );
  const counts = bins.map(({ rows }) => number(rows));
  const most = Math.max(...bins.map(({ rows }) => rows));
  const [nameWidth, countWidth] = [names, counts].map((texts) => Math.max(...texts.map((text) => text.length)));
  return bins.flatMap(({ rows }, i) => {
    const bar = '#'.repeat(Math.ceil((BAR * rows) / most));
    return `${' '.repeat(11)}${names[i]!.padStart(nameWidth!)} ${counts[i]!.padStart(countWidth!)} ${bar}`.trimEnd();
  });
}

function asked({ minRows, maxRows, maxBytes, maxLineBytes, maxTurns, minOwnRows, recipe }: Competition): string {
  const rules = [
    `${number(minRows)} to ${number(maxRows)} rows`,
    `at most ${number(maxBytes)} bytes, ${number(maxLineBytes)} a line`,
    `at most ${number(maxTurns)} turns a row`,
    `${number(minOwnRows)} rows of your own, or half of them where there are fewer than twice as many`,
    `rows are cut to ${number(recipe.contextTokens)} tokens and trained on for ${amount(recipe.epochs, 'epoch')}`,
  ];
  return rules.join('; ');
}
