import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoraRecipe } from '../../src/schema/competition.ts';
import { MersenneTwister } from '../../src/shared/random.ts';
import { collate } from '../../src/trainer/batches.ts';
import { evaluateTokens } from '../../src/trainer/evaluate.ts';
import { loadLoraAdapter } from '../../src/trainer/lora-adapter.ts';
import type { LoadedTensorFlow } from '../../src/trainer/tensorflow.ts';
import { type TrainProgress, trainTokens } from '../../src/trainer/train.ts';
import type { NamedTensor } from '../../src/trainer/weights.ts';
import {
  type EngineCase,
  golden,
  goldenEngine,
  goldenJson,
  goldenRecipe,
  goldenRows,
  goldenTensors,
  loadQuietly,
  relative,
  toTokenRows,
} from './golden.ts';

// bfloat16 keeps 8 bits of every product's factors. The truth is that of weights in float32: rounding these small random
// models' weights alone moves their gradients by 1.1 to 1.7 %.
const TOLERANCE = { loss: 2e-2, gradient: 3e-2 };
const BFLOAT16: EngineCase = { engine: 'one graph', storage: 'bfloat16', matmul: 'bfloat16' };

let loaded: LoadedTensorFlow;
const worst = { loss: 0, gradient: 0 };
beforeAll(async () => {
  loaded = await loadQuietly();
});
afterAll(() => {
  if (process.env.SHOW_FIDELITY)
    console.log(`bfloat16: loss ${worst.loss.toExponential(1)}, gradient ${worst.gradient.toExponential(1)}`);
});

function expectNear(quantity: keyof typeof worst, deviation: number, label: string): void {
  worst[quantity] = Math.max(worst[quantity], deviation);
  expect(deviation, `${quantity} ${label}`).toBeLessThanOrEqual(TOLERANCE[quantity]);
}

describe('in bfloat16', () => {
  it.each(['tiny-r4-std', 'tiny-r4-nonzero', 'untied-r16-std', 'untied-r16-nonzero'])(
    'the gradient of %s is near the truth',
    async (name) => {
      const { model, batch: file } = goldenJson('lora', name, 'golden.json');
      const engine = await goldenEngine(loaded, BFLOAT16, model);
      const adapter = await loadLoraAdapter({ folder: golden('lora', name) });
      const run = engine.startTraining({ adapter, optimizer: LoraRecipe.parse({}), random: new MersenneTwister(0) });
      const batch = collate(toTokenRows(goldenJson(file)));
      await run.accumulate(batch, 1 / batch.targetIds.length);
      const gradient = await run.gradient();
      const truth = await goldenTensors('lora', name, 'grads.truth.safetensors');
      expectNear('gradient', distance(gradient, truth), name);
      engine.dispose();
    },
  );

  it.each(['recipe-r4', 'ragged-r16', 'hot-r4'])('the losses of the run %s are near the truth', async (name) => {
    const trajectory = goldenJson('train', name, 'trajectory.json');
    const { args } = trajectory;
    const engine = await goldenEngine(loaded, BFLOAT16, trajectory.model);
    const progress: TrainProgress[] = [];
    const trained = await trainTokens({
      engine,
      rows: goldenRows('train').slice(0, trajectory.rows),
      recipe: goldenRecipe(args),
      seed: args.seed,
      initialAdapter: await loadLoraAdapter({ folder: golden(trajectory.initial_adapter) }),
      onProgress: (step) => progress.push(step),
      nowMs: () => 0,
    });
    if (!trained.ok) throw new Error(trained.verdict.message);
    for (const [i, { step, truth_fp64 }] of trajectory.steps.entries())
      expectNear('loss', relative(progress[i]!.lossNatsPerToken, truth_fp64.loss), `step ${step}`);
    const { adapter } = trained.value;
    const after = await evaluateTokens({ engine, rows: goldenRows('eval'), adapter });
    if (!after.ok) throw new Error(after.verdict.message);
    expectNear('loss', relative(after.value.lossNatsPerToken, trajectory.eval.after.eval_loss.truth_fp64), 'after');
    engine.dispose();
  });
});

/** L2 of the difference over L2 of the truth, all tensors together. */
function distance(seen: Map<string, NamedTensor>, truth: Map<string, NamedTensor>): number {
  let difference = 0;
  let scale = 0;
  for (const [name, { data }] of truth) {
    const values = seen.get(name)!.data;
    for (let i = 0; i < data.length; i++) {
      difference += (values[i]! - data[i]!) ** 2;
      scale += data[i]! ** 2;
    }
  }
  return Math.sqrt(difference / scale);
}
