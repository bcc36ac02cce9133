import { FlockOffError, type FlockOffErrorParameters, messageOf } from '../../errors/flock-off-error.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import type {
  EvaluateParameters,
  InfluenceParameters,
  LoadEngineParameters,
  TrainParameters,
} from './trainer-parameters.ts';

/** Requests to a training process. Sent with structured cloning, so that tensors stay typed arrays. */
export type Request =
  | { id: number; kind: 'load'; folder: string; engine: LoadEngineParameters }
  | {
      id: number;
      kind: 'train';
      parameters: Pick<TrainParameters, 'recipe' | 'maxTokens' | 'seed' | 'checkpoint' | 'metricsPath' | 'snapshots'>;
    }
  | {
      id: number;
      kind: 'evaluate';
      parameters: Pick<EvaluateParameters, 'adapter' | 'contextTokens'>;
    }
  | {
      id: number;
      kind: 'influence';
      parameters: Pick<InfluenceParameters, 'evaluation' | 'snapshots' | 'contextTokens'>;
    }
  /** Some of the rows of the request with this id, which follows all of them. */
  | { id: number; kind: 'rows'; rows: DatasetRow[] }
  /** Ends the request with this id. */
  | { id: number; kind: 'abort' };

/** Replies, with the id of the request. */
export type Reply =
  /** A sign of life (heartbeat) without progress. */
  | { id: number; kind: 'alive' }
  | { id: number; kind: 'progress'; progress: unknown }
  /** An optional file could not be written; belongs to no request. */
  | { id: 0; kind: 'warning'; message: string }
  | { id: number; kind: 'done'; value: unknown }
  | { id: number; kind: 'failed'; error: FlockOffErrorParameters };

/** A {@link FlockOffError} without its class and cause, which cannot be sent. Any other error becomes `trainer-failed`. */
export function toPlainError(error: unknown): FlockOffErrorParameters {
  if (error instanceof FlockOffError) return { ...error.toParameters(), cause: undefined };
  return { code: 'trainer-failed', what: messageOf(error), transient: true };
}
