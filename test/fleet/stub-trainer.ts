import { createHash } from 'node:crypto';
import type { DatasetRow, EvaluateParameters, TrainParameters } from 'flock-off';
import type { WorkerTrainer } from 'flock-off/fleet';

export interface StubTrainerParameters {
  /** How long a training takes. */
  trainMs?: number;
  /** Added to every loss. */
  wrongBy?: number;
  baseSha256?: string;
  matmul?: 'float32' | 'bfloat16';
  onTrain?: () => void;
  /** Thrown by every training. */
  fault?: Error;
  /** A step on known-good work, which has seed 0, is without it. */
  probeWorks?: boolean;
}

/** Losses follow from rows and seed, in no time: what is tested is the way that they take. */
export function stubTrainer(parameters: StubTrainerParameters = {}): WorkerTrainer {
  const { trainMs = 0, wrongBy = 0, baseSha256 = 'base', matmul = 'float32', onTrain } = parameters;
  const { fault, probeWorks = false } = parameters;
  return {
    backend: { name: 'tfjs-node', packageVersion: '4.22.0', libraryVersion: '2.21.0', cuda: false },
    precision: { matmul, xla: false, reason: 'stub' },
    weightStorage: { dtype: 'float32', mapped: false, reason: 'stub' },
    baseSha256,
    async train({ rows, seed, signal, onProgress }: TrainParameters) {
      onTrain?.();
      await sleep(trainMs, signal);
      if (fault && !(probeWorks && seed === 0)) throw fault;
      onProgress?.({
        ...{ step: 1, steps: 1, epoch: 1, lossNatsPerToken: 1, learningRate: 1 },
        ...{ gradNorm: 1, tokensPerSecond: 1, etaMs: 0 },
      });
      return { ok: true, value: { adapter: { name: hashOf([rows, seed]) } } } as never;
    },
    async evaluate({ rows, adapter }: EvaluateParameters) {
      const of = (adapter as unknown as { name: string } | undefined)?.name ?? '';
      const rowLosses = rows.map((row) => stubLoss(of, row) + wrongBy);
      const lossNatsPerToken = rowLosses.reduce((sum, loss) => sum + loss, 0) / rows.length;
      return { ok: true, value: { lossNatsPerToken, rowLosses, rows: rows.length, tokens: rows.length } };
    },
    dispose() {},
  };
}

function stubLoss(adapter: string, row: DatasetRow): number {
  return 1 + Number.parseInt(hashOf([adapter, row]).slice(0, 8), 16) / 2 ** 32;
}

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, durationMs);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
