import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';

/** One line of a metrics file: an optimizer step that had target tokens. A number that is not finite is `null`. */
export interface StepMetrics {
  /** From 1. */
  step: number;
  /** Passes over the dataset done after it, with fraction. */
  epoch: number;
  /** Mean over the step's target tokens, before the step. */
  lossNatsPerToken: number;
  learningRate: number;
  /** L2 norm of the gradient before clipping. */
  gradNorm: number;
  /** Tokens read in this step, padding not counted. */
  tokens: number;
  /** Tokens per second of this step alone. */
  tokensPerSecond: number;
  durationMs: number;
}

/** A file to which whole lines of JSON are appended, one a step. */
export class MetricsFile {
  #file: FileHandle | null;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * A run that goes on after `stepsDone` keeps the lines of those steps and drops what follows, a line that was cut by a
   * crash too; a run from the beginning starts the file anew.
   * @throws FlockOffError `disk` when the file cannot be made.
   */
  static async open({ path, stepsDone }: { path: string; stepsDone: number }): Promise<MetricsFile> {
    try {
      await makeFolder(dirname(path));
      if (stepsDone === 0) return new MetricsFile(await open(path, 'w'));
      await writeFile(`${path}.incomplete`, await keptLines(path, stepsDone));
      await rename(`${path}.incomplete`, path);
      return new MetricsFile(await open(path, 'a'));
    } catch (cause) {
      throw new FlockOffError({
        code: 'disk',
        what: `the metrics file ${path} cannot be written: ${messageOf(cause)}`,
        fix: 'make room or choose another path',
        facts: { path },
        cause,
      });
    }
  }

  /** A disk that refuses later costs the rest of the lines, not the run. */
  async append(metrics: StepMetrics): Promise<void> {
    try {
      await this.#file?.appendFile(`${JSON.stringify(metrics)}\n`);
    } catch {
      await this.close();
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => {});
  }
}

async function keptLines(path: string, stepsDone: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  const end = lines.findIndex((line) => !(stepOf(line) <= stepsDone));
  return (end < 0 ? lines : lines.slice(0, end)).map((line) => `${line}\n`).join('');
}

/** NaN for a line that is none of ours. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as Partial<StepMetrics>).step ?? Number.NaN;
  } catch {
    return Number.NaN;
  }
}
