import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

/** What is served under a path. */
export interface WebPage {
  /** Default 200. */
  status?: number;
  /** Such as `text/plain; charset=utf-8`. */
  type: string;
  body: string;
}

export interface WebServerParameters {
  /** 0: any that is free. */
  port: number;
  /** Default 127.0.0.1: this machine only. */
  host?: string;
  /** Further names under which it may be asked, such as that of a container. Addresses and `localhost` always are. */
  names?: readonly string[];
  /** By path, such as `/metrics`. What one throws is answered with 500. */
  pages: Readonly<Record<string, () => WebPage | Promise<WebPage>>>;
}

/** Nobody who reads numbers has more. */
const MOST_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * A small HTTP server for numbers and pages about a running validator, on loopback unless told otherwise. It answers GET and
 * HEAD only, and requests for another host than its own with 421: a page of a stranger in the operator's browser could read
 * what is here by a name that it points at 127.0.0.1 (DNS rebinding).
 */
export class WebServer {
  /** Such as `http://127.0.0.1:9100`. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, host: string) {
    const { port } = server.address() as AddressInfo;
    this.#server = server;
    this.url = `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  }

  /** @throws FlockOffError `bad-argument` in one sentence when the port is in use or not allowed. */
  static async open({ port, host = '127.0.0.1', names = [], pages }: WebServerParameters): Promise<WebServer> {
    const known = new Set([host, 'localhost', ...names].map((name) => name.toLowerCase()));
    const server = createServer((request, response) => void answer(request, response, pages, known));
    server.maxConnections = MOST_CONNECTIONS;
    server.requestTimeout = server.headersTimeout = REQUEST_TIMEOUT_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen({ host, port, error })));
      server.listen({ port, host }, resolve);
    });
    // What a connection breaks with later is its own affair.
    server.on('error', () => {});
    server.unref();
    return new WebServer(server, host);
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: WebServerParameters['pages'],
  known: ReadonlySet<string>,
): Promise<void> {
  const { status = 200, type, body } = await pageFor(request, pages, known);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function pageFor(
  { method, url = '/', headers }: IncomingMessage,
  pages: WebServerParameters['pages'],
  known: ReadonlySet<string>,
): Promise<WebPage> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET is answered');
  if (!isOwn(headers.host ?? '', known)) return plain(421, 'this is another host');
  const path = url.split('?')[0]!;
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return plain(404, `there is ${Object.keys(pages).join(', ')}`);
  try {
    return await page();
  } catch (error) {
    return plain(500, messageOf(error));
  }
}

function plain(status: number, line: string): WebPage {
  return { status, type: 'text/plain; charset=utf-8', body: `${line}\n` };
}

/** An address is nobody's name, so nobody can point it elsewhere. */
function isOwn(header: string, known: ReadonlySet<string>): boolean {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  return known.has(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}

function cannotListen({ host, port, error }: { host: string; port: number; error: NodeJS.ErrnoException }) {
  const why: Record<string, string> = {
    EADDRINUSE: 'is in use by another program',
    EACCES: 'is kept for the system',
    EADDRNOTAVAIL: 'is on an address that this machine does not have',
    ENOTFOUND: 'is on a host that has no address',
  };
  return new FlockOffError({
    code: 'bad-argument',
    what: `port ${port} of ${host} ${why[error.code ?? ''] ?? `cannot be opened (${messageOf(error)})`}`,
    fix: 'choose another one',
    facts: { name: 'port', value: port },
    cause: error,
  });
}
