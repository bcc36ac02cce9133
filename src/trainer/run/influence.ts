import { FlockOffError } from '../../errors/flock-off-error.ts';
import { yieldToEventLoop } from '../../shared/yield-to-event-loop.ts';
import type { LoraEngine, LoraGradients } from '../engine/engine.ts';
import { collate } from '../tokens/batches.ts';
import { countTargets, type TokenRow } from '../tokens/chat.ts';
import type { AdapterSnapshot } from './snapshots.ts';

export interface InfluenceProgress {
  /** Gradients done, of rows and of the evaluation set. */
  done: number;
  of: number;
}

export interface MeasureInfluenceParameters {
  engine: LoraEngine;
  rows: TokenRow[];
  evaluation: TokenRow[];
  snapshots: readonly AdapterSnapshot[];
  signal?: AbortSignal;
  onProgress?: (progress: InfluenceProgress) => void;
  /** Called after every call of the engine. */
  onAlive?: () => void;
}

/**
 * What each row does to the loss on the evaluation set, by TracIn-CP (Pruthi and others, 2020) over the adapter's weights: the
 * product of its gradient with that of the evaluation loss, times the learning rate, summed over the snapshots. A row's gradient
 * is that of the sum of its token losses, as in training, where long answers weigh more.
 * @returns by row, in nats per token of a step's tokens: above 0 it lowers the loss. `null` for one without a target token.
 */
export async function measureInfluence(parameters: MeasureInfluenceParameters): Promise<(number | null)[]> {
  const { engine, rows, evaluation, snapshots, signal, onProgress, onAlive } = parameters;
  const counting = evaluation.filter((row) => countTargets(row) > 0);
  if (counting.length === 0 || snapshots.length === 0) throw nothingToCompare(counting.length);
  const targets = rows.map(countTargets);
  const learned = targets.filter((count) => count > 0).length;
  const meanTargets = targets.reduce((sum, count) => sum + count, 0) / Math.max(1, learned);
  const values = targets.map((count): number | null => (count > 0 ? 0 : null));
  const of = snapshots.length * (counting.length + learned);
  let done = 0;
  const add = async (gradients: LoraGradients, row: TokenRow, lossScale: number) => {
    await yieldToEventLoop(signal);
    await gradients.add(collate([row]), lossScale);
    onAlive?.();
    onProgress?.({ done: ++done, of });
  };
  for (const { adapter, learningRates } of snapshots) {
    const gradients = engine.startGradients(adapter);
    try {
      for (const row of counting) await add(gradients, row, 1 / (counting.length * countTargets(row)));
      await gradients.keep();
      for (const [i, row] of rows.entries()) {
        const before = values[i];
        if (before === null || before === undefined) continue;
        await add(gradients, row, 1 / meanTargets);
        values[i] = before + learningRates * (await gradients.product());
      }
    } finally {
      gradients.dispose();
    }
  }
  return values;
}

function nothingToCompare(evaluationRows: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what:
      evaluationRows === 0 ? 'no evaluation row has an assistant token inside the context' : 'there are no snapshots',
    fix: evaluationRows === 0 ? 'use another evaluation set' : 'train with `snapshots`, from 1 on',
    facts: { name: evaluationRows === 0 ? 'evaluation' : 'snapshots', value: 0 },
  });
}
