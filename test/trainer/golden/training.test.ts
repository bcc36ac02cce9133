import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoraEngine, LoraTraining } from '../../../src/trainer/engine/engine.ts';
import { forward, headOf } from '../../../src/trainer/engine/plain/qwen2.ts';
import type { LoadedTensorFlow } from '../../../src/trainer/engine/tensorflow.ts';
import { type LoraAdapter, loadLoraAdapter } from '../../../src/trainer/model/lora-adapter.ts';
import { openModelWeights, readModelConfig } from '../../../src/trainer/model/model-files.ts';
import { openSafetensors } from '../../../src/trainer/model/safetensors.ts';
import { type NamedTensor, weightShapes } from '../../../src/trainer/model/weights.ts';
import { type EvaluationResult, evaluateTokens } from '../../../src/trainer/run/evaluate.ts';
import { type TrainProgress, trainTokens } from '../../../src/trainer/run/train.ts';
import { collate, pad } from '../../../src/trainer/tokens/batches.ts';
import { prepareEvaluation } from '../../../src/trainer/tokens/evaluation-set.ts';
import {
  ENGINES,
  expectWithin,
  type GoldenEngine,
  golden,
  goldenEngine,
  goldenJson,
  goldenRecipe,
  goldenRows,
  goldenTensors,
  loadQuietly,
  overScale,
  relative,
  showFidelity,
  temporaryFolder,
  toTokenRows,
} from './golden.ts';
import { mergeAdapter } from './merge-adapter.ts';

let loaded: LoadedTensorFlow;
beforeAll(async () => {
  loaded = await loadQuietly();
});
afterAll(showFidelity);

describe.each(ENGINES)('20 steps of training equal transformers’ Trainer: $engine', (engineCase) => {
  it.each([
    ['recipe-r4', false, [1, 2, 5, 10, 20]],
    ['recipe-r4', true, [20]],
    ['ragged-r16', false, [2, 10, 20]],
    ['hot-r4', false, [2, 10, 20]],
  ])('%s: losses, rates, gradient norms, adapters, evaluation; row by row: %s', async (name, rowByRow, checkpoints) => {
    const trajectory = goldenJson('train', name, 'trajectory.json');
    const engine = await goldenEngine(loaded, engineCase, trajectory.model);
    const initialAdapter = await loadLoraAdapter({ folder: golden(trajectory.initial_adapter) });
    const before = await evaluate(engine, initialAdapter);
    expectSameEvaluation(before, trajectory.eval.before, 'before');

    const recording = recordingEngine(engine, rowByRow ? 0 : engine.callTokens);
    const progress: TrainProgress[] = [];
    const { args } = trajectory;
    const trained = await trainTokens({
      engine: recording,
      rows: goldenRows('train').slice(0, trajectory.rows),
      recipe: goldenRecipe(args),
      seed: args.seed,
      initialAdapter,
      onProgress: (step) => progress.push(step),
      nowMs: () => 0,
    });

    const truth: GoldenStep[] = trajectory.steps;
    expect(progress.map(({ step }) => step)).toEqual(truth.map(({ step }) => step));
    const microLosses = truth.flatMap((step) => step.truth_fp64.micro_losses);
    if (rowByRow) {
      // The last micro batch of an epoch may be short.
      const ofRows = inMicroBatches(recording.losses, trajectory.rows, args.per_device_train_batch_size);
      expect(ofRows).toHaveLength(microLosses.length);
      microLosses.forEach((loss, i) => {
        expectWithin('train.micro_loss', Math.abs(ofRows[i]! - loss), `${name} micro batch ${i + 1}`);
      });
    } else expect(recording.losses.length).toBeLessThan(microLosses.length);
    truth.forEach((step, i) => {
      const seen = progress[i]!;
      const label = `${name} step ${step.step}`;
      expectWithin('train.lr', relative(seen.learningRate, step.lr), label);
      expectWithin('train.step_loss', Math.abs(seen.lossNatsPerToken - step.truth_fp64.loss), label);
      expectWithin('train.grad_norm', relative(seen.gradNorm, step.truth_fp64.grad_norm), label);
    });
    const gradients = await goldenTensors('train', name, 'grads-step01-accumulated.truth.safetensors');
    for (const [tensor, { data }] of gradients) {
      expectWithin('train.grads_step1', overScale(recording.firstGradient!.get(tensor)!.data, data), tensor);
    }
    for (const step of checkpoints) {
      const file = `adapter-step${String(step).padStart(2, '0')}.truth.safetensors`;
      const moved = distanceOverMoved(
        recording.adapters[step - 1]!,
        await goldenTensors('train', name, file),
        initialAdapter,
      );
      expectWithin('train.adapter_step', moved, `${name} step ${step}`);
    }
    if (!trained.ok) throw new Error(trained.verdict.message);
    expectSameEvaluation(await evaluate(engine, trained.value.adapter), trajectory.eval.after, 'after');
    engine.dispose();
  });
});

describe.each(ENGINES)('evaluation equals transformers’ Trainer: $engine', (engineCase) => {
  it.each(['tiny-qwen2', 'tiny-qwen2-untied', 'tiny-qwen2-bf16'])('of the base model %s', async (model) => {
    const truth = goldenJson('eval', `${model}.base.json`);
    const engine = await goldenEngine(loaded, engineCase, model);
    const seen = await evaluate(engine, null);
    expectWithin('eval.eval_loss', Math.abs(seen.lossNatsPerToken - truth.eval_loss.truth_fp64));
    seen.rowLosses.forEach((loss, row) => {
      expectWithin('eval.row_loss', Math.abs(loss! - truth.row_losses.truth_fp64[row]));
    });
    expect(seen.tokens).toBe(truth.label_tokens_per_row.reduce((sum: number, tokens: number) => sum + tokens, 0));
    engine.dispose();
  });

  it('of edge rows, where a row without labels has no loss and does not count', async () => {
    const truth = goldenJson('eval', 'edge.json');
    const engine = await goldenEngine(loaded, engineCase, truth.model);
    const result = await evaluateTokens({ engine, set: prepareEvaluation(goldenRows('edge')), adapter: null });
    if (!result.ok) throw new Error(result.verdict.message);
    const { rowLosses, rows, lossNatsPerToken } = result.value;
    truth.row_losses.truth_fp64.forEach((loss: number | 'NaN', row: number) => {
      if (loss === 'NaN') expect(rowLosses[row]).toBeNull();
      else expectWithin('eval.row_loss', Math.abs(rowLosses[row]! - loss));
    });
    expect(rows).toBe(truth.rows_with_labels.filter(Boolean).length);
    expectWithin('eval.eval_loss', Math.abs(lossNatsPerToken - truth.eval_loss_without_labelless_rows.truth_fp64));
    engine.dispose();
  });
});

describe('a merged adapter equals PEFT’s merge_and_unload', () => {
  it.each(['tiny-r4-nonzero', 'ragged-r16-final'])('%s: weights, logits, loss', async (name) => {
    const { tf } = loaded;
    const truth = goldenJson('merge', name, 'golden.json');
    const to = temporaryFolder();
    await mergeAdapter({
      model: golden(truth.model),
      adapter: await loadLoraAdapter({ folder: golden(truth.adapter) }),
      to,
    });

    const merged = await openSafetensors(join(to, 'model.safetensors'));
    for (const [tensor, { data }] of await goldenTensors('merge', name, 'merged-layer.truth.safetensors')) {
      expectWithin('merge.weights', overScale(await merged.readFloats(tensor), data), tensor);
    }
    await merged.close();

    const config = await readModelConfig(to);
    const file = await openModelWeights(to, config);
    const weights = new Map();
    for (const tensor of weightShapes(config).keys()) {
      const { data, shape } = await file.read(tensor);
      weights.set(tensor, tf.tensor(data, shape));
    }
    await file.close();
    const rows = toTokenRows(goldenJson(truth.batch));
    const batch = pad(collate(rows));
    const logits = tf.tidy(() =>
      tf.matMul(forward({ tf, config, weights, batch }).normed, headOf(config, weights), false, true),
    );
    const seen = logits.dataSync().map((value, i) => {
      const position = Math.floor(i / config.vocabSize);
      return position % batch.length < rows[Math.floor(position / batch.length)]!.inputIds.length ? value : 0;
    });
    expectWithin(
      'merge.logits',
      overScale(seen, (await goldenTensors('merge', name, 'logits.truth.safetensors')).get('logits')!.data),
    );
    tf.dispose([logits, ...weights.values()]);
  });
});

interface GoldenStep {
  step: number;
  lr: number;
  truth_fp64: { loss: number; grad_norm: number; micro_losses: number[] };
}

/** Writes down what passes the seam between loop and engine. */
function recordingEngine(engine: GoldenEngine, callTokens: number) {
  const losses: number[] = [];
  const adapters: LoraAdapter[] = [];
  const recording = {
    config: engine.config,
    callTokens,
    requireMemory: () => {},
    losses,
    adapters,
    firstGradient: null as Map<string, NamedTensor> | null,
    startTraining(options: Parameters<LoraEngine['startTraining']>[0]): LoraTraining {
      const run = engine.startTraining(options);
      let stepped = false;
      const noteAdapter = async () => {
        if (stepped) adapters.push(await run.adapter());
        stepped = false;
      };
      return {
        divided: false,
        async accumulate(batch, lossScale) {
          await noteAdapter();
          const loss = await run.accumulate(batch, lossScale);
          losses.push(loss);
          return loss;
        },
        async gradNorm() {
          recording.firstGradient ??= await run.gradient();
          return run.gradNorm();
        },
        step(learningRate, gradientFactor) {
          run.step(learningRate, gradientFactor);
          stepped = true;
        },
        async adapter() {
          await noteAdapter();
          return run.adapter();
        },
        state: () => run.state(),
        dispose: () => run.dispose(),
      };
    },
    startGradients: (adapter: LoraAdapter) => engine.startGradients(adapter),
    startEvaluation: (adapter: LoraAdapter | null) => engine.startEvaluation(adapter),
    dispose: () => engine.dispose(),
  };
  return recording;
}

/** Sums of the losses of single rows, epoch after epoch. */
function inMicroBatches(losses: number[], rows: number, batchSize: number): number[] {
  const sums: number[] = [];
  losses.forEach((loss, i) => {
    if ((i % rows) % batchSize === 0) sums.push(loss);
    else sums[sums.length - 1]! += loss;
  });
  return sums;
}

async function evaluate(engine: LoraEngine, adapter: LoraAdapter | null): Promise<EvaluationResult> {
  const result = await evaluateTokens({ engine, set: prepareEvaluation(goldenRows('eval')), adapter });
  if (!result.ok) throw new Error(result.verdict.message);
  return result.value;
}

interface GoldenEvaluation {
  eval_loss: { truth_fp64: number };
  row_losses: { truth_fp64: number[] };
}

function expectSameEvaluation(seen: EvaluationResult, truth: GoldenEvaluation, when: 'before' | 'after'): void {
  expectWithin(`train.eval_${when}`, Math.abs(seen.lossNatsPerToken - truth.eval_loss.truth_fp64));
  truth.row_losses.truth_fp64.forEach((loss, row) => {
    expectWithin(`train.rows_${when}`, Math.abs(seen.rowLosses[row]! - loss), `row ${row}`);
  });
}

/** L2 of (adapter - truth) over L2 of (truth - start), all tensors together. Before anything moved it must be 0. */
function distanceOverMoved(adapter: LoraAdapter, truth: Map<string, NamedTensor>, start: LoraAdapter): number {
  let distance = 0;
  let moved = 0;
  for (const [name, { data }] of truth) {
    const seen = adapter.tensors.get(name)!.data;
    const from = start.tensors.get(name)!.data;
    for (let i = 0; i < data.length; i++) {
      distance += (seen[i]! - data[i]!) ** 2;
      moved += (data[i]! - from[i]!) ** 2;
    }
  }
  return distance === 0 ? 0 : Math.sqrt(distance / moved);
}
