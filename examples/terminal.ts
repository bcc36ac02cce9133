import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import type { EpochReport, LoraTrainer, Outcome, ValidatorEvent } from 'flock-off';
import { printable } from './printable.ts';

/** Prints what a validator does: a bar per training run on a terminal, a line per milestone elsewhere. */
export function showEvents(printLine: (line: string) => void): (event: ValidatorEvent) => void {
  const print = (line: string) => printLine(printable(line));
  let bar: SingleBar | null = null;
  const stopBar = () => {
    bar?.stop();
    bar = null;
  };
  return (event) => {
    if (event.kind === 'training') return train(event.uid, event.progress);
    if (event.kind === 'evaluating') return;
    stopBar();
    if (event.kind === 'drawn') {
      const how = event.resumed ? 'goes on with' : 'draws';
      print(`block ${event.block}: the epoch ${how} ${event.hotkeys.length} miners, seed ${event.epochSeed}`);
    } else if (event.kind === 'fetching') print(`uid ${event.uid}: downloading ${event.repo}`);
    else if (event.kind === 'settled') print(`uid ${event.uid}: ${inWords(event.outcome)}`);
    else print(`block ${event.block}: weights are sent at block ${event.untilBlock}`);
  };

  function train(
    uid: number,
    progress: { step: number; steps: number; lossNatsPerToken: number; tokensPerSecond: number },
  ): void {
    const { step, steps } = progress;
    const loss = progress.lossNatsPerToken.toFixed(3);
    const speed = Math.round(progress.tokensPerSecond);
    if (!process.stdout.isTTY) {
      if (step === 1 || step === steps)
        print(`uid ${uid}: training step ${step}/${steps}, loss ${loss}, ${speed} tokens/s`);
      return;
    }
    bar ??= startBar(uid, steps);
    bar.update(step, { loss, speed });
    if (step === steps) stopBar();
  }
}

function startBar(uid: number, steps: number): SingleBar {
  const bar = new SingleBar({
    format: `uid ${uid}: training {bar} {value}/{total} steps, loss {loss}, {speed} tokens/s, {eta_formatted} left`,
    hideCursor: true,
    barsize: 24,
  });
  bar.start(steps, 0, { loss: '-', speed: '-' });
  return bar;
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
    head: ['uid', 'dataset', 'rows', 'loss / verdict', 'win rate', 'weight', 'why'],
    colWidths: [5, 22, 7, 18, 10, 9, 50],
    wordWrap: true,
    style: process.stdout.isTTY ? {} : { head: [], border: [] },
  });
  for (const { uid, pointer, rows, outcome, winRate, weight, why } of report.entries) {
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
      winRate === null ? '-' : winRate.toFixed(2),
      weightText(weight),
      printable(why),
    ]);
  }
  return report.notSent ? `${table}\n${report.notSent}` : table.toString();
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
