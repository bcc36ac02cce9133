import { FlockOffError } from '../errors/flock-off-error.ts';

/** Where a queue is, and what opens it. */
export interface QueueAddress {
  kind: 'redis' | 'postgres';
  host: string;
  port: number;
  tls: boolean;
  user: string | undefined;
  password: string | undefined;
  /** Number of Redis, name of PostgreSQL. */
  database: string;
  /** Without user and password, for messages. */
  text: string;
}

export interface ParseQueueAddressParameters {
  /** `redis://host:6379/0`, `rediss://` over TLS, `postgres://host/database`. */
  url: string;
  /** In place of the one in the address. */
  password?: string;
}

const SCHEMES = {
  'redis:': { kind: 'redis', tls: false, port: 6379 },
  'rediss:': { kind: 'redis', tls: true, port: 6379 },
  'valkey:': { kind: 'redis', tls: false, port: 6379 },
  'valkeys:': { kind: 'redis', tls: true, port: 6379 },
  'postgres:': { kind: 'postgres', tls: false, port: 5432 },
  'postgresql:': { kind: 'postgres', tls: false, port: 5432 },
} as const;

/**
 * @throws FlockOffError `bad-argument` for what is no address of a queue. The message does not quote it.
 * @example
 * const { host, port } = parseQueueAddress({ url: 'redis://10.0.0.1' }); // port 6379
 */
export function parseQueueAddress({ url, password }: ParseQueueAddressParameters): QueueAddress {
  const parsed = URL.canParse(url.trim()) ? new URL(url.trim()) : null;
  const scheme = SCHEMES[parsed?.protocol as keyof typeof SCHEMES];
  if (!parsed || !scheme || parsed.hostname === '') throw badAddress('is no address of Redis or PostgreSQL');
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (scheme.kind === 'redis' && !/^\d*$/.test(database))
    throw badAddress('names a database of Redis that is no number');
  if (scheme.kind === 'postgres' && database === '') throw badAddress('names no database of PostgreSQL');
  const tls = scheme.tls || /^(require|verify-ca|verify-full)$/.test(parsed.searchParams.get('sslmode') ?? '');
  const port = Number(parsed.port) || scheme.port;
  return {
    ...{ kind: scheme.kind, host: parsed.hostname.replace(/^\[|\]$/g, ''), port, tls, database: database || '0' },
    user: parsed.username ? decodeURIComponent(parsed.username) : undefined,
    password: password ?? (parsed.password ? decodeURIComponent(parsed.password) : undefined),
    text: `${parsed.protocol}//${parsed.hostname}:${port}/${database || '0'}`,
  };
}

function badAddress(why: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `the address of the queue ${why}`,
    fix: 'write redis://host:6379, rediss://host:6379 over TLS, or postgres://host/database',
    facts: { name: 'queue' },
  });
}
