import { afterAll, expect, it } from 'vitest';
import { LoraRecipe } from '../../../src/schema/competition.ts';
import { loadTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { evaluateTokens } from '../../../src/trainer/run/evaluate.ts';
import { type TrainProgress, trainTokens } from '../../../src/trainer/run/train.ts';
import { prepareEvaluation } from '../../../src/trainer/tokens/evaluation-set.ts';
import {
  expectWithin,
  golden,
  goldenEngine,
  goldenJson,
  goldenRows,
  relative,
  showFidelity,
} from '../golden/golden.ts';

afterAll(showFidelity);

it('the wasm backend runs the whole step: the first epoch of a golden run, and an evaluation', async () => {
  const loaded = await loadTensorFlow({ backend: 'wasm' });
  expect(loaded.backend).toMatchObject({ name: 'wasm', libraryVersion: null, cuda: false });
  const trajectory = goldenJson('train/recipe-r4/trajectory.json');
  const engine = await goldenEngine(loaded, { engine: 'plain operations' }, trajectory.model);
  const adapter = await loadLoraAdapter({ folder: golden(trajectory.initial_adapter) });

  const progress: TrainProgress[] = [];
  const controller = new AbortController();
  const run = trainTokens({
    engine,
    rows: goldenRows('train'),
    recipe: LoraRecipe.parse({ rank: 4, alpha: 8, dropout: 0 }),
    seed: trajectory.args.seed,
    initialAdapter: adapter,
    signal: controller.signal,
    onProgress: (step) => {
      progress.push(step);
      if (step.step === 6) controller.abort();
    },
    nowMs: () => 0,
  });
  await expect(run).rejects.toThrow();
  expect(progress).toHaveLength(6);
  for (const [i, { lossNatsPerToken, gradNorm }] of progress.entries()) {
    const truth = trajectory.steps[i].truth_fp64;
    expectWithin('train.step_loss', Math.abs(lossNatsPerToken - truth.loss), `step ${i + 1}`);
    expectWithin('train.grad_norm', relative(gradNorm, truth.grad_norm), `step ${i + 1}`);
  }

  const evaluated = await evaluateTokens({ engine, set: prepareEvaluation(goldenRows('eval')), adapter: null });
  if (!evaluated.ok) throw new Error(evaluated.verdict.message);
  const { eval_loss } = goldenJson('eval/tiny-qwen2.base.json');
  expectWithin('eval.eval_loss', Math.abs(evaluated.value.lossNatsPerToken - eval_loss.truth_fp64));
  engine.dispose();
  expect(loaded.tf.memory().numTensors).toBe(0);
});
