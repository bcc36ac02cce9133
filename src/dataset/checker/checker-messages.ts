import {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorParameters,
  messageOf,
} from '../../errors/flock-off-error.ts';
import type { Competition } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';

/** What is asked of a checking process, one at a time. Sent with structured cloning. */
export type Request =
  | { kind: 'check'; path: string; competition: Competition }
  | { kind: 'read'; path: string; competition: Competition; keep?: Uint32Array };

/** What it answers. */
export type Reply =
  /** The next rows of a `read`: a few, so that taking them holds nobody up. */
  { kind: 'rows'; rows: DatasetRow[] } | { kind: 'done'; value: unknown } | { kind: 'failed'; error: PlainError };

/** A {@link FlockOffError} without its class and cause, which cannot be sent. */
export interface PlainError {
  code: FlockOffErrorCode;
  what: string;
  fix: string | undefined;
  facts: Record<string, unknown>;
  transient: boolean;
}

export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof FlockOffError))
    return { code: 'checker-failed', what: messageOf(error), fix: undefined, facts: {}, transient: true };
  const { code, message, fix, facts, transient } = error;
  // The sentence ends with the fix and two full stops, or with one.
  return { code, what: message.slice(0, fix ? -(fix.length + 3) : -1), fix, facts, transient };
}

export const fromPlainError = (error: PlainError): FlockOffError => new FlockOffError(error as FlockOffErrorParameters);
