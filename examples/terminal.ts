import Table from 'cli-table3';
import type { EpochReport, LoraTrainer, Outcome, TrainProgress, ValidatorEvent } from 'flock-off';
import { printable } from './printable.ts';
import type { Progress } from './status.ts';

/**
 * Says what a validator does: a line for what has happened, and for what takes time how far it has come. Without a
 * terminal, which shows a bar, the first and the last step of a training have lines, too.
 */
export function showEvents(
  sayLine: (line: string) => void,
  doing: (what: string | null, progress?: Progress) => void = () => {},
): (event: ValidatorEvent) => void {
  const say = (line: string) => sayLine(printable(line));
  return (event) => {
    if (event.kind === 'training') return train(event.uid, event.progress);
    if (event.kind === 'evaluating') {
      const { rowsDone: at, rows: of } = event.progress;
      return doing(`uid ${event.uid}: evaluating`, { at, of, unit: 'rows' });
    }
    if (event.kind === 'drawn') {
      const how = event.resumed ? 'goes on with' : 'draws';
      say(`block ${event.block}: the epoch ${how} ${event.hotkeys.length} miners, seed ${event.epochSeed}`);
    } else if (event.kind === 'fetching') {
      say(`uid ${event.uid}: downloading ${event.repo}`);
      doing(`uid ${event.uid}: downloading ${event.repo}`);
    } else if (event.kind === 'settled') {
      doing(null);
      say(`uid ${event.uid}: ${inWords(event.outcome)}`);
    } else {
      say(`block ${event.block}: weights are sent at block ${event.untilBlock}`);
      doing(`waiting for block ${event.untilBlock}`);
    }
  };

  function train(uid: number, { step, steps, lossNatsPerToken, tokensPerSecond }: TrainProgress): void {
    const more = `loss ${lossNatsPerToken.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s`;
    doing(`uid ${uid}: training`, { at: step, of: steps, unit: 'steps', more });
    if (!process.stdout.isTTY && (step === 1 || step === steps))
      say(`uid ${uid}: training step ${step}/${steps}, ${more}`);
  }
}

function inWords(outcome: Outcome): string {
  if (outcome.kind === 'scored') return `evaluation loss ${outcome.lossNatsPerToken.toFixed(4)} nats per token`;
  return outcome.kind === 'rejected'
    ? `${outcome.verdict.reason}, ${outcome.verdict.message}`
    : `postponed, ${outcome.message}`;
}

/** The epoch as a table a person can read. */
export function reportTable(report: EpochReport): string {
  const table = new Table({
    head: ['uid', 'dataset', 'rows', 'loss / verdict', 'score', 'weight', 'why'],
    colWidths: [5, 22, 7, 18, 10, 9, 50],
    wordWrap: true,
    style: process.stdout.isTTY ? {} : { head: [], border: [] },
  });
  for (const { uid, pointer, rows, outcome, score, weight, why } of report.entries) {
    const dataset = pointer?.split(':')[0] ?? '(not text)';
    const result =
      outcome.kind === 'scored'
        ? outcome.lossNatsPerToken.toFixed(4)
        : outcome.kind === 'rejected'
          ? outcome.verdict.reason
          : 'postponed';
    table.push([
      uid,
      printable(dataset),
      rows ?? '-',
      result,
      score === null ? '-' : score.toFixed(2),
      weightText(weight),
      printable(why),
    ]);
  }
  const { baselineLossNatsPerToken: baseline, notSent, policy } = report;
  const lines = [table.toString()];
  const { earlierAdvantage = 0 } = policy.parameters;
  if (baseline !== null)
    lines.push(
      `the base model alone has loss ${baseline.toFixed(4)}, to be beaten by ${Number((100 * Number(earlierAdvantage)).toFixed(2))} %`,
    );
  if (notSent !== null) lines.push(notSent);
  return lines.join('\n');
}

function weightText(weight: number): string {
  return weight > 0 && weight < 0.0001 ? '<0.0001' : weight.toFixed(4);
}

/** Such as "tfjs-node-gpu 4.22.0, TensorFlow 2.21.0 on the CPU, matrices in float32 (the model is small)". */
export function backendText({ backend, precision }: Pick<LoraTrainer, 'backend' | 'precision'>): string {
  const { name, packageVersion, libraryVersion, cuda } = backend;
  const library = libraryVersion ? `, TensorFlow ${libraryVersion} on ${cuda ? 'a CUDA device' : 'the CPU'}` : '';
  return `${name} ${packageVersion}${library}, matrices in ${precision.matmul} (${precision.reason})`;
}
