import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { EpochFacts } from './epoch-facts.ts';

/** A training run, as its curve is drawn: each point the mean of the steps up to it. */
export interface TrainingRun {
  uid: number;
  /** The epoch it was for; `null` where no report names it: of a running epoch, or an older one. */
  startBlock: number | null;
  /** Steps done, and their tokens and time. */
  steps: number;
  tokensPerSecond: number;
  durationMs: number;
  points: { step: number; loss: number | null; gradNorm: number | null }[];
}

/** What the page needs of a line: a number that was not finite is `null`. */
const Step = z.object({
  step: z.int().positive(),
  lossNatsPerToken: z.number().nullable(),
  gradNorm: z.number().nullable(),
  tokens: z.number().nonnegative(),
  durationMs: z.number().nonnegative(),
});
type Step = z.infer<typeof Step>;

const NAME = /^uid-(\d{1,5})-[0-9a-f]{16}\.jsonl$/;
const MOST_RUNS = 96;
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_POINTS = 160;

/** By the name of the file; `mark` changes when the file does. */
type KnownRuns = Map<string, { mark: string; run: TrainingRun | null }>;

/** Reads the files of `--metrics_dir`, each of them once while it stays as it is. */
export class TrainingRuns {
  readonly #folder: string | null;
  #known: KnownRuns = new Map();

  /** @param folder `null`: there is none, and so are no runs. */
  constructor(folder: string | null) {
    this.#folder = folder;
  }

  /**
   * The latest, the newest first. What cannot be read is left out: the rest of the page stands without it.
   * @param others epochs of other competitions, whose runs lie in the same folder.
   */
  async read(epochs: EpochFacts[], others: EpochFacts[] = []): Promise<TrainingRun[]> {
    const folder = this.#folder;
    if (folder === null) return [];
    const isOther = (name: string) => others.some(({ runs }) => runs.has(name));
    const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name) && !isOther(name));
    const files = await Promise.all(
      names.map(async (name) => ({ name, found: await stat(join(folder, name)).catch(() => null) })),
    );
    const latest = files
      .flatMap(({ name, found }) => (found?.isFile() && found.size <= MOST_BYTES ? { name, found } : []))
      .sort((a, b) => b.found.mtimeMs - a.found.mtimeMs)
      .slice(0, MOST_RUNS);
    const known: KnownRuns = new Map();
    const runs: TrainingRun[] = [];
    for (const { name, found } of latest) {
      const mark = `${found.mtimeMs} ${found.size}`;
      const before = this.#known.get(name);
      const run = before?.mark === mark ? before.run : await readRun(join(folder, name), Number(NAME.exec(name)![1]));
      known.set(name, { mark, run });
      if (run) runs.push({ ...run, startBlock: epochs.findLast((epoch) => epoch.runs.has(name))?.startBlock ?? null });
    }
    this.#known = known;
    return runs;
  }
}

async function readRun(path: string, uid: number): Promise<TrainingRun | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const steps = text.split('\n').flatMap((line): Step[] => {
    try {
      const parsed = Step.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    } catch {
      // The last line of a run that goes on may be half of one.
      return [];
    }
  });
  if (steps.length === 0) return null;
  const durationMs = steps.reduce((sum, step) => sum + step.durationMs, 0);
  const tokens = steps.reduce((sum, step) => sum + step.tokens, 0);
  const perPoint = Math.ceil(steps.length / MOST_POINTS);
  const points = Array.from({ length: Math.ceil(steps.length / perPoint) }, (_, i) => {
    const some = steps.slice(i * perPoint, (i + 1) * perPoint);
    return {
      step: some.at(-1)!.step,
      loss: meanOf(some.map((step) => step.lossNatsPerToken)),
      gradNorm: meanOf(some.map((step) => step.gradNorm)),
    };
  });
  const tokensPerSecond = durationMs > 0 ? (1000 * tokens) / durationMs : 0;
  return { uid, startBlock: null, steps: steps.at(-1)!.step, tokensPerSecond, durationMs, points };
}

/** To five digits: nobody sees more of a curve. `null` where one of them is not finite: the curve has a gap there. */
function meanOf(values: (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return Number((sum / values.length).toPrecision(5));
}
