import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { readAssets } from '../../page/document.ts';
import { reportPage } from '../../page/report-page.ts';
import { type ReadReports, ReportReader } from '../../page/report-reader.ts';
import { TrainingRuns } from '../../page/training-runs.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { reportFolders } from '../../validator/receipts/report-folders.ts';
import { amount, printable, quoted } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';

export interface ReportFlags {
  folder: string;
  output: string;
  metrics_dir?: string;
  epochs: number;
}

interface FoundReports {
  /** Of the competition. */
  id: string;
  /** Their folder. */
  reports: string;
  read: ReadReports;
  last: Receipt;
}

/** Writes the page, of several competitions one for each; sets the exit code and never throws. */
export async function runReport({ folder, output, metrics_dir, epochs }: ReportFlags): Promise<void> {
  await runCommandLine(async () => {
    const all: FoundReports[] = [];
    const without: string[] = [];
    for (const reports of await reportFolders(folder)) {
      const read = await new ReportReader({ folder: reports, epochs }).read();
      const { last } = read;
      if (last) all.push({ id: last.inputs.competition.id, reports, read, last });
      else without.push(read.leftOut[0] ?? `${reports} holds no report of an epoch`);
    }
    // One that was played alone before has reports where it was, too.
    const byBlock = all.toSorted((a, b) => a.last.startBlock - b.last.startBlock);
    const found = [...new Map(byBlock.map((one) => [one.id, one])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (found.length === 0)
      throw new FlockOffError({
        code: 'bad-argument',
        what: without[0] ?? `${folder} holds no report of an epoch`,
        fix: "pass the validator's data folder; the first report comes at the end of an epoch",
        facts: { name: 'folder', value: folder },
      });
    const assets = await readAssets();
    const files = found.map(({ id }, i) => (i === 0 ? output : withId(output, id)));
    const lines: string[] = [];
    for (const [i, { reports, read }] of found.entries()) {
      const metrics = metrics_dir ?? [join(folder, 'metrics'), join(reports, 'metrics')].find(existsSync) ?? null;
      const others = found.flatMap((one) => (one.read === read ? [] : one.read.epochs));
      const runs = await new TrainingRuns(metrics).read(read.epochs, others);
      const tabs = found.map(({ id }, of) => ({
        ...{ competition: id, isThis: of === i, href: encodeURIComponent(basename(files[of]!)) },
      }));
      const page = reportPage({ reports: read, runs, assets, tabs });
      const path = resolve(files[i]!);
      const bytes = Buffer.byteLength(page);
      await onDisk({ path, bytes }, () => writeWhole(path, (incomplete) => writeFile(incomplete, page)));
      const of = found.length > 1 ? `competition ${tabs[i]!.competition}, ` : '';
      const counts = `${amount(read.epochs.length, 'epoch')}, ${amount(runs.length, 'training run')}`;
      lines.push(`${quoted(files[i]!)}: ${of}${counts}, ${Math.ceil(bytes / 1000)} kB`, ...read.leftOut.map(printable));
    }
    return { text: [...lines, ...without.map(printable)].join('\n'), good: true };
  });
}

/** Such as `report-chat1.html` beside `report.html`. */
function withId(output: string, competition: string): string {
  const { dir, name, ext } = parse(output);
  return join(dir, `${name}-${competition}${ext}`);
}
