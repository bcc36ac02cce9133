import { writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { checkDataset } from '../../../src/dataset/check.ts';
import { DatasetChecker } from '../../../src/dataset/checker/dataset-checker.ts';
import { Competition } from '../../../src/schema/competition.ts';
import { Verdict } from '../../../src/schema/verdict.ts';
import { hostileFile } from './hostile-files.ts';

export interface HostileResults {
  files: number;
  bytes: number;
  /** How many files got each outcome. */
  outcomes: Record<string, number>;
  slowest: { seed: number; kind: string; ms: number };
  /** The longest from an abort to the end of its call. */
  slowestAbortMs: number;
  /** What must not be: seed, kind, and what happened. */
  failures: string[];
}

/** Far more than they take, on a busy machine too, and far less than anything that is not linear. */
const MOST_MS = 5000;
const MOST_MS_PER_BYTE = 1 / 5000;
const MOST_ABORT_MS = 100;
/** Each so many files: a call that is aborted, and the same file by `checkDataset`. */
const ABORT_EVERY = 40;
const COMPARE_EVERY = 5;

/** Checks files of the seeds from `seed` on, with the real checker. Each is a dataset or a verdict, soon. */
export async function checkHostileFiles({
  path,
  seed,
  count,
}: {
  path: string;
  seed: number;
  count: number;
}): Promise<HostileResults> {
  const competition = Competition.parse({});
  const checker = new DatasetChecker();
  const results: HostileResults = {
    files: 0,
    bytes: 0,
    outcomes: {},
    slowest: { seed, kind: '', ms: 0 },
    slowestAbortMs: 0,
    failures: [],
  };
  try {
    // Starts the process, which is no part of the first file's time.
    await writeFile(path, '');
    await checker.check({ path, competition });
    for (let next = seed; next < seed + count; next++) {
      const { kind, content } = hostileFile(next);
      const fail = (what: string) => results.failures.push(`seed ${next}, ${kind}: ${what}`);
      await writeFile(path, content);
      const startMs = performance.now();
      const file = await checker.check({ path, competition }).catch((error: Error) => error);
      const ms = performance.now() - startMs;
      results.files++;
      results.bytes += content.length;
      if (ms > results.slowest.ms) results.slowest = { seed: next, kind, ms };
      if (ms > MOST_MS + content.length * MOST_MS_PER_BYTE) fail(`${Math.round(ms)} ms for ${content.length} bytes`);
      if (file instanceof Error) {
        fail(`threw ${file.message}`);
        continue;
      }
      const outcome = file.ok ? 'a dataset' : file.verdict.reason;
      results.outcomes[outcome] = (results.outcomes[outcome] ?? 0) + 1;
      if (!file.ok && (!Verdict.safeParse(file.verdict).success || file.verdict.message.length > 1000))
        fail('no proper verdict');
      if (next % COMPARE_EVERY === 0) {
        const here = await checkDataset({ path, competition });
        if (here.ok !== file.ok || (!here.ok && !isDeepStrictEqual(here, file)))
          fail('another outcome in this process');
      }
      if (next % ABORT_EVERY === 0) {
        const abortMs = await abortedMs(checker, path, competition, next % 5);
        results.slowestAbortMs = Math.max(results.slowestAbortMs, abortMs);
        if (abortMs > MOST_ABORT_MS) fail(`${Math.round(abortMs)} ms from abort to end`);
        await checker.check({ path, competition });
      }
    }
  } finally {
    checker.close();
  }
  return results;
}

/** How long a call goes on after its abort; 0 when it was done before. */
export async function abortedMs(
  checker: DatasetChecker,
  path: string,
  competition: Competition,
  afterMs: number,
): Promise<number> {
  const controller = new AbortController();
  let abortedAt = 0;
  const timer = setTimeout(() => {
    abortedAt = performance.now();
    controller.abort(new Error('enough'));
  }, afterMs);
  await checker.check({ path, competition, signal: controller.signal }).catch((error: Error) => {
    if (error.message !== 'enough') throw error;
  });
  clearTimeout(timer);
  return abortedAt === 0 ? 0 : performance.now() - abortedAt;
}
