import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { LoraRecipe } from '../../schema/competition.ts';
import { accept, type Checked, reject } from '../../schema/verdict.ts';
import { BestEffort } from '../../shared/best-effort.ts';
import { MersenneTwister } from '../../shared/random.ts';
import { requiredItem } from '../../shared/required.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine } from '../engine/engine.ts';
import { createLoraAdapter, type LoraAdapter } from '../model/lora-adapter.ts';
import { collate, partition, planEpoch } from '../tokens/batches.ts';
import { countTargets, type TokenRow } from '../tokens/chat.ts';
import { noLabels } from '../tokens/token-verdicts.ts';
import { type CheckpointFile, loadCheckpoint, removeCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { clipFactor } from './clip.ts';
import { requireSoundBase } from './evaluate.ts';
import { MetricsFile, type StepMetrics } from './metrics-file.ts';
import { learningRateAt } from './schedule.ts';
import { type AdapterSnapshot, Snapshots } from './snapshots.ts';

/** State of a run after an optimizer step. */
export interface TrainProgress {
  /** Steps done, from 1. */
  step: number;
  steps: number;
  /** Passes over the dataset done, with fraction. */
  epoch: number;
  /** Mean over the step's target tokens, before the step. */
  lossNatsPerToken: number;
  learningRate: number;
  /** L2 norm of the gradient before clipping. */
  gradNorm: number;
  /** Tokens read per second so far. */
  tokensPerSecond: number;
  /** Time the remaining steps will take at this pace. */
  etaMs: number;
}

export interface TrainResult {
  adapter: LoraAdapter;
  /** Optimizer steps. */
  steps: number;
  /** Loss of each step that had target tokens. */
  stepLossesNatsPerToken: number[];
  /** Tokens read. */
  tokens: number;
  /**
   * True where rows had to be computed apart for want of memory. Sums then had another order, so that the loss may differ
   * in its last digits from one that was measured with more memory.
   */
  divided?: boolean;
  /** Where they were asked for: the adapter on the way. A run that went on from a checkpoint has those of what it trained. */
  snapshots?: AdapterSnapshot[];
}

export interface TrainTokensParameters {
  engine: LoraEngine;
  rows: TokenRow[];
  recipe: LoraRecipe;
  /** Shuffles the rows, starts the adapter and draws the dropout. */
  seed: number;
  /** Start from this adapter instead of a new one. */
  initialAdapter?: LoraAdapter;
  /** How many snapshots of the adapter are kept. Default: none. */
  snapshots?: number;
  /** Where checkpoints are stored, and resumed from. */
  checkpoint?: CheckpointFile & { everyMs: number };
  /** Every step becomes a line of this file. */
  metricsPath?: string;
  /** Is warned when metrics or checkpoints cannot be written. Default: silent. */
  bestEffort?: BestEffort;
  signal?: AbortSignal;
  onProgress?: (progress: TrainProgress) => void;
  /** Called after every call of the engine. */
  onAlive?: () => void;
  nowMs: () => number;
}

/**
 * Trains an adapter as transformers' Trainer does. With gradient accumulation a step has several micro batches, and its loss
 * is the mean over the target tokens of all.
 * Verdicts: `no-labels` when no row has a target token, `diverged` when a loss or a gradient is infinite or NaN.
 * @throws FlockOffError `bad-model` or `trainer-failed` where that is not the rows' doing: the base model itself gives such
 *   a loss on them, or nothing has been learned yet.
 */
export async function trainTokens(parameters: TrainTokensParameters): Promise<Checked<TrainResult>> {
  const { engine, rows, recipe, seed, signal, onProgress, onAlive, nowMs } = parameters;
  if (!rows.some((row) => countTargets(row) > 0))
    return noLabels({ rows: rows.length, contextTokens: recipe.contextTokens });
  const { checkpoint } = parameters;
  const reached = checkpoint ? await loadCheckpoint(checkpoint) : null;
  const random = reached?.random ?? new MersenneTwister(seed);
  const adapter =
    reached?.training.adapter ??
    parameters.initialAdapter ??
    createLoraAdapter({ ...recipe, config: engine.config, random });
  const doneBefore = reached?.step ?? 0;
  const { metricsPath, bestEffort = new BestEffort(() => {}) } = parameters;
  const metrics = metricsPath ? await MetricsFile.open({ path: metricsPath, stepsDone: doneBefore, bestEffort }) : null;
  const run = engine.startTraining({ adapter, optimizer: recipe, random, resume: reached?.training });
  const stepsPerEpoch = Math.ceil(Math.ceil(rows.length / recipe.batchSize) / recipe.gradientAccumulation);
  const steps = stepsPerEpoch * recipe.epochs;
  const divided = () => run.divided || (reached?.divided ?? false);
  const startMs = nowMs();
  let storedMs = startMs;
  const rateOf = (step: number) => learningRateAt({ ...recipe, step, steps, peakLearningRate: recipe.learningRate });
  const snapshots = new Snapshots({ count: parameters.snapshots ?? 0, steps, rateOf });
  const stepLossesNatsPerToken = reached?.stepLossesNatsPerToken ?? [];
  const tokensBefore = reached?.tokens ?? 0;
  let hasLearned = parameters.initialAdapter !== undefined || (doneBefore > 0 && rateOf(doneBefore - 1) > 0);
  let step = 0;
  let tokens = tokensBefore;
  try {
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      for (const indices of planEpoch({ ...recipe, rows: rows.length, seed, epoch })) {
        const learningRate = rateOf(step);
        step++;
        if (step <= doneBefore) continue;
        const rowsOfStep = indices.map((index) => requiredItem(rows, index));
        const targets = rowsOfStep.reduce((sum, row) => sum + countTargets(row), 0);
        if (targets === 0) continue; // no loss, so no gradient; the schedule goes on
        // Rows in their order, in as few calls as possible: what is added up is the same as micro batch by micro batch.
        const learned = rowsOfStep.filter((row) => countTargets(row) > 0);
        const batches = partition(learned, ({ inputIds }) => inputIds.length, engine.callTokens).map(collate);

        const stepStartMs = nowMs();
        let lossNatsPerToken = 0;
        for (const batch of batches) {
          await yieldToEventLoop(signal);
          lossNatsPerToken += await run.accumulate(batch, 1 / targets);
          onAlive?.();
        }
        const tokensOfStep = rowsOfStep.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
        tokens += tokensOfStep;
        const gradNorm = await run.gradNorm();
        const seen = { step, epoch: step / stepsPerEpoch, lossNatsPerToken, learningRate, gradNorm };
        // Before the checkpoint, so that a run which goes on from there misses no line.
        await metrics?.append({ ...seen, ...pace(tokensOfStep, nowMs() - stepStartMs) });
        if (!Number.isFinite(lossNatsPerToken) || !Number.isFinite(gradNorm)) {
          await requireSoundBase(engine, batches);
          if (!hasLearned) throw notTheRows(seen, steps);
          if (checkpoint) await removeCheckpoint(checkpoint);
          return reject(
            'diverged',
            `training diverged at step ${step} of ${steps}: loss ${lossNatsPerToken}, gradient norm ${gradNorm}`,
            { step, steps },
          );
        }
        run.step(learningRate, clipFactor(gradNorm, recipe.maxGradNorm));
        hasLearned ||= learningRate > 0;

        await snapshots.take(step, () => run.adapter());
        stepLossesNatsPerToken.push(lossNatsPerToken);
        if (checkpoint && step < steps && nowMs() - storedMs >= checkpoint.everyMs) {
          const reached = {
            training: await run.state(),
            random,
            step,
            tokens,
            stepLossesNatsPerToken,
            divided: divided(),
          };
          // A failed write costs the checkpoint, not the run.
          await bestEffort.attempt('how far training is', checkpoint.path, () => saveCheckpoint(checkpoint, reached));
          storedMs = nowMs();
        }
        const elapsedMs = nowMs() - startMs;
        onProgress?.({
          ...seen,
          steps,
          tokensPerSecond: perSecond(tokens - tokensBefore, elapsedMs),
          etaMs: (elapsedMs / (step - doneBefore)) * (steps - step),
        });
      }
    }
    const result: TrainResult = {
      adapter: await run.adapter(),
      steps,
      stepLossesNatsPerToken,
      tokens,
      divided: divided(),
    };
    if (parameters.snapshots) result.snapshots = snapshots.taken;
    if (checkpoint) await removeCheckpoint(checkpoint);
    return accept(result);
  } finally {
    run.dispose();
    await metrics?.close();
  }
}

/** A new adapter adds nothing to the base model: a loss that is not finite before its first update is a fault of the device. */
function notTheRows(
  { step, lossNatsPerToken, gradNorm }: Pick<TrainProgress, 'step' | 'lossNatsPerToken' | 'gradNorm'>,
  steps: number,
): FlockOffError {
  return new FlockOffError({
    code: 'trainer-failed',
    what: `step ${step} of ${steps} has the loss ${lossNatsPerToken} and the gradient norm ${gradNorm}, and nothing has been learned yet`,
    fix: 'run "npx flock-off doctor" to see what computes; another `matmul` or `backend` may help',
    facts: { step, steps },
    transient: true,
  });
}

function pace(tokens: number, durationMs: number): Pick<StepMetrics, 'tokens' | 'tokensPerSecond' | 'durationMs'> {
  return { tokens, tokensPerSecond: perSecond(tokens, durationMs), durationMs };
}

function perSecond(tokens: number, durationMs: number): number {
  return durationMs > 0 ? (1000 * tokens) / durationMs : 0;
}
