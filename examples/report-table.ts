import Table from 'cli-table3';
import type { EpochEntry, EpochReport } from 'flock-off';
import { printable } from './printable.ts';

const HEAD = ['uid', 'dataset', 'rows', 'loss / verdict', 'score', 'weight'];
const WIDTHS = [5, 22, 7, 19, 7, 9];
const BORDERS = WIDTHS.length + 2;
const TOGETHER = sum(WIDTHS) + BORDERS;
/** Where nothing tells a width: a file, a log, a pipe. */
const UNKNOWN_COLUMNS = 130;
const WIDEST_WHY = 100;
const NARROWEST_WHY = 30;
const [NARROWEST_DATASET, WIDEST_DATASET] = [10, 60];

/** An epoch for a person to read, in lines that fit a screen: the reasons in a column, below each row, or as plain sentences. */
export function reportTable(
  report: EpochReport,
  columns = process.stdout.columns || UNKNOWN_COLUMNS,
  colours = process.stdout.isTTY && process.stdout.hasColors(),
): string {
  const style = colours ? {} : { head: [], border: [] };
  const { baselineLossNatsPerToken: baseline, notSent, policy } = report;
  const lines = [entries()];
  const { earlierAdvantage = 0 } = policy.parameters;
  if (baseline !== null)
    lines.push(
      `the base model alone has loss ${baseline.toFixed(4)}, to be beaten by ${Number((100 * Number(earlierAdvantage)).toFixed(2))} %`,
    );
  if (report.share !== undefined)
    lines.push(
      `competition ${report.competition} has ${Number((100 * report.share).toFixed(2))} % of the weights; those above are within it`,
    );
  if (notSent !== null) lines.push(notSent);
  return lines.join('\n');

  function entries(): string {
    const why = columns - TOGETHER;
    if (why >= NARROWEST_WHY) {
      const colWidths = [...WIDTHS, Math.min(why, WIDEST_WHY)];
      const table = new Table({ head: [...HEAD, 'why'], colWidths, wordWrap: true, style });
      for (const entry of report.entries) table.push([...cells(entry), printable(entry.why)]);
      return table.toString();
    }
    // Rows and score go first, the name of the dataset is cut next.
    const [uid, , , result, , weight] = WIDTHS as [number, number, number, number, number, number];
    const dataset = Math.min(columns - uid - result - weight - 5, WIDEST_DATASET);
    if (dataset < NARROWEST_DATASET) return report.entries.map(sentence).join('\n');
    const table = new Table({
      head: ['uid', 'dataset', 'loss / verdict', 'weight'],
      colWidths: [uid, dataset, result, weight],
      wordWrap: true,
      style,
    });
    for (const entry of report.entries) {
      const [uid, dataset, , result, , weight] = cells(entry);
      table.push([uid, dataset, result, weight], [{ colSpan: 4, content: printable(entry.why) }]);
    }
    return table.toString();
  }
}

function cells({ uid, pointer, rows, outcome, score, weight }: EpochEntry) {
  const dataset = pointer?.split(':')[0] ?? '(not text)';
  const result =
    outcome.kind === 'scored'
      ? outcome.lossNatsPerToken.toFixed(4)
      : outcome.kind === 'rejected'
        ? outcome.verdict.reason
        : 'postponed';
  const shownScore = score === null ? '-' : score.toFixed(2);
  return [uid, printable(dataset), rows ?? '-', result, shownScore, weightText(weight)] as const;
}

function sentence(entry: EpochEntry): string {
  const [uid, dataset, , result, , weight] = cells(entry);
  return `uid ${uid}: ${dataset}, ${result}, weight ${weight}: ${printable(entry.why)}`;
}

function weightText(weight: number): string {
  return weight > 0 && weight < 0.0001 ? '<0.0001' : weight.toFixed(4);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
