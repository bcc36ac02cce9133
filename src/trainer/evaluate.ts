import { FlockOffError } from '../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { collate } from './batches.ts';
import { breathe } from './breathe.ts';
import { countTargets, type TokenRow } from './chat.ts';
import type { LoraEngine } from './engine.ts';
import type { LoraAdapter } from './lora-adapter.ts';

export interface EvaluationProgress {
  rowsDone: number;
  rows: number;
}

export interface EvaluationResult {
  /** Mean of the row losses: the score of a dataset. */
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
  rows: TokenRow[];
  /** `null` evaluates the base model. */
  adapter: LoraAdapter | null;
  signal?: AbortSignal;
  onProgress?: (progress: EvaluationProgress) => void;
}

/**
 * Evaluates row by row, as transformers' Trainer with batch size 1, except that rows without target tokens do not count.
 * Verdicts: `no-labels` when no row counts, `diverged` when a row's loss is infinite or NaN.
 * @throws FlockOffError `bad-model` when that happens without an adapter.
 */
export async function evaluateTokens(parameters: EvaluateTokensParameters): Promise<Checked<EvaluationResult>> {
  const { engine, rows, adapter, signal, onProgress } = parameters;
  const evaluation = engine.startEvaluation(adapter);
  const rowLosses: (number | null)[] = [];
  let tokens = 0;
  try {
    for (const row of rows) {
      await breathe(signal);
      const targets = countTargets(row);
      const loss = targets === 0 ? null : mean(await evaluation.tokenLosses(collate([row])));
      if (loss !== null && !Number.isFinite(loss)) {
        if (!adapter) throw brokenBase(loss);
        return reject('diverged', `the loss of evaluation row ${rowLosses.length + 1} is ${loss}`);
      }
      rowLosses.push(loss);
      tokens += targets;
      onProgress?.({ rowsDone: rowLosses.length, rows: rows.length });
    }
  } finally {
    evaluation.dispose();
  }
  const counted = rowLosses.filter((loss) => loss !== null);
  if (counted.length === 0) return reject('no-labels', `none of ${rows.length} evaluation rows has a target token`);
  return accept({ lossNatsPerToken: mean(counted), rowLosses, rows: counted.length, tokens });
}

function brokenBase(loss: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the base model itself gives the loss ${loss}`,
    fix: 'copy or download its weights again',
  });
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
