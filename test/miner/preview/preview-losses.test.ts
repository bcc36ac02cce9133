import { Competition, type DatasetRow, type EvaluateParameters, type TrainParameters } from 'flock-off';
import { expect, test } from 'vitest';
import { placeAmong } from '../../../src/miner/preview/place-among.ts';
import { type PreviewLossesParameters, previewLosses } from '../../../src/miner/preview/preview-losses.ts';
import { accept, reject } from '../../../src/schema/verdict.ts';
import type { Receipt } from '../../../src/validator/receipts/receipt.ts';

// How time is shared out, with a trainer that takes exactly as long as it says. Real ones are in test/cli/preview.test.ts.

const row = (content: string): DatasetRow => ({
  conversations: [
    { role: 'user', content },
    { role: 'assistant', content: 'Yes.' },
  ],
});
const rowsOf = (count: number) => Array.from({ length: count }, (_, i) => row(`${i}`));
const recipe = { epochs: 2, batchSize: 2, gradientAccumulation: 2, warmupSteps: 10 };
const competition = Competition.parse({ recipe });

interface Speed {
  msPerStep: number;
  msPerEvaluated: number;
}

/** Its loss falls with the rows it trained on, and differs by seed. */
function trainerOf({ msPerStep, msPerEvaluated }: Speed) {
  let nowMs = 0;
  const trained: { rows: DatasetRow[]; seed: number; warmupSteps: number | undefined; isDone: boolean }[] = [];
  const trainer = {
    async train({ rows, seed, recipe: asked, signal, onProgress }: TrainParameters) {
      const run = { rows, seed, warmupSteps: asked?.warmupSteps, isDone: false };
      trained.push(run);
      const steps = Math.ceil(rows.length / 4) * 2;
      for (let step = 1; step <= steps; step++) {
        nowMs += msPerStep;
        const etaMs = msPerStep * (steps - step);
        const seen = { lossNatsPerToken: 1, learningRate: 1, gradNorm: 1, tokensPerSecond: 1 };
        onProgress?.({ step, steps, epoch: 0, etaMs, ...seen });
        signal?.throwIfAborted();
      }
      run.isDone = true;
      const adapter = { rank: rows.length, alpha: seed, dropout: 0, tensors: new Map() };
      return accept({ adapter, steps, stepLossesNatsPerToken: [], tokens: 0, snapshots: [] });
    },
    async evaluate({ rows, adapter, signal, onProgress }: EvaluateParameters) {
      for (let i = 1; i <= rows.length; i++) {
        nowMs += msPerEvaluated;
        onProgress?.({ rowsDone: i, rows: rows.length });
        signal?.throwIfAborted();
      }
      const loss = adapter ? 3 - adapter.rank / 1000 + adapter.alpha / 100 : 4;
      const rowLosses = rows.map((_, i) => loss + (i % 2 === 0 ? 0.5 : -0.5));
      return accept({ lossNatsPerToken: loss, rowLosses, rows: rows.length, tokens: rows.length });
    },
    influence: async ({ rows }: { rows: DatasetRow[] }) => rows.map((_, i) => (i === 0 ? null : i)),
  };
  const clock = { nowMs: () => nowMs, sleep: async () => {} };
  return { trainer, clock, trained, elapsedMs: () => nowMs };
}

function preview(speed: Speed, changed: Partial<PreviewLossesParameters> = {}) {
  const made = trainerOf(speed);
  const { trainer, clock } = made;
  const evaluation = { rows: rowsOf(100) };
  const losses = previewLosses({ trainer, clock, rows: rowsOf(400), evaluation, competition, ...changed });
  return { ...made, losses };
}

test('all rows are trained on under three seeds where there is time', async () => {
  const { losses, trained } = preview({ msPerStep: 10, msPerEvaluated: 1 }, { maxMs: 60_000, influence: true });
  const seen = await losses;
  expect(seen).toMatchObject({
    baseline: 4,
    sample: null,
    halfSampleLoss: null,
    evaluated: { rows: 100, ofRows: 100 },
  });
  expect(seen.losses.map(({ seed }) => seed)).toEqual([1, 2, 3]);
  expect(seen.mean).toBeCloseTo(2.62, 9);
  expect(seen.seedDeviation).toBeCloseTo(0.01, 9);
  expect(seen.standardError).toBeCloseTo(0.01 / Math.sqrt(3), 9);
  expect(seen.gain).toBeCloseTo(1 - 2.62 / 4, 9);
  expect(seen.influence).toHaveLength(399);
  expect(seen.influence![0]).toEqual({ row: 1, value: 1 });
  expect(trained.map(({ rows, isDone }) => [rows.length, isDone])).toEqual([400, 400, 400].map((rows) => [rows, true]));
});

test('where the time is short, each seed trains on a sample of its own, within the time, and half of one says what rows are worth', async () => {
  const { losses, trained, elapsedMs } = preview({ msPerStep: 100, msPerEvaluated: 1 }, { maxMs: 20_000 });
  const seen = await losses;
  const { sample } = seen;
  expect(sample!.ofRows).toBe(400);
  expect(sample!.ofSteps).toBe(200);
  expect(sample!.rows).toBeGreaterThan(40);
  expect(sample!.rows).toBeLessThan(150);
  expect(elapsedMs()).toBeLessThan(20_000);
  const [probe, first, second, third, half] = trained;
  expect(probe).toMatchObject({ isDone: false });
  const texts = (run: typeof first) => run!.rows.map(({ conversations }) => Number(conversations[0]!.content));
  expect(texts(first)).toEqual(texts(first).toSorted((a, b) => a - b));
  expect(texts(first)).not.toEqual(texts(second));
  expect(third!.rows).toHaveLength(sample!.rows);
  expect(first!.warmupSteps).toBe(Math.round((10 * sample!.rows) / 400));
  expect(half!.rows).toHaveLength(Math.ceil(sample!.rows / 2));
  expect(seen.halfSampleLoss!).toBeGreaterThan(seen.losses[0]!.loss);
});

test('a first run that was done before it could be stopped is not taken for one of a sample', async () => {
  const { trainer, clock, trained } = trainerOf({ msPerStep: 100, msPerEvaluated: 1 });
  const deaf = { ...trainer, train: (run: TrainParameters) => trainer.train({ ...run, signal: undefined }) };
  const { losses } = preview({ msPerStep: 1, msPerEvaluated: 1 }, { trainer: deaf, clock, maxMs: 20_000 });
  const seen = await losses;
  expect(trained[0]).toMatchObject({ isDone: true });
  expect(trained[0]!.rows).toHaveLength(400);
  expect(seen.sample!.rows).toBeLessThan(150);
  const ofSample = 3 - seen.sample!.rows / 1000;
  expect(seen.losses.map(({ loss }) => loss.toFixed(6))).toEqual([1, 2, 3].map((i) => (ofSample + i / 100).toFixed(6)));
});

test('where evaluation is slow, a sample of its rows is evaluated, and its error is in the standard error', async () => {
  const { losses } = preview({ msPerStep: 1, msPerEvaluated: 100 }, { maxMs: 30_000 });
  const seen = await losses;
  const { rows } = seen.evaluated;
  expect([rows >= 32, rows < 100]).toEqual([true, true]);
  expect(seen.standardError!).toBeGreaterThan(seen.seedDeviation! / Math.sqrt(3) + 0.01);
});

test('what is refused in training is said, with what the base model has', async () => {
  const { trainer } = trainerOf({ msPerStep: 1, msPerEvaluated: 1 });
  const refusing = { ...trainer, train: async () => reject('diverged', 'training diverged at step 3 of 9') };
  const seen = await preview({ msPerStep: 1, msPerEvaluated: 1 }, { trainer: refusing }).losses;
  expect(seen).toMatchObject({ baseline: 4, losses: [], mean: null, verdict: { reason: 'diverged' } });
});

test('a signal ends it', async () => {
  const { losses } = preview({ msPerStep: 1, msPerEvaluated: 1 }, { signal: AbortSignal.abort(new Error('stopped')) });
  await expect(losses).rejects.toThrow('stopped');
});

const TERMS = { baseSha256: 'base', evaluationSha256: 'set', recipe: competition.recipe };

function receipt(startBlock: number, losses: Record<string, number>, changed: object = {}): Receipt {
  const entries = Object.entries(losses).map(([hotkey, lossNatsPerToken], uid) => {
    return { uid, hotkey, outcome: { kind: 'scored', lossNatsPerToken } };
  });
  return {
    ...{ startBlock, entries, baselineLossNatsPerToken: 4, trainer: { baseSha256: 'base' } },
    inputs: { evaluation: { sha256: 'set' }, competition },
    ...changed,
  } as unknown as Receipt;
}

test('a loss stands among the newest one of each other miner, of reports that measured likewise', () => {
  const receipts = [
    receipt(300, { ann: 2.5, me: 2.9 }),
    receipt(200, { ann: 1, ben: 2.6, cid: 3 }),
    receipt(100, { dan: 0.1 }, { trainer: { baseSha256: 'another' } }),
  ];
  const place = placeAmong({ receipts, terms: TERMS, lossesNatsPerToken: [2.4, 2.7, 2.65], hotkey: 'me' });
  expect(place).toMatchObject({ startBlock: 300, place: 2, best: 1, worst: 3, own: 2.9, baselineLossNatsPerToken: 4 });
  expect(place!.losses.map(({ hotkey, lossNatsPerToken }) => [hotkey, lossNatsPerToken])).toEqual([
    ['ann', 2.5],
    ['ben', 2.6],
    ['cid', 3],
  ]);
  const other = { ...TERMS, evaluationSha256: 'another set' };
  expect(placeAmong({ receipts, terms: other, lossesNatsPerToken: [1] })).toBeNull();
});
