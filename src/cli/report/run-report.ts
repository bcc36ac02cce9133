import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { readAssets } from '../../page/document.ts';
import { reportPage } from '../../page/report-page.ts';
import { ReportReader } from '../../page/report-reader.ts';
import { TrainingRuns } from '../../page/training-runs.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { amount, printable, quoted } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';

export interface ReportFlags {
  folder: string;
  output: string;
  metrics_dir?: string;
  epochs: number;
}

/** Writes the page; sets the exit code and never throws. */
export async function runReport({ folder, output, metrics_dir, epochs: most }: ReportFlags): Promise<void> {
  await runCommandLine(async () => {
    const reports = existsSync(join(folder, 'reports')) ? join(folder, 'reports') : folder;
    const read = await new ReportReader({ folder: reports, epochs: most }).read();
    if (!read.last)
      throw new FlockOffError({
        code: 'bad-argument',
        what: read.leftOut[0] ?? `${folder} holds no report of an epoch`,
        fix: "pass the validator's data folder; the first report comes at the end of an epoch",
        facts: { name: 'folder', value: folder },
      });
    const metrics = metrics_dir ?? [join(folder, 'metrics'), join(reports, 'metrics')].find(existsSync) ?? null;
    const runs = await new TrainingRuns(metrics).read(read.epochs);
    const page = reportPage({ reports: read, runs, assets: await readAssets() });
    const path = resolve(output);
    await onDisk({ path, bytes: Buffer.byteLength(page) }, () =>
      writeWhole(path, (incomplete) => writeFile(incomplete, page)),
    );
    const kilobytes = Math.ceil(Buffer.byteLength(page) / 1000);
    const lines = [
      `${quoted(output)}: ${amount(read.epochs.length, 'epoch')}, ${amount(runs.length, 'training run')}, ${kilobytes} kB`,
      ...read.leftOut.map(printable),
    ];
    return { text: lines.join('\n'), good: true };
  });
}
