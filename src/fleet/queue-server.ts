import type { Processor, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { abortable } from '../shared/abortable.ts';
import { systemClock } from '../shared/clock.ts';
import { eitherSignal } from '../shared/either-signal.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { Secrets } from '../shared/secrets.ts';
import { inTime } from './asking.ts';
import { openPostgres } from './open-postgres.ts';
import type { QueueAddress } from './queue-address.ts';
import { CONNECT_MS, type QueueConnection, SILENT_MS } from './queue-connection.ts';
import { unreachable } from './queue-unreachable.ts';

export interface OpenQueueServerParameters {
  address: QueueAddress;
  logger?: Logger;
  signal?: AbortSignal;
}

export interface RequireLastingParameters {
  /** Takes a Redis that forgets all when it ends. */
  isVolatile: boolean;
}

const CLOSE_MS = 3_000;
const LONGEST_RETRY_MS = 5_000;
/** How soon a worker asks for jobs again whose server was gone, which BullMQ does after 15 s; and how soon events are listened for again. */
const RETRY_MS = 1_000;

/**
 * The server behind the queues: the one door to BullMQ and its clients, which are loaded here. A connection that breaks is made
 * anew for as long as that takes; calls wait meanwhile.
 */
export class QueueServer {
  readonly text: string;
  readonly #bullmq: typeof import('bullmq');
  readonly #connection: QueueConnection;
  readonly #opened: { close(): Promise<void> }[] = [];
  readonly #onError: (error: unknown) => void;

  private constructor(
    bullmq: typeof import('bullmq'),
    { text, connection, onError }: { text: string; connection: QueueConnection; onError: (error: unknown) => void },
  ) {
    this.#bullmq = bullmq;
    this.text = text;
    this.#connection = connection;
    this.#onError = onError;
  }

  /** @throws FlockOffError `queue-unreachable` (transient), `queue-refused` (`access`), `bad-argument` without the package `pg`. */
  static async open({ address, logger, signal }: OpenQueueServerParameters): Promise<QueueServer> {
    const bullmq = await import('bullmq');
    const onError = outages(address, safeLogger(logger));
    const connection =
      address.kind === 'redis'
        ? await openRedis(address, onError, signal)
        : await openPostgres(address, { bullmq, onError, signal });
    return new QueueServer(bullmq, { text: address.text, onError, connection });
  }

  queue<Data>(name: string): Queue<Data> {
    return this.#own(new this.#bullmq.Queue(name, ...this.#options()));
  }

  events(name: string): QueueEvents {
    const [shared, factory] = this.#options();
    const events = this.#own<QueueEvents>(new this.#bullmq.QueueEvents(name, { ...shared, autorun: false }, factory));
    void this.#listen(events);
    return events;
  }

  worker<Data>(name: string, process: Processor<Data>, options: Omit<WorkerOptions, 'connection'>): Worker<Data> {
    const [shared, factory] = this.#options();
    return this.#own(
      new this.#bullmq.Worker(name, process, { runRetryDelay: RETRY_MS, ...options, ...shared }, factory),
    );
  }

  /** What a processor throws once it has given its job back. */
  givenBack(): Error {
    return new this.#bullmq.WaitingError();
  }

  /**
   * What is asked of it once, and is to be answered soon.
   * @throws FlockOffError `queue-unreachable` (transient) where it is not; the signal's reason.
   */
  async soon<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await inTime(work, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if ((error as Error).name !== 'TimeoutError') throw error;
      throw unreachable(this.text, error, new Secrets([]));
    }
  }

  /**
   * How far this machine's clock is ahead of the server's, in milliseconds, as far as that is certain: an answer takes its
   * time. 0 where no decision of the server hangs on it, as on Redis.
   */
  async clockAheadMs(): Promise<number> {
    const { clockMs } = this.#connection;
    if (clockMs === null) return 0;
    const askedMs = Date.now();
    const begunMs = performance.now();
    const theirsMs = await clockMs();
    const tookMs = performance.now() - begunMs;
    const aheadMs = askedMs + tookMs / 2 - theirsMs;
    return Math.sign(aheadMs) * Math.max(0, Math.abs(aheadMs) - tookMs / 2);
  }

  /**
   * Refuses a Redis that drops entries when its memory is full, or that forgets all when it ends.
   * @throws FlockOffError `queue-refused` with the setting to change.
   */
  async requireLasting({ isVolatile }: RequireLastingParameters): Promise<void> {
    if (this.#connection.factory !== undefined) return;
    const redis = this.#connection.connection as Redis;
    const info = `${await redis.info('memory')}\n${await redis.info('persistence')}`;
    const settingOf = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
    const policy = settingOf('maxmemory_policy') ?? 'noeviction';
    if (policy !== 'noeviction')
      throw new FlockOffError({
        code: 'queue-refused',
        what: `${this.text} drops jobs when its memory is full (maxmemory-policy ${policy})`,
        fix: 'set "maxmemory-policy noeviction" in redis.conf, or with CONFIG SET, and start again',
        facts: { reason: 'eviction', setting: 'maxmemory-policy', value: policy },
      });
    if (isVolatile || settingOf('aof_enabled') === '1') return;
    throw new FlockOffError({
      code: 'queue-refused',
      what: `${this.text} forgets all jobs when it ends (appendonly no)`,
      fix: 'set "appendonly yes" in redis.conf, or with CONFIG SET, or pass --volatile_queue: jobs that vanish are added again',
      facts: { reason: 'persistence', setting: 'appendonly', value: 'no' },
    });
  }

  async close(): Promise<void> {
    const closing = Promise.allSettled(this.#opened.splice(0).map((one) => one.close()));
    // A server that is gone answers nobody.
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    await this.#connection.end();
  }

  /** BullMQ listens no more after an event that is no JSON, which whoever can write to the queue can leave. */
  async #listen(events: QueueEvents): Promise<void> {
    const junk = new Error('an event is no JSON: somebody else can write to this queue, change its password');
    while (!events.closing) {
      await events.run().catch((error) => this.#onError(error instanceof SyntaxError ? junk : error));
      if (!events.closing) await systemClock.sleep({ durationMs: RETRY_MS });
    }
  }

  #own<T extends { close(): Promise<void>; on(event: 'error', listener: (error: Error) => void): unknown }>(
    one: unknown,
  ): T {
    (one as T).on('error', this.#onError);
    this.#opened.push(one as T);
    return one as T;
  }

  #options(): [{ connection: Redis }, undefined] {
    const { connection, factory } = this.#connection;
    return [{ connection: connection as Redis }, factory as undefined];
  }
}

/** Says once that the server is gone, however often a client tries. */
function outages({ text, password }: QueueAddress, logger: Logger): (error: unknown) => void {
  const secrets = new Secrets([password]);
  let said = '';
  return (error) => {
    const now = secrets.mask(messageOf(error));
    if (now === said) return logger.debug(`${text}: ${now}`);
    said = now;
    logger.warn(`the queue ${text}: ${now}`);
  };
}

async function openRedis(
  address: QueueAddress,
  onError: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<QueueConnection> {
  const { host, port, user: username, password, database, tls, text } = address;
  const { Redis } = await import('ioredis');
  const redis = new Redis({
    ...{ host, port, username, password, db: Number(database), lazyConnect: true, maxRetriesPerRequest: null },
    ...(tls ? { tls: { servername: host } } : {}),
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    retryStrategy: (times: number) => Math.min(LONGEST_RETRY_MS, 100 * 2 ** Math.min(times, 8)),
  });
  let failure: unknown;
  redis.on('error', (error: unknown) => {
    failure = error;
    onError(error);
  });
  const deadline = eitherSignal(AbortSignal.timeout(CONNECT_MS), signal);
  try {
    await abortable(
      redis.connect().then(() => redis.ping()),
      deadline.signal,
    );
  } catch (error) {
    redis.disconnect();
    signal?.throwIfAborted();
    throw unreachable(text, failure ?? error, new Secrets([password]));
  } finally {
    deadline.release();
  }
  return { connection: redis, factory: undefined, clockMs: null, end: async () => redis.disconnect() };
}
