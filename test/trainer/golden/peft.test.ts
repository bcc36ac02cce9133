import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import { MersenneTwister } from '../../../src/shared/random.ts';
import { type LoraAdapter, loadLoraAdapter, saveLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { openSafetensors } from '../../../src/trainer/model/safetensors.ts';
import { trainTokens } from '../../../src/trainer/run/train.ts';
import { collate } from '../../../src/trainer/tokens/batches.ts';
import { usePython } from '../../compatibility/python.ts';
import {
  distance,
  ENGINES,
  type EngineCase,
  expectWithin,
  type GoldenEngine,
  golden,
  goldenEngine,
  goldenJson,
  goldenRows,
  goldenTensors,
  loadQuietly,
  OVER_PEFT_IN_BFLOAT16,
  overScale,
  PEFT_IN_BFLOAT16,
  readTensors,
  relative,
  showFidelity,
  temporaryFolder,
  toTokenRows,
} from './golden.ts';

const MODEL = 'tiny-qwen2';
const SCRIPT = fileURLToPath(new URL('peft-check.py', import.meta.url));
const HALF_SCRIPT = fileURLToPath(new URL('peft-half.py', import.meta.url));
const HALF: EngineCase = { engine: 'one graph', storage: 'bfloat16', matmul: 'bfloat16' };
// Where it is set, an interpreter that has torch, transformers, peft and safetensors.
const python = usePython('peft', process.env.PEFT_PYTHON);
afterAll(showFidelity);

const rows = goldenRows('eval').slice(0, 4);

describe('an adapter gives the same logits here and in PEFT', () => {
  let folder: string;
  const engines: GoldenEngine[] = [];
  beforeAll(async () => {
    if (python.missing()) return;
    folder = temporaryFolder();
    const loaded = await loadQuietly();
    for (const engineCase of ENGINES) engines.push(await goldenEngine(loaded, engineCase, MODEL));
    const trained = await trainTokens({
      engine: engines[0]!,
      rows: goldenRows('train'),
      recipe: LoraRecipe.parse({ rank: 4, alpha: 8, epochs: 1, learningRate: 5e-3 }),
      seed: 1,
      nowMs: () => 0,
    });
    if (!trained.ok) throw new Error(trained.verdict.message);
    const ours = join(folder, 'ours');
    await saveLoraAdapter({ adapter: trained.value.adapter, folder: ours, baseModel: golden(MODEL) });
    const ids = join(folder, 'ids.json');
    await writeFile(ids, JSON.stringify(rows.map(({ inputIds }) => Array.from(inputIds))));
    console.log(await python.lastLine([SCRIPT, golden(MODEL), ours, ids, folder]));
  }, 240_000);
  afterAll(() => {
    for (const engine of engines) engine.dispose();
  });

  it.each([
    ['trained and saved here, loaded there', 'ours', 'ours.safetensors'],
    ['saved there, loaded here', 'adapter', 'theirs.safetensors'],
  ])('%s', async (_what, adapterFolder, truthFile) => {
    const adapter = await loadLoraAdapter({ folder: join(folder, adapterFolder) });
    const file = await openSafetensors(join(folder, truthFile));
    const truth = await file.readFloats('log_probs');
    await file.close();
    for (const engine of engines) {
      const seen = await logProbabilities(engine, adapter);
      expectWithin('forward.logits', overScale(seen, truth), engine.constructor.name);
      // Without the adapter they are others by far.
      expect(overScale(await logProbabilities(engine, null), truth)).toBeGreaterThan(1e-3);
    }
  });
});

it("in bfloat16 gradients are about as far from the truth as PEFT's own", async () => {
  const folder = temporaryFolder();
  await python.lastLine([HALF_SCRIPT, golden(), folder, ...Object.keys(PEFT_IN_BFLOAT16)]);
  const loaded = await loadQuietly();
  for (const [name, recorded] of Object.entries(PEFT_IN_BFLOAT16)) {
    const { model, batch: file } = goldenJson('lora', name, 'golden.json');
    const truth = await goldenTensors('lora', name, 'grads.truth.safetensors');
    const engine = await goldenEngine(loaded, HALF, model);
    const adapter = await loadLoraAdapter({ folder: golden('lora', name) });
    const run = engine.startTraining({ adapter, optimizer: LoraRecipe.parse({}), random: new MersenneTwister(0) });
    const batch = collate(toTokenRows(goldenJson(file)));
    await run.accumulate(batch, 1 / batch.targetIds.length);
    const ours = distance(await run.gradient(), truth);
    const theirs = distance(await readTensors(join(folder, `${name}.safetensors`)), truth);
    console.log(`${name}: ${ours.toExponential(1)} of its length here, ${theirs.toExponential(1)} in PEFT`);
    expect(relative(theirs, recorded), name).toBeLessThan(0.2);
    expect(ours, name).toBeLessThanOrEqual(OVER_PEFT_IN_BFLOAT16 * theirs);
    engine.dispose();
  }
}, 240_000);

/** Of every token of the vocabulary at every position: the loss it would have as the target there, negated. */
async function logProbabilities(engine: GoldenEngine, adapter: LoraAdapter | null): Promise<number[]> {
  const { vocabSize } = engine.config;
  const evaluation = engine.startEvaluation(adapter);
  const seen: number[] = [];
  for (const row of rows) {
    const positions = row.inputIds.length * vocabSize;
    const batch = {
      ...collate([row]),
      targetPositions: Int32Array.from({ length: positions }, (_, i) => Math.floor(i / vocabSize)),
      targetIds: Int32Array.from({ length: positions }, (_, i) => i % vocabSize),
    };
    for (const loss of await evaluation.tokenLosses(batch)) seen.push(-loss);
  }
  evaluation.dispose();
  return seen;
}
