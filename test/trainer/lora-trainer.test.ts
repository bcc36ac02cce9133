import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DatasetRow, DatasetSchema } from '../../src/schema/dataset-row.ts';
import { GraphSession } from '../../src/trainer/engine/graph/session.ts';
import { LoraTrainer, type TrainParameters, type TrainProgress } from '../../src/trainer/lora-trainer.ts';
import { loadLoraAdapter, saveLoraAdapter } from '../../src/trainer/model/lora-adapter.ts';
import type { NamedTensor } from '../../src/trainer/model/weights.ts';
import { LocalTrainer } from '../../src/trainer/process/local-trainer.ts';
import { golden, loadQuietly, temporaryFolder } from './golden/golden.ts';

const recipe = { rank: 4, alpha: 8, epochs: 1, contextTokens: 64, learningRate: 5e-3, warmupSteps: 1 };
let rows: DatasetRow[];
let trainer: LoraTrainer;
let tensors: () => number;

beforeAll(async () => {
  const lines = (await readFile(golden('data/train.jsonl'), 'utf8')).trim().split('\n');
  rows = lines.slice(0, 24).map((line) => DatasetSchema.parse(JSON.parse(line)));
  const { tf } = await loadQuietly();
  tensors = () => tf.memory().numTensors;
  trainer = await LoraTrainer.open({ inline: true, model: golden('tiny-qwen2') });
});
afterAll(() => trainer.dispose());

async function train(options: Partial<TrainParameters> = {}) {
  const progress: TrainProgress[] = [];
  const result = await trainer.train({ rows, recipe, seed: 7, onProgress: (step) => progress.push(step), ...options });
  return { result, progress };
}

describe('train', () => {
  it('takes no more of the memory that is free than its share', async () => {
    const opened = LoraTrainer.open({ inline: true, model: golden('tiny-qwen2'), memoryShare: 1e-9 });
    const trained = opened.then(async (small) => {
      try {
        return await small.train({ rows, recipe, seed: 7 });
      } finally {
        small.dispose();
      }
    });
    await expect(trained).rejects.toMatchObject({ code: 'out-of-memory' });
  });

  it('shows after every call of the engine that it is alive: a step may take longer than a silent process is left alone', async () => {
    let signs = 0;
    const local = await LocalTrainer.load(golden('tiny-qwen2'), {
      cacheDir: temporaryFolder(),
      onAlive: () => signs++,
    });
    const untilFirstStep: number[] = [];
    const oneStep = { ...recipe, batchSize: 1, gradientAccumulation: rows.length };
    await local.train({ rows, recipe: oneStep, seed: 7, onProgress: () => untilFirstStep.push(signs) });
    local.dispose();
    expect(untilFirstStep).toHaveLength(1);
    // Every eighth row is one sign as it is tokenized; what comes on top are calls.
    expect(untilFirstStep[0]).toBeGreaterThan(Math.ceil(rows.length / 8));
  });

  it('counts tokens as far as the budget, each row cut to the context, before anything is trained', async () => {
    const { result: whole } = await train({ recipe: { ...recipe, epochs: 2 } });
    if (!whole.ok) throw new Error(whole.verdict.message);
    const maxTokens = whole.value.tokens / 2;
    const within = await train({ recipe: { ...recipe, epochs: 2 }, maxTokens });
    expect(within.result.ok && within.result.value.stepLossesNatsPerToken).toEqual(whole.value.stepLossesNatsPerToken);
    const over = await train({ maxTokens: maxTokens - 1 });
    expect(over.progress).toEqual([]);
    expect(over.result).toEqual({
      ok: false,
      verdict: {
        reason: 'too-many-tokens',
        message: `the first 24 of 24 rows have more than ${maxTokens - 1} tokens, each cut to 64, which is as many as a dataset may have; shorten or leave out rows`,
        facts: { maxTokens: maxTokens - 1, contextTokens: 64, rows: 24, rowsWithin: 23 },
      },
    });
    const first = await train({ maxTokens: 1 });
    expect(first.result).toMatchObject({ verdict: { facts: { rowsWithin: 0 } } });
    await expect(train({ maxTokens: 0 })).rejects.toMatchObject({ code: 'bad-argument' });
  });

  it('reports every step and lowers the loss on what it was trained on', async () => {
    const before = await trainer.evaluate({ rows });
    const { result, progress } = await train({ recipe: { ...recipe, epochs: 4 } });
    if (!result.ok || !before.ok) throw new Error('expected results');
    const after = await trainer.evaluate({ rows, adapter: result.value.adapter });
    if (!after.ok) throw new Error(after.verdict.message);
    expect(after.value.lossNatsPerToken).toBeLessThan(before.value.lossNatsPerToken - 1);
    expect(result.value.stepLossesNatsPerToken).toEqual(progress.map(({ lossNatsPerToken }) => lossNatsPerToken));
    expect(progress.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(progress[0]).toMatchObject({ steps: 12, epoch: 1 / 3, learningRate: 0 });
    expect(progress.at(-1)).toMatchObject({ epoch: 4, etaMs: 0 });
    expect(progress.at(-1)!.tokensPerSecond).toBeGreaterThan(0);
  });

  it('gives the same losses and adapter for the same seed, bit by bit, dropout included', async () => {
    const [first, again, other] = [await train(), await train(), await train({ seed: 8 })];
    expect(first.result).toEqual(again.result);
    expect(first.result).not.toEqual(other.result);
  });

  it('keeps memory flat from step to step, and gives everything back', async () => {
    const before = tensors();
    const counts: number[] = [];
    await train({ onProgress: () => counts.push(tensors()) });
    expect(counts).toHaveLength(3);
    expect(new Set(counts).size).toBe(1);
    expect(tensors()).toBe(before);
  });

  it('lets the event loop turn between steps', async () => {
    let turns = 0;
    let next = setImmediate(function turn() {
      turns++;
      next = setImmediate(turn);
    });
    await train();
    clearImmediate(next);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it('stops at once when it is aborted, and frees its memory', async () => {
    const before = tensors();
    const controller = new AbortController();
    const reason = new Error('enough');
    const steps: number[] = [];
    const onProgress = ({ step }: TrainProgress) => {
      steps.push(step);
      if (step === 2) controller.abort(reason);
    };
    await expect(trainer.train({ rows, recipe, seed: 1, signal: controller.signal, onProgress })).rejects.toBe(reason);
    expect(steps).toEqual([1, 2]);
    expect(tensors()).toBe(before);
  });

  it('finds that a dataset diverges, and at which step', async () => {
    const { result } = await train({ recipe: { ...recipe, learningRate: 1e30 } });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'diverged', facts: { step: 3, steps: 3 } } });
  });

  it('finds that no answer is left inside the context', async () => {
    const { result } = await train({ recipe: { ...recipe, contextTokens: 4 } });
    expect(result).toMatchObject({ ok: false, verdict: { reason: 'no-labels' } });
  });

  it('trains past steps whose rows were all cut before their answers', async () => {
    const long: DatasetRow = {
      conversations: [
        { role: 'user', content: 'word '.repeat(80) },
        { role: 'assistant', content: 'Yes.' },
      ],
    };
    const mixed = [rows[0]!, long, long, long];
    const result = await trainer.train({
      rows: mixed,
      recipe: { ...recipe, batchSize: 1, gradientAccumulation: 1 },
      seed: 1,
    });
    expect(result).toMatchObject({ ok: true, value: { steps: 4, stepLossesNatsPerToken: [expect.any(Number)] } });
  });

  it('trains on a row without a system prompt', async () => {
    const bare: DatasetRow = { conversations: rows[0]!.conversations };
    expect((await trainer.train({ rows: [bare, bare], recipe, seed: 1 })).ok).toBe(true);
  });
});

describe('evaluate', () => {
  it('counts rows and tokens, reports progress, and leaves memory as it was', async () => {
    const before = tensors();
    const done: number[] = [];
    const result = await trainer.evaluate({
      rows: rows.slice(0, 20),
      onProgress: ({ rowsDone }) => done.push(rowsDone),
    });
    expect(result).toMatchObject({
      ok: true,
      value: { rows: 20, rowLosses: Array(20).fill(expect.any(Number)) },
    });
    expect(done.length).toBeGreaterThanOrEqual(1); // the rows fit into one call
    expect(done.at(-1)).toBe(20);
    expect(tensors()).toBe(before);
  });

  it('refuses rows of which none has a label: no adapter is to blame', async () => {
    await expect(trainer.evaluate({ rows, contextTokens: 4 })).rejects.toMatchObject({
      code: 'bad-argument',
      transient: false,
      message: expect.stringMatching(/^none of \d+ evaluation rows has an assistant token inside the context\./),
    });
  });

  it('of an adapter that is not a number is a verdict', async () => {
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    for (const { data } of adapter.tensors.values()) data.fill(Number.NaN);
    expect(await trainer.evaluate({ rows, adapter })).toMatchObject({ ok: false, verdict: { reason: 'diverged' } });
  });

  it('gives the same loss for an adapter that was saved and loaded', async () => {
    const { result } = await train();
    if (!result.ok) throw new Error(result.verdict.message);
    const folder = temporaryFolder();
    await saveLoraAdapter({ adapter: result.value.adapter, folder, baseModel: 'tiny-qwen2' });
    const loaded = await loadLoraAdapter({ folder });
    expect(await trainer.evaluate({ rows, adapter: loaded })).toEqual(
      await trainer.evaluate({ rows, adapter: result.value.adapter }),
    );
  });
});

describe('faults of ours are thrown, not blamed on the dataset', () => {
  it('when the device fails in the middle of a run', async () => {
    const device = vi.spyOn(GraphSession.prototype, 'run');
    const fail = () =>
      device.mockImplementation(() => {
        throw new Error('device lost\nat some place');
      });
    const run = trainer.train({ rows, recipe, seed: 1, onProgress: fail });
    await expect(run).rejects.toMatchObject({
      code: 'trainer-failed',
      transient: true,
      message: expect.stringMatching(/^training failed on the \S+ backend: device lost\. See the cause/),
    });
    device.mockRestore();
    expect((await trainer.train({ rows, recipe, seed: 1 })).ok).toBe(true);
  });

  it('when the caller disposes of the trainer, or throws, in the middle of a run', async () => {
    const doomed = await LoraTrainer.open({ inline: true, model: golden('tiny-qwen2') });
    const own = new Error('a bug of the caller');
    const thrown = doomed.train({
      rows,
      recipe,
      seed: 1,
      onProgress: () => {
        throw own;
      },
    });
    await expect(thrown).rejects.toBe(own);
    const disposed = { code: 'bad-argument', sentence: 'this LoraTrainer has been disposed. Load another.' };
    const run = doomed.train({ rows, recipe, seed: 1, onProgress: () => doomed.dispose() });
    const behind = doomed.evaluate({ rows });
    await expect(run).rejects.toMatchObject(disposed);
    await expect(behind).rejects.toMatchObject(disposed);
    await expect(doomed.evaluate({ rows })).rejects.toMatchObject(disposed);
  });

  it.each([
    [
      'a recipe with a field that there is not',
      { recipe: { learningrate: 1 } },
      'recipe: Unrecognized key: "learningrate"',
    ],
    ['a rank of 0', { recipe: { rank: 0 } }, 'recipe.rank: Too small'],
    ['a beta of 1', { recipe: { beta2: 1 } }, 'recipe.beta2: Too big'],
    ['no seed', { seed: undefined }, 'seed: Invalid input'],
    ['a seed of more than 32 bits', { seed: 2 ** 32 }, 'seed: Too big'],
    [
      'rows of something else',
      { rows: [{ text: 'hi' }] },
      'rows: row 1 has no conversations. Read it with DatasetSchema.',
    ],
  ])('when the caller passes %s', async (_what, wrong, message) => {
    const parameters = { rows, recipe, seed: 1, ...wrong } as TrainParameters;
    await expect(trainer.train(parameters)).rejects.toMatchObject({
      code: 'bad-argument',
      transient: false,
      message: expect.stringContaining(message),
    });
  });

  const [none, text] = [Number.NaN, '1' as unknown as number];
  const within = 'a finite number above 0 and at most';
  it.each([
    ...[none, text, 0, -1, 1.5].map((wrong) => ['memoryShare', wrong, `${within} 1`] as const),
    ...[none, text, 0, -1, 0.5, 1e300].map((wrong) => ['memoryBytes', wrong, 'a whole number above 0'] as const),
    ...[none, text, 0, 2 ** 31, Number.POSITIVE_INFINITY].flatMap((wrong) =>
      (['stallTimeoutMs', 'totalTimeoutMs'] as const).map((name) => [name, wrong, `${within} 2147483647`] as const),
    ),
  ])('when it is opened with the %s %s', async (name, value, expected) => {
    for (const inline of [true, false]) {
      const refused = LoraTrainer.open({ inline, model: golden('tiny-qwen2'), [name]: value });
      const sentence = `${name} must be ${expected}, saw ${typeof value === 'string' ? 'a string' : value}.`;
      await expect(refused).rejects.toMatchObject({ code: 'bad-argument', facts: { name, value }, sentence });
    }
  });

  it.each([none, text, -1, 0.5])('when it is to take %s snapshots', async (snapshots) => {
    const sentence = expect.stringMatching(/^snapshots must be a whole number that is not below 0, saw /);
    const refused = trainer.train({ rows, recipe, seed: 1, snapshots });
    await expect(refused).rejects.toMatchObject({ code: 'bad-argument', sentence });
  });

  it.each([none, text, -1])('when it is to keep a checkpoint every %s ms', async (everyMs) => {
    const sentence = expect.stringMatching(/^checkpoint\.everyMs must be a finite number that is not below 0, saw /);
    const checkpoint = { path: join(temporaryFolder(), 'run.safetensors'), everyMs };
    const refused = trainer.train({ rows, recipe, seed: 1, checkpoint });
    await expect(refused).rejects.toMatchObject({ code: 'bad-argument', sentence });
  });

  it.each([none, text, -1])('when a snapshot has learning rates of %s', async (learningRates) => {
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    const sentence = expect.stringMatching(/^snapshots\[0\]\.learningRates must be a finite number/);
    const refused = trainer.influence({ rows, evaluation: rows, snapshots: [{ adapter, learningRates }] });
    await expect(refused).rejects.toMatchObject({ code: 'bad-argument', sentence });
  });

  it.each([0, -1, 2.5, Number.NaN])('when the caller evaluates %d tokens of a row', async (contextTokens) => {
    const message = expect.stringMatching(/^contextTokens: /);
    await expect(trainer.evaluate({ rows, contextTokens })).rejects.toMatchObject({ code: 'bad-argument', message });
  });

  it('when an adapter has fewer values than its shape says', async () => {
    const adapter = await loadLoraAdapter({ folder: golden('lora/tiny-r4-nonzero') });
    const [[name, tensor]] = adapter.tensors as unknown as [[string, NamedTensor]];
    adapter.tensors.set(name, { ...tensor, data: tensor.data.slice(1) });
    await expect(trainer.evaluate({ rows, adapter })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(`${tensor.data.length - 1} values, its shape is [${tensor.shape}]`),
    });
  });

  it.each([
    ['without config.json', (folder: string) => rm(join(folder, 'config.json')), 'config.json'],
    ['without weights', (folder: string) => rm(join(folder, 'model.safetensors')), 'model.safetensors.index.json'],
    ['without tokenizer', (folder: string) => rm(join(folder, 'tokenizer.json')), 'tokenizer.json'],
    ['of other sizes', (folder: string) => edit(folder, { intermediate_size: 128 }), 'config.json asks for'],
    ['with fewer layers stored', (folder: string) => edit(folder, { num_hidden_layers: 3 }), 'is missing'],
    ['of another architecture', (folder: string) => edit(folder, { model_type: 'llama' }), 'model_type'],
    [
      'with a tokenizer that is not JSON',
      (folder: string) => writeFile(join(folder, 'tokenizer.json'), '{'),
      'tokenizer',
    ],
  ])('a model %s', async (_what, damage, reason) => {
    const before = tensors();
    const folder = temporaryFolder();
    await cp(golden('tiny-qwen2'), folder, { recursive: true });
    await damage(folder);
    await expect(LoraTrainer.open({ inline: true, model: folder })).rejects.toMatchObject({
      code: 'bad-model',
      message: expect.stringContaining(reason),
    });
    expect(tensors()).toBe(before);
  });
});

it('baseSha256 names the model by content', async () => {
  const folder = temporaryFolder();
  await cp(golden('tiny-qwen2'), folder, { recursive: true });
  const copy = await LoraTrainer.open({ inline: true, model: folder });
  expect(copy.baseSha256).toBe(trainer.baseSha256);
  copy.dispose();
  await edit(folder, { rms_norm_eps: 1e-5 });
  const changed = await LoraTrainer.open({ inline: true, model: folder });
  expect(changed.baseSha256).not.toBe(trainer.baseSha256);
  changed.dispose();
});

it('shows what computes, and nothing of the model, when it is printed', () => {
  expect(inspect(trainer)).toContain(trainer.backend.name);
  expect(inspect(trainer).length).toBeLessThan(1000);
});

async function edit(folder: string, change: Record<string, unknown>): Promise<void> {
  const path = join(folder, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
}
