/** A connection as BullMQ takes it, and what is asked of the server besides. */
export interface QueueConnection {
  connection: unknown;
  /** `undefined` for Redis, which is BullMQ's own. */
  factory: unknown;
  /** What its clock says, where it counts by those of workers how long jobs are held: milliseconds since the Unix epoch. */
  clockMs: (() => Promise<number>) | null;
  end(): Promise<void>;
}

/** How long it may take to connect. */
export const CONNECT_MS = 15_000;
/** Of a connection that is waited for: longer than any call that blocks. Then it is made anew. */
export const SILENT_MS = 60_000;
