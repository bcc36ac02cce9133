import type { createPostgresBackend, PgQueryable, runMigrations } from 'bullmq';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { systemClock } from '../shared/clock.ts';
import { Secrets } from '../shared/secrets.ts';
import type { QueueAddress } from './queue-address.ts';
import { CONNECT_MS, type QueueConnection, SILENT_MS } from './queue-connection.ts';
import { unreachable } from './queue-unreachable.ts';

const MOST_CONNECTIONS = 8;
/** SQLSTATE of a server that starts: it listens, and lets nobody in yet. */
const STARTING = '57P03';
const AGAIN_MS = 200;
/** How long connections that are in use are waited for before they are cut. */
const END_MS = 1_000;
const NOW = 'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms';

/** What is used of the package `pg`, which brings no types. */
interface Client extends PgQueryable {
  end(): Promise<void>;
  on(event: 'error', listener: (error: unknown) => void): void;
  /** @param broken It is not used again. */
  release(broken?: boolean): void;
}
interface Pool extends PgQueryable {
  connect: (callback?: (...of: unknown[]) => void) => Promise<Client>;
  readonly ending: boolean;
  end(): Promise<void>;
  on(event: 'connect' | 'remove', listener: (client: Client) => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
}

export interface OpenPostgresParameters {
  bullmq: { createPostgresBackend: typeof createPostgresBackend; runMigrations: typeof runMigrations };
  onError: (error: unknown) => void;
  signal?: AbortSignal | undefined;
}

/** Connects to PostgreSQL, and makes the tables of BullMQ where they are not there. One that starts is waited for. */
export async function openPostgres(
  address: QueueAddress,
  { bullmq, onError, signal }: OpenPostgresParameters,
): Promise<QueueConnection> {
  const { host, port, user, password, database, tls, text } = address;
  const options = { host, port, user, password, database, ssl: tls, connectionTimeoutMillis: CONNECT_MS };
  const pool = new (await loadClient()).Pool({
    ...{ ...options, max: MOST_CONNECTIONS, keepAlive: true, query_timeout: SILENT_MS },
    options: '-c search_path=bullmq,public',
  });
  const clients = new Set<Client>();
  pool.on('connect', (client) => {
    clients.add(client);
    // Whoever has it may not listen, and what nobody listens to ends the process.
    client.on('error', onError);
  });
  pool.on('remove', (client) => clients.delete(client));
  pool.on('error', onError);
  // Whoever holds a connection may wait for an answer that never comes.
  const end = async () => {
    await Promise.race([pool.end(), systemClock.sleep({ durationMs: END_MS })]);
    for (const client of clients) client.end().catch(() => {});
  };
  try {
    const session = await untilStarted(() => pool.connect(), signal);
    try {
      await bullmq.runMigrations(session);
    } finally {
      session.release();
    }
  } catch (error) {
    await end();
    signal?.throwIfAborted();
    throw unreachable(text, error, new Secrets([password]));
  }
  // BullMQ's own, for each queue once: where that fails, the queue is never of any use.
  const connect = pool.connect.bind(pool);
  pool.connect = (callback) => (callback ? connect(callback) : connectSurely(pool, connect, onError));
  const clockMs = async () => Number((await pool.query<{ ms: string }>(NOW)).rows[0]?.ms);
  return { connection: pool, factory: bullmq.createPostgresBackend, clockMs, end };
}

/** A connection that works, for as long as that takes. */
async function connectSurely(pool: Pool, connect: Pool['connect'], onError: (error: unknown) => void): Promise<Client> {
  for (;;) {
    try {
      const client = await connect();
      try {
        await client.query(NOW);
        return client;
      } catch (error) {
        client.release(true);
        throw error;
      }
    } catch (error) {
      if (pool.ending) throw error;
      onError(error);
      await systemClock.sleep({ durationMs: AGAIN_MS });
    }
  }
}

async function untilStarted<T>(connect: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const untilMs = performance.now() + CONNECT_MS;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if ((error as { code?: string }).code !== STARTING || performance.now() > untilMs) throw error;
      await systemClock.sleep({ durationMs: AGAIN_MS, signal });
    }
  }
}

/** Not in this package's own dependencies: who has PostgreSQL installs its client. */
async function loadClient(): Promise<{ Pool: new (options: object) => Pool }> {
  const client = 'pg';
  try {
    const pg = await import(client);
    return pg.default ?? pg;
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: 'a queue in PostgreSQL needs the package "pg", which is not installed',
      fix: 'run "npm install pg", or use Redis',
      facts: { name: 'queue' },
      cause,
    });
  }
}
