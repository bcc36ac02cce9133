import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { eitherSignal } from './either-signal.ts';
import type { HttpProxy } from './proxy.ts';

/** A failure of a proxy; the message names it without its password. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';

  constructor(proxy: Pick<HttpProxy, 'shown'>, what: string, cause?: unknown) {
    super(`the proxy ${proxy.shown} ${what}`, { cause });
  }
}

export interface OpenTunnelParameters {
  proxy: HttpProxy;
  /** `host:port` at the other end. */
  to: string;
  signal?: AbortSignal;
  /** Time for the connection to the proxy, and from there on. Default 15 s. */
  timeoutMs?: number;
}

/**
 * Opens a tunnel through a proxy (HTTP CONNECT). The caller owns the socket.
 * @throws ProxyError, or the signal's reason.
 */
export async function openTunnel({ proxy, to, signal, timeoutMs = 15_000 }: OpenTunnelParameters): Promise<Socket> {
  signal?.throwIfAborted();
  const { Client } = await import('undici');
  const client = new Client(proxy.origin, { connect: { timeout: timeoutMs } });
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const either = eitherSignal(late.signal, signal);
  try {
    const { statusCode, socket } = await client.connect({
      path: to,
      headers: { host: to, ...authorizationOf(proxy) },
      signal: either.signal,
    });
    if (statusCode === 200) return socket as Socket;
    socket.on('error', () => {}).destroy();
    throw refused(proxy, statusCode, to);
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    signal?.throwIfAborted();
    if (late.signal.aborted) throw new ProxyError(proxy, `did not answer within ${timeoutMs} ms`);
    throw unreachableProxy(proxy, error);
  } finally {
    clearTimeout(timer);
    either.release();
    client.destroy().catch(() => {});
  }
}

export function authorizationOf({ authorization }: HttpProxy): Record<string, string> {
  return authorization === null ? {} : { 'proxy-authorization': authorization };
}

/** A host with several addresses, none of which answers, gives an error without a message. */
export function unreachableProxy(proxy: Pick<HttpProxy, 'shown'>, cause: unknown): ProxyError {
  const { message, code } = cause as NodeJS.ErrnoException;
  return new ProxyError(proxy, `cannot be used: ${message || code}`, cause);
}

export function refused(proxy: HttpProxy, status: number, to = 'the server'): ProxyError {
  if (status === 407)
    return new ProxyError(
      proxy,
      proxy.authorization === null
        ? 'asks for a user name and password (407)'
        : 'does not accept the user name and password that it was given (407)',
    );
  const answer = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  return new ProxyError(proxy, `${status >= 500 ? 'could not connect' : 'refuses to connect'} to ${to} (${answer})`);
}
