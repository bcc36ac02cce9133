import { FlockOffError, type FlockOffErrorParameters, messageOf } from '../../errors/flock-off-error.ts';
import type { Competition } from '../../schema/competition.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';

/** What is asked of a checking process, one at a time. Sent with structured cloning. */
export type Request =
  | { kind: 'check'; path: string; competition: Competition; allowedRows?: ReadonlySet<string> }
  | { kind: 'read'; path: string; competition: Competition; keep?: Uint32Array };

/** What it answers. */
export type Reply =
  /** The next rows of a `read`: a few, so that taking them holds nobody up. */
  | { kind: 'rows'; rows: DatasetRow[] }
  | { kind: 'done'; value: unknown }
  | { kind: 'failed'; error: FlockOffErrorParameters };

/** A {@link FlockOffError} without its class and cause, which cannot be sent. Any other error becomes `checker-failed`. */
export function toPlainError(error: unknown): FlockOffErrorParameters {
  if (error instanceof FlockOffError) return { ...error.toParameters(), cause: undefined };
  return { code: 'checker-failed', what: messageOf(error), transient: true };
}
