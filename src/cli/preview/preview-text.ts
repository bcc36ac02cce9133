import { styleText } from 'node:util';
import type { LeftOutEvidence } from '../../schema/left-out-evidence.ts';
import { fileLines } from '../check/report-text.ts';
import { amount, labelled, number, printable } from '../check/words.ts';
import type { PreviewFlags, PreviewOutput, TrainedPreview } from './preview-output.ts';

const MOST_EXAMPLES = 5;
const ROWS_SHOWN = 10;

/** What was found, for people: plain sentences under labels, 80 characters wide. */
export function previewText(output: PreviewOutput, flags: PreviewFlags & { lines: string[] }): string {
  const { check, rows, trained } = output;
  const verdict = rows.verdict ?? check.verdict;
  const word = verdict ? 'refused' : 'good';
  return [
    ...flags.lines.flatMap((line) => labelled('', line)),
    ...labelled('File', `${check.file}, ${number(check.bytes)} bytes`),
    ...labelled('Verdict', verdict ? `refused (${verdict.reason})` : 'good').map((line) =>
      line.replace(word, paint(word, !verdict)),
    ),
    ...labelled('', verdict?.message ?? 'a validator that sees it now would train on it'),
    ...fileLines(check, flags.all),
    ...rowLines(output),
    ...(trained ? lossLines(trained) : labelled('Loss', notMeasured(output, flags))),
    ...commitLines(output),
  ]
    .map((line) => (line.includes('\x1b') ? line : printable(line)))
    .join('\n');
}

function paint(word: string, good: boolean): string {
  const { stdout, env } = process;
  return stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb' ? styleText(good ? 'green' : 'red', word) : word;
}

function rowLines({ rows: { compared, unread, rows, rowsTrainedOn, leftOut, block }, check }: PreviewOutput): string[] {
  const { datasets, rows: theirs, evaluationRows } = compared;
  const others = `${amount(theirs, 'row')} of ${amount(datasets, 'dataset')} that others show as of block ${number(block)}`;
  const set = evaluationRows > 0 ? `, and with the ${number(evaluationRows)} of the evaluation set` : '';
  const none = check.competition.evaluationSets
    ? '; nobody knows the sets that epochs are measured on, whose rows are left out of each'
    : '; no evaluation set was named';
  return [
    ...(rows === null
      ? []
      : labelled('Yours', `${number(rowsTrainedOn ?? 0)} of ${amount(rows, 'row')} would be trained on`)),
    ...labelled('Compared', `with ${others}${set || none}`),
    ...(leftOut ? leftOutLines(leftOut) : []),
    ...(unread.length > 0
      ? labelled(
          'Unknown',
          `what stands in ${amount(unread.length, 'dataset')} that cannot be read now: ${unread
            .slice(0, MOST_EXAMPLES)
            .map(({ uid, repo }) => `uid ${uid} (${repo})`)
            .join(', ')}${unread.length > MOST_EXAMPLES ? ', ...' : ''}`,
        )
      : []),
  ];
}

function leftOutLines({ others, evaluation, repeats, sources, examples }: LeftOutEvidence): string[] {
  const whose = sources
    .slice(0, 3)
    .map(({ uid, hotkey, rows }) => `${number(rows)} of ${uid === null ? hotkey : `uid ${uid}`}`);
  const parts = [
    ...(others > 0 ? [`${amount(others, 'row')} that others showed earlier (${whose.join(', ')})`] : []),
    ...(evaluation > 0 ? [`${amount(evaluation, 'row')} of the evaluation set`] : []),
    ...(repeats > 0 ? [`${amount(repeats, 'row')} that an earlier line says already`] : []),
  ];
  const shown = examples.slice(0, MOST_EXAMPLES).map(({ line, uid, hotkey, ofLine, block, alike }) => {
    const share = `${Math.round(100 * alike)} % alike`;
    if (hotkey === null) return `line ${line} (${share} with a row of the evaluation set)`;
    return `line ${line} is line ${ofLine} of ${uid === null ? hotkey : `uid ${uid}`}, shown in block ${block} (${share})`;
  });
  return [
    ...labelled('Left out', parts.join(', ') || 'nothing'),
    ...(shown.length > 0
      ? labelled('', `${shown.join('; ')}${others + evaluation > shown.length ? '; ...' : ''}`)
      : []),
  ];
}

function notMeasured({ rows, check }: PreviewOutput, { train, rows: asked }: PreviewFlags): string {
  if (!train && !asked) return 'not measured; --train trains on this machine';
  return rows.verdict || check.verdict ? 'not measured: a validator would not train either' : 'not measured';
}

function lossLines(trained: TrainedPreview): string[] {
  const { baseline, losses, mean, gain, worth, evaluated, sample, halfSampleLoss, standardError, verdict } = trained;
  const part =
    evaluated.rows < evaluated.ofRows ? `, on ${number(evaluated.rows)} of ${number(evaluated.ofRows)} rows` : '';
  const base = labelled('Base model', `loss ${nats(baseline)} nats per token without training${part}`);
  if (verdict) return [...base, ...labelled('Loss', `none: ${verdict.message}`)];
  if (mean === null || gain === null)
    return [...base, ...labelled('Loss', 'none: not one step was done in time; --minutes gives it more')];
  const seeds = losses.map(({ loss }) => nats(loss)).join(', ');
  const change = `${Math.abs(100 * gain).toFixed(1)} % ${gain < 0 ? 'more' : 'less'}`;
  return [
    ...base,
    ...labelled(
      'Loss',
      `${nats(mean)} nats per token after training, ${change} than the base model alone (${trained.backend})`,
    ),
    ...labelled(
      '',
      `under ${amount(losses.length, 'seed')}: ${seeds}${standardError === null ? '' : `; standard error ${nats(standardError)}`}`,
    ),
    ...(sample
      ? labelled(
          'Sample',
          `there was time for ${number(sample.rows)} of ${amount(sample.ofRows, 'row')} and ${number(sample.steps)} of ${amount(sample.ofSteps, 'step')} a seed${
            halfSampleLoss === null ? '' : `; with half of them the loss is ${nats(halfSampleLoss)}`
          }. A validator trains on all, which mostly teaches more: its loss is not in the error above`,
        )
      : []),
    ...labelled(
      'Worth',
      sample && worth === null
        ? 'not known: the sample does not beat the base model by as much as the rules ask, and all of it may; --minutes gives it more'
        : worth === null
          ? 'nothing: it does not beat the base model by as much as the rules ask'
          : `${sample ? 'the sample' : 'it'} beats the base model`,
    ),
    ...placeLines(trained),
    ...rowValueLines(trained),
  ];
}

function placeLines({ place, sample }: TrainedPreview): string[] {
  if (place === null) return [];
  const { place: at, best, worst, losses, startBlock, own } = place;
  const over = best === worst ? '' : ` (${best} to ${worst} over the seeds)`;
  const before = own === null ? '' : `; your loss there is ${nats(own)}`;
  return labelled(
    'Place',
    `${sample ? 'of the sample ' : ''}${at} of ${losses.length + 1}${over}, by the reports up to block ${number(startBlock)}${before}`,
  );
}

function rowValueLines({ rowValues }: TrainedPreview): string[] {
  if (rowValues === null) return [];
  const hurting = rowValues.filter(({ value }) => value < 0).length;
  const list = (label: string, shown: typeof rowValues) =>
    shown.flatMap(({ line, value, question }, i) =>
      labelled(i === 0 ? label : '', `line ${line} (${value.toExponential(1)}): ${question}`),
    );
  return [
    ...labelled(
      'Rows',
      `${number(hurting)} of ${number(rowValues.length)} raise the loss on the evaluation set, by their gradients`,
    ),
    ...list('Worst', rowValues.slice(0, ROWS_SHOWN)),
    ...list('Best', rowValues.slice(-MOST_EXAMPLES).reverse()),
  ];
}

function commitLines({ commit }: PreviewOutput): string[] {
  if (commit === null)
    return labelled('Commit', 'name a --hotkey to see when the chain takes its pointer; it takes no fee');
  const { hotkey, registered, budget, firstBlock, blocksLeft, minutesLeft, epochBlock, epochMinutesLeft } = commit;
  const cost = `no fee${budget ? `, ${number(budget.bytes)} of the ${number(budget.ofBytes)} bytes of an epoch` : ''}`;
  const when =
    firstBlock === null
      ? 'the chain will never have room for it'
      : `the chain takes it in block ${number(firstBlock)}, in ${amount(blocksLeft ?? 0, 'block')} (${time(minutesLeft)})`;
  return [
    ...labelled('Commit', `${cost}; ${when}`),
    ...(registered ? [] : labelled('', `${hotkey} is not registered on the subnet: it has to be before`)),
    ...(epochBlock === null
      ? []
      : labelled('', `it counts from the epoch of block ${number(epochBlock)} on, in ${time(epochMinutesLeft)}`)),
  ];
}

const nats = (value: number) => value.toFixed(4);

function time(minutes: number | null): string {
  const whole = Math.ceil(minutes ?? 0);
  return whole < 120 ? amount(whole, 'minute') : `${(whole / 60).toFixed(1)} hours`;
}
