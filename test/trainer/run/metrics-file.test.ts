import { existsSync, rmSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import { BestEffort } from '../../../src/shared/best-effort.ts';
import type { TfjsEngine } from '../../../src/trainer/engine/plain/tfjs-engine.ts';
import type { StepMetrics } from '../../../src/trainer/run/metrics-file.ts';
import { type TrainProgress, type TrainTokensParameters, trainTokens } from '../../../src/trainer/run/train.ts';
import { goldenEngine, goldenRows, loadQuietly, temporaryFolder } from '../golden/golden.ts';

const recipe = LoraRecipe.parse({ rank: 4, alpha: 8, dropout: 0.1 });
const STEPS = 6;
let engine: TfjsEngine;
beforeAll(async () => {
  engine = (await goldenEngine(await loadQuietly(), { engine: 'plain operations' }, 'tiny-qwen2')) as TfjsEngine;
  return () => engine.dispose();
});

/** Trains with a clock that goes one second a look; `stopAt` aborts after that step. */
async function train(metricsPath: string, more: Partial<TrainTokensParameters> & { stopAt?: number } = {}) {
  const stop = new AbortController();
  const progress: TrainProgress[] = [];
  let nowMs = 0;
  const running = trainTokens({
    ...{ engine, recipe, seed: 3, metricsPath, rows: goldenRows('train').slice(0, 24) },
    signal: stop.signal,
    onProgress: (seen) => {
      progress.push(seen);
      if (seen.step === more.stopAt) stop.abort(new Error('stopped'));
    },
    nowMs: () => {
      nowMs += 1000;
      return nowMs;
    },
    ...more,
  });
  return { result: await running.catch((error: Error) => error.message), progress };
}

async function read(path: string): Promise<StepMetrics[]> {
  const text = await readFile(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('a metrics file', () => {
  it('has a line for every step, with what the progress says of it, and its own tokens and time', async () => {
    const path = join(temporaryFolder(), 'deep', 'run.jsonl');
    const { progress, result } = await train(path);
    const lines = await read(path);
    expect(lines).toHaveLength(STEPS);
    lines.forEach((line, i) => {
      const { steps, etaMs, tokensPerSecond, ...seen } = progress[i]!;
      expect(line).toMatchObject(seen);
      expect(line).toMatchObject({ durationMs: 1000, tokensPerSecond: line.tokens });
    });
    const tokens = lines.reduce((sum, line) => sum + line.tokens, 0);
    expect(result).toMatchObject({ ok: true, value: { tokens } });
  });

  it('is gone on with by a run that goes on: no step is missing, none twice, whatever a crash left', async () => {
    const folder = temporaryFolder();
    const [whole, parts] = [join(folder, 'whole.jsonl'), join(folder, 'parts.jsonl')];
    await train(whole);
    const checkpoint = { path: join(folder, 'run.safetensors'), run: 'this', everyMs: 0 };
    await train(parts, { checkpoint, stopAt: 3 });
    expect(await read(parts)).toHaveLength(3);
    // As after a crash in the middle of step 5, when the last checkpoint was after step 3.
    const [line] = (await readFile(parts, 'utf8')).split('\n');
    await appendFile(parts, `${line!.replace('"step":1', '"step":4')}\n{"step":5,"epo`);
    const rest = await train(parts, { checkpoint });
    expect(rest.progress[0]!.step).toBe(4);
    expect(await read(parts)).toEqual(await read(whole));
    expect(existsSync(`${parts}.incomplete`)).toBe(false);
  });

  it('is started anew by a run from the beginning', async () => {
    const path = join(temporaryFolder(), 'run.jsonl');
    await writeFile(path, '{"step":1}\n{"step":2}\n');
    await train(path, { stopAt: 1 });
    expect(await read(path)).toHaveLength(1);
  });

  it('shows the step that diverged, its loss or norm null', async () => {
    const path = join(temporaryFolder(), 'run.jsonl');
    const { result } = await train(path, { recipe: { ...recipe, learningRate: 1e30, warmupSteps: 1 } });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged', facts: { step: 3 } } });
    const lines = await read(path);
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect([lines[2]!.lossNatsPerToken, lines[2]!.gradNorm]).toContain(null);
  });

  it('that cannot be made does not stop the run, and is told once', async () => {
    const file = join(temporaryFolder(), 'file');
    await writeFile(file, '');
    const said: string[] = [];
    const bestEffort = new BestEffort((message) => said.push(message));
    // A file where a folder should be, and a folder where the file should be.
    for (const metricsPath of [join(file, 'run.jsonl'), temporaryFolder()]) {
      const { result, progress } = await train(metricsPath, { bestEffort });
      expect(result).toMatchObject({ ok: true });
      expect(progress).toHaveLength(STEPS);
    }
    expect(said).toEqual([
      expect.stringMatching(
        /^the metrics of training cannot be stored in .+file\/run\.jsonl \(E.+\); the work goes on without/,
      ),
    ]);
  });

  it('whose folder is removed while the run lasts does not stop it', async () => {
    const folder = temporaryFolder();
    const running = train(join(folder, 'deep', 'run.jsonl'), {
      onProgress: ({ step }) => step === 2 && rmSync(join(folder, 'deep'), { recursive: true }),
    });
    expect((await running).result).toMatchObject({ ok: true });
  });

  it.runIf(existsSync('/dev/full'))('that a full disk refuses later does not stop the run', async () => {
    const said: string[] = [];
    const bestEffort = new BestEffort((message) => said.push(message));
    const { result, progress } = await train('/dev/full', { bestEffort });
    expect(result).toMatchObject({ ok: true });
    expect(progress).toHaveLength(STEPS);
    expect(said).toEqual([
      expect.stringMatching(/in \/dev\/full \(ENOSPC.+To have them again, make room on that disk\.$/),
    ]);
  });
});
