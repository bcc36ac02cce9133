import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BestEffort } from '../../shared/best-effort.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { makeFolder } from '../../shared/make-folder.ts';

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

export interface OpenMetricsFileParameters {
  path: string;
  stepsDone: number;
  bestEffort: BestEffort;
}

/** A file to which whole lines of JSON are appended, one a step. A failed write costs the lines, never the run. */
export class MetricsFile {
  readonly #path: string;
  readonly #bestEffort: BestEffort;
  #file: FileHandle | null = null;

  private constructor({ path, bestEffort }: OpenMetricsFileParameters) {
    this.#path = path;
    this.#bestEffort = bestEffort;
  }

  /**
   * A run that goes on after `stepsDone` keeps the lines of those steps and drops what follows, a line that was cut by a
   * crash too; a run from the beginning starts the file anew.
   */
  static async open(parameters: OpenMetricsFileParameters): Promise<MetricsFile> {
    const { path, stepsDone } = parameters;
    const metrics = new MetricsFile(parameters);
    await metrics.#attempt(async () => {
      await makeFolder(dirname(path));
      if (stepsDone > 0) {
        const kept = await keptLines(path, stepsDone);
        await writeWhole(path, (incomplete) => writeFile(incomplete, kept));
      }
      metrics.#file = await open(path, stepsDone > 0 ? 'a' : 'w');
    });
    return metrics;
  }

  async append(metrics: StepMetrics): Promise<void> {
    const file = this.#file;
    if (file && !(await this.#attempt(() => file.appendFile(`${JSON.stringify(metrics)}\n`)))) await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => {});
  }

  #attempt(write: () => Promise<void>): Promise<boolean> {
    return this.#bestEffort.attempt('the metrics of training', this.#path, write);
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
