import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import type { LocalHubUser } from './access.ts';
import { corruptResponse, HubFaults } from './faults.ts';
import type { HubContents } from './hub-request.ts';
import { readModel } from './model.ts';
import { RateCounter, type RateLimits } from './rate-limits.ts';
import { HubRefusal, sendJson, sendRefusal } from './replies.ts';
import type { Repository } from './repository.ts';
import { answer } from './routes.ts';

export type { RateLimits };

export interface LocalHubParameters {
  /** Default 0: any free port. */
  port?: number;
  /** Who may write under their own name, and for organizations, with which token. */
  users: LocalHubUser[];
  /** Models that everybody can read: `namespace/name` and the folder with their files. */
  models?: { id: string; folder: string }[];
  /** `auto`: files over `lfsFromBytes` go to LFS, as on the Hub. Default `auto`. */
  storageMode?: HubContents['storage']['mode'];
  /** Default 10 MiB. */
  lfsFromBytes?: number;
  /** LFS objects above so many bytes are uploaded in parts of that size. Default: each is uploaded whole. */
  lfsPartBytes?: number;
  /**
   * Whether Python's client is told to use LFS too. It then uploads by Xet, which this hub does not speak, unless
   * HF_HUB_DISABLE_XET is set where it runs. Default false: it sends every file with its commit.
   */
  lfsForPython?: boolean;
  /** Requests that a user may send in five minutes; one more is answered with 429. Default: no limit. */
  rateLimits?: RateLimits;
  clock?: Clock;
}

/** A running development hub. */
export interface LocalHub {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly faults: HubFaults;
  /** A repository, to make private, gated, disabled, or forget commits of; `null` when there is none. */
  repository(id: string): Repository | null;
  deleteRepository(id: string): void;
  /** Ends every connection. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 512 * 1024 * 1024;

export const LocalHub = {
  /**
   * Starts a development hub on 127.0.0.1: the routes of the Hugging Face Hub that its clients use for datasets and to read
   * models, with real git and LFS ids, in memory. For development and tests only.
   * @throws FlockOffError `port-in-use`.
   * @example
   * const hub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }] });
   * const datasets = new HubDatasetStore({ endpoint: hub.url, token: 'hf_ann' });
   */
  open: startLocalHub,
};

async function startLocalHub(parameters: LocalHubParameters): Promise<LocalHub> {
  const {
    port = 0,
    users,
    models = [],
    storageMode = 'auto',
    lfsFromBytes = 10 * 1024 * 1024,
    lfsPartBytes = Number.POSITIVE_INFINITY,
    lfsForPython = false,
    rateLimits = {},
    clock = systemClock,
  } = parameters;
  const hub: HubContents = {
    repositories: new Map(),
    models: new Map(),
    lfsObjects: new Map(),
    lfsParts: new Map(),
    nowMs: () => clock.nowMs(),
    storage: { mode: storageMode, lfsFromBytes, lfsPartBytes, lfsForPython },
  };
  for (const model of models) hub.models.set(model.id, await readModel({ ...model, dateMs: hub.nowMs() }));
  const tokens = new Map(users.map((user) => [user.token, user]));
  const faults = new HubFaults();
  const counter = new RateCounter(rateLimits);
  const server = createServer((request, response) => {
    serve({ hub, tokens, faults, clock, counter }, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendRefusal(response, error instanceof HubRefusal ? error : new HubRefusal(400, 'Bad request'));
    });
  });
  await listen(server, port);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    faults,
    repository: (id) => hub.repositories.get(id) ?? null,
    deleteRepository: (id) => void hub.repositories.delete(id),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Serving {
  hub: HubContents;
  tokens: Map<string, LocalHubUser>;
  faults: HubFaults;
  clock: Clock;
  counter: RateCounter;
}

async function serve(
  { hub, tokens, faults, clock, counter }: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const fault = faults.take(`${request.method} ${url.pathname}`);
  if (fault?.kind === 'drop') return void request.socket.destroy();
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'delay') await clock.sleep({ durationMs: fault.ms });
  if (fault) corruptResponse(response, fault);
  const host = request.headers.host ?? '';
  if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host))
    throw new HubRefusal(403, 'This hub serves this machine only.');
  const body = await readBody(request);
  if (fault?.kind === 'status') return sendJson(response, { error: 'Injected fault' }, fault.headers, fault.status);
  if (fault?.kind === 'body') {
    response.writeHead(fault.status, { 'Content-Type': 'text/html', ...fault.headers });
    return void response.end(fault.body);
  }
  const access = accessOf(request, tokens);
  const { headers, isOver } = counter.take(url.pathname, access?.name ?? 'anonymous', clock.nowMs());
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (isOver) throw new HubRefusal(429, 'We had to rate limit you: too many requests in five minutes');
  answer({ hub, request, response, url, origin: `http://${host}`, user: access?.name ?? null, access, body });
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new HubRefusal(413, 'The request is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function accessOf(request: IncomingMessage, tokens: Map<string, LocalHubUser>): LocalHubUser | null {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) return null;
  const user = tokens.get(token);
  if (user === undefined) throw new HubRefusal(401, 'Invalid credentials in Authorization header');
  return user;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      const what = `port ${port} is in use, so the local hub cannot start there`;
      reject(
        new FlockOffError({
          code: 'port-in-use',
          what,
          fix: 'choose another port, or 0 for any',
          facts: { port },
          cause: error,
        }),
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}
