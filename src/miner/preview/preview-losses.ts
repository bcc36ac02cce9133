import type { Competition, LoraRecipe } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { accept, type Checked, type Verdict } from '../../schema/verdict.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { eitherSignal } from '../../shared/either-signal.ts';
import { randomPermutation } from '../../shared/random.ts';
import type {
  AdapterSnapshot,
  EvaluationResult,
  InfluenceParameters,
  InfluenceProgress,
  Trainer,
  TrainProgress,
} from '../../trainer/lora-trainer.ts';
import { orStopped, Pace, type Watch } from './pace.ts';

/** What measures a dataset: a {@link LoraTrainer}, or something of one's own in its place. */
export interface PreviewTrainer extends Pick<Trainer, 'train' | 'evaluate'> {
  /** See {@link LoraTrainer.influence}. */
  influence(parameters: InfluenceParameters): Promise<(number | null)[]>;
}

export interface PreviewLossesParameters {
  trainer: PreviewTrainer;
  /** Those that a validator would train on. */
  rows: DatasetRow[];
  evaluation: { rows: DatasetRow[] };
  competition: Pick<Competition, 'recipe' | 'maxTokens'>;
  /** A validator's seed is not known before its epoch. Default 1, 2, 3. */
  seeds?: readonly number[];
  /** About how long all may take; where that is not enough, samples are trained on and evaluated. Default: as long as it takes. */
  maxMs?: number;
  /** Whether it is looked what each row does, too. Default false. */
  influence?: boolean;
  clock?: Clock;
  signal?: AbortSignal;
  onEvent?: (event: LossesEvent) => void;
}

export type LossesEvent =
  | { kind: 'baseline' }
  | { kind: 'training'; seed: number; progress: TrainProgress }
  | { kind: 'influence'; progress: InfluenceProgress }
  /** There is no time for all of it. */
  | { kind: 'sampled'; sample: TrainingSample };

/** What of the rows was trained on. */
export interface TrainingSample {
  rows: number;
  ofRows: number;
  /** Optimizer steps. */
  steps: number;
  ofSteps: number;
}

/** What a dataset teaches, in nats per token: plain JSON. */
export interface LossesPreview {
  /** Of the base model alone. */
  baseline: number;
  /** After training with the competition's recipe, one a seed. */
  losses: { seed: number; loss: number }[];
  /** `null` without any. */
  mean: number | null;
  /** Standard deviation over the seeds; `null` with fewer than two. */
  seedDeviation: number | null;
  /**
   * Standard error of the mean: by the seeds, and by the rows where not all were evaluated. What training on a sample leaves out
   * is not in it: `sample` and `halfSampleLoss` say what is known of that.
   */
  standardError: number | null;
  /** Share of the base model's loss that training takes away, 0..1. */
  gain: number | null;
  /** `null` where all was trained on. */
  sample: TrainingSample | null;
  /** With the first half of the first sample only: what more rows are worth. */
  halfSampleLoss: number | null;
  evaluated: { rows: number; ofRows: number };
  /**
   * What each row that was trained on under the first seed does, see {@link LoraTrainer.influence}: `row` is its index in `rows`.
   * `null` where it was not asked for, or there are no losses.
   */
  influence: { row: number; value: number }[] | null;
  /** Why there are no losses, where training refused the rows. */
  verdict: Verdict | null;
  /** True where not one step was done in time. */
  tooSlow: boolean;
}

const SEEDS = [1, 2, 3];
/** Shares of the time: for measuring the base model alone, and for finding out how fast training is. */
const BASELINE_SHARE = 1 / 8;
const FIRST_STEP_SHARE = 1 / 2;
const FEWEST_EVALUATED = 32;
/** Runs that looking at each row takes as long as, about. */
const INFLUENCE_RUNS = 1.5;

/**
 * Measures what a dataset teaches the base model: its loss alone, and after training with the competition's recipe under
 * several seeds. Where the time is too short, each seed trains on a sample of its own, with as many steps fewer.
 * @throws FlockOffError as {@link Trainer.train} and {@link Trainer.evaluate}.
 * @example
 * const trainer = await LoraTrainer.open({ model });
 * const { baseline, mean } = await previewLosses({ trainer, rows, evaluation, competition, maxMs: 600_000 });
 * console.log(`the base model has ${baseline} nats per token, trained on this ${mean}`);
 */
export async function previewLosses(parameters: PreviewLossesParameters): Promise<LossesPreview> {
  const { trainer, rows, competition, seeds = SEEDS, maxMs = Number.POSITIVE_INFINITY, onEvent, signal } = parameters;
  const { clock = systemClock } = parameters;
  const { recipe, maxTokens } = competition;
  const { contextTokens } = recipe;
  const deadlineMs = clock.nowMs() + maxMs;
  onEvent?.({ kind: 'baseline' });
  const { evaluated, evaluationMs, result } = await measureBaseline(parameters, clock, maxMs * BASELINE_SHARE);
  const preview: LossesPreview = {
    ...{ baseline: result.lossNatsPerToken, losses: [], mean: null, seedDeviation: null, standardError: null },
    ...{ gain: null, sample: null, halfSampleLoss: null, influence: null, verdict: null, tooSlow: false },
    evaluated: { rows: evaluated.length, ofRows: parameters.evaluation.rows.length },
  };
  const [first] = seeds;
  if (first === undefined) return preview;

  const run = async (seed: number, part: Part, watch: Watch = {}): Promise<Checked<Run>> => {
    const onProgress = (progress: TrainProgress) => {
      watch.onProgress?.(progress);
      onEvent?.({ kind: 'training', seed, progress });
    };
    const { indexes, ...how } = part;
    const own = indexes.map((row) => rows[row]!);
    const snapshots = parameters.influence && seed === first ? recipe.epochs : undefined;
    const trained = await trainer.train({
      ...{ ...how, rows: own, seed, snapshots, onProgress, signal: watch.signal ?? signal },
    });
    if (!trained.ok) return trained;
    const { adapter, snapshots: taken = [] } = trained.value;
    const result = await trainer.evaluate({ rows: evaluated, adapter, contextTokens, signal });
    return result.ok ? accept({ part, result: result.value, snapshots: taken }) : result;
  };
  const whole: Part = { indexes: rows.map((_, row) => row), recipe, maxTokens };
  const partOf = (seed: number, count: number): Part => {
    // In the order of the file, as all of it would be.
    const indexes = randomPermutation(rows.length, seed)
      .slice(0, count)
      .sort((a, b) => a - b);
    return { indexes, recipe: { ...recipe, warmupSteps: Math.round((recipe.warmupSteps * count) / rows.length) } };
  };

  // The first run tells how long all would take.
  const runs = seeds.length + (parameters.influence ? INFLUENCE_RUNS : 0);
  const firstStepMs = maxMs * FIRST_STEP_SHARE;
  const pace = new Pace({ clock, signal, runs, evaluationMs, deadlineMs, firstStepMs });
  const probe = await pace.watch((watch) => run(first, whole, watch));
  if (probe === null && pace.share === null) return { ...preview, tooSlow: true };
  // One that was done before it could be stopped is of all rows, and the others of samples.
  const ofFirst = pace.share === null ? probe : null;
  const sample = pace.share === null ? null : sampleOf(rows.length, recipe, pace.share);
  if (sample) onEvent?.({ kind: 'sampled', sample });
  const done: Run[] = [];
  for (const seed of seeds) {
    const one = (seed === first && ofFirst) || (await run(seed, sample ? partOf(seed, sample.rows) : whole));
    if (!one.ok) return { ...preview, sample, verdict: one.verdict };
    done.push(one.value);
    preview.losses.push({ seed, loss: one.value.result.lossNatsPerToken });
  }
  const half = sample && sample.rows > 1 ? await run(first, partOf(first, Math.ceil(sample.rows / 2))) : null;
  return {
    ...{ ...preview, sample, halfSampleLoss: half?.ok ? half.value.result.lossNatsPerToken : null },
    ...summaryOf(
      preview,
      done.map(({ result }) => result),
    ),
    influence: parameters.influence ? await influenceOf(done[0]!, evaluated, parameters) : null,
  };
}

/** Rows that are trained on, and how. */
interface Part {
  indexes: number[];
  recipe: LoraRecipe;
  maxTokens?: number;
}

interface Run {
  part: Part;
  result: EvaluationResult;
  snapshots: AdapterSnapshot[];
}

async function influenceOf(
  { part, snapshots }: Run,
  evaluation: DatasetRow[],
  { trainer, rows, onEvent, signal }: PreviewLossesParameters,
): Promise<LossesPreview['influence']> {
  const values = await trainer.influence({
    rows: part.indexes.map((row) => rows[row]!),
    ...{ evaluation, snapshots, contextTokens: part.recipe.contextTokens, signal },
    onProgress: (progress) => onEvent?.({ kind: 'influence', progress }),
  });
  return part.indexes.flatMap((row, i) => {
    const value = values[i] ?? null;
    return value === null ? [] : { row, value };
  });
}

function summaryOf(
  { baseline, losses, evaluated: { rows, ofRows } }: LossesPreview,
  results: EvaluationResult[],
): Pick<LossesPreview, 'mean' | 'seedDeviation' | 'standardError' | 'gain'> {
  const values = losses.map(({ loss }) => loss);
  const mean = meanOf(values);
  const deviation = values.length > 1 ? deviationOf(values) : null;
  // Rows are the same under each seed: their error does not shrink with the seeds.
  const byRow = (results[0]?.rowLosses ?? []).flatMap((loss, row) =>
    loss === null ? [] : meanOf(results.map(({ rowLosses }) => rowLosses[row] ?? loss)),
  );
  const ofRowsError = rows < ofRows ? (deviationOf(byRow) / Math.sqrt(byRow.length)) * Math.sqrt(1 - rows / ofRows) : 0;
  return {
    ...{ mean, seedDeviation: deviation, gain: 1 - mean / baseline },
    standardError: deviation === null ? null : Math.hypot(deviation / Math.sqrt(values.length), ofRowsError),
  };
}

/** The base model alone, on as many rows of the evaluation set as there is time for. */
async function measureBaseline(
  { trainer, evaluation, competition, signal }: PreviewLossesParameters,
  clock: Clock,
  maxMs: number,
): Promise<{ evaluated: DatasetRow[]; evaluationMs: number; result: EvaluationResult }> {
  const { contextTokens } = competition.recipe;
  const stop = new AbortController();
  const startMs = clock.nowMs();
  let rowsPerMs = 0;
  const either = eitherSignal(stop.signal, signal);
  const whole = trainer.evaluate({
    ...{ rows: evaluation.rows, contextTokens, signal: either.signal },
    onProgress: ({ rowsDone, rows }) => {
      const elapsedMs = clock.nowMs() - startMs;
      rowsPerMs = rowsDone / elapsedMs;
      if (rowsDone < rows && rows / rowsPerMs > maxMs) stop.abort();
    },
  });
  const result = await orStopped(whole, stop, signal).finally(either.release);
  if (result !== null)
    return { evaluated: evaluation.rows, evaluationMs: clock.nowMs() - startMs, result: requiredLoss(result) };
  const count = Math.max(FEWEST_EVALUATED, Math.floor((rowsPerMs * maxMs) / 2));
  const evaluated = randomPermutation(evaluation.rows.length, 0)
    .slice(0, count)
    .map((row) => evaluation.rows[row]!);
  const againMs = clock.nowMs();
  const sampled = requiredLoss(await trainer.evaluate({ rows: evaluated, contextTokens, signal }));
  return { evaluated, evaluationMs: clock.nowMs() - againMs, result: sampled };
}

/** No less than a step. */
function sampleOf(rows: number, recipe: LoraRecipe, share: number): TrainingSample {
  const rowsOfStep = recipe.batchSize * recipe.gradientAccumulation;
  const stepsOf = (count: number) =>
    Math.ceil(Math.ceil(count / recipe.batchSize) / recipe.gradientAccumulation) * recipe.epochs;
  const sampled = Math.min(rows, Math.max(rowsOfStep, Math.floor(rows * share)));
  return { rows: sampled, ofRows: rows, steps: stepsOf(sampled), ofSteps: stepsOf(rows) };
}

/** The base model's loss is no verdict on anybody. */
function requiredLoss(checked: Checked<EvaluationResult>): EvaluationResult {
  if (checked.ok) return checked.value;
  throw new RangeError(checked.verdict.message);
}

const meanOf = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviationOf(values: number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
