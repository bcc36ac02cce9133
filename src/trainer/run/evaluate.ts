import { FlockOffError } from '../../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../../schema/verdict.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine } from '../engine/engine.ts';
import type { LoraAdapter } from '../model/lora-adapter.ts';
import type { TokenBatch } from '../tokens/batches.ts';
import type { EvaluationSet } from '../tokens/evaluation-set.ts';

export interface EvaluationProgress {
  /** Of those that count. */
  rowsDone: number;
  rows: number;
}

export interface EvaluationResult {
  /** Mean of the row losses: the score of a dataset. The same bits whatever the order of the rows. */
  lossNatsPerToken: number;
  /** Per row the mean negative log-likelihood of its target tokens; `null` for a row without any. */
  rowLosses: (number | null)[];
  /** Rows that count. */
  rows: number;
  /** Target tokens of them. */
  tokens: number;
}

export interface EvaluateTokensParameters {
  engine: LoraEngine;
  set: EvaluationSet;
  /** `null` evaluates the base model. */
  adapter: LoraAdapter | null;
  signal?: AbortSignal;
  onProgress?: (progress: EvaluationProgress) => void;
}

/**
 * Evaluates as transformers' Trainer does with batch size 1, except that rows without target tokens do not count.
 * Verdict: `diverged` when a row's loss is infinite or NaN.
 * @throws FlockOffError `bad-model` when that happens without an adapter; `bad-argument` when no row counts: the set is at fault.
 */
export async function evaluateTokens(parameters: EvaluateTokensParameters): Promise<Checked<EvaluationResult>> {
  const { engine, set, adapter, signal, onProgress } = parameters;
  if (set.batches.length === 0) throw unlabelled(set.rows);
  const rowLosses = new Array<number | null>(set.rows).fill(null);
  const counting = set.batches.reduce((sum, { rows }) => sum + rows.length, 0);
  const counted: number[] = [];
  let tokens = 0;
  const evaluation = engine.startEvaluation(adapter);
  try {
    for (const { batch, rows } of set.batches) {
      await yieldToEventLoop(signal);
      const tokenLosses = await evaluation.tokenLosses(batch);
      let start = 0;
      for (const { index, targets } of rows) {
        const loss = mean(tokenLosses.subarray(start, start + targets));
        if (!Number.isFinite(loss)) {
          if (!adapter) throw brokenBase(loss);
          await requireSoundBase(engine, [batch]);
          return reject('diverged', `the loss of evaluation row ${index + 1} is ${loss}`);
        }
        rowLosses[index] = loss;
        counted.push(loss);
        start += targets;
      }
      tokens += batch.targetIds.length;
      onProgress?.({ rowsDone: counted.length, rows: counting });
    }
  } finally {
    evaluation.dispose();
  }
  return accept({ lossNatsPerToken: mean(counted), rowLosses, rows: counted.length, tokens });
}

/**
 * To be asked before rows are blamed: what the base model cannot compute without an adapter is no fault of theirs.
 * @throws FlockOffError `bad-model` when the base model's loss on a batch is infinite or NaN.
 */
export async function requireSoundBase(engine: LoraEngine, batches: TokenBatch[]): Promise<void> {
  const evaluation = engine.startEvaluation(null);
  try {
    for (const batch of batches) {
      const broken = (await evaluation.tokenLosses(batch)).find((loss) => !Number.isFinite(loss));
      if (broken !== undefined) throw brokenBase(broken);
    }
  } finally {
    evaluation.dispose();
  }
}

function unlabelled(rows: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `none of ${rows} evaluation rows has an assistant token inside the context`,
    fix: 'use another evaluation set, or raise contextTokens',
    facts: { name: 'rows', value: rows },
  });
}

function brokenBase(loss: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the base model itself gives the loss ${loss}`,
    fix: 'copy or download its weights again; if they are whole, try another `matmul` or `backend`',
  });
}

function mean(values: Float32Array | number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
