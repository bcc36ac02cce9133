import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { FlockOffError } from '../../../errors/flock-off-error.ts';
import type { ChainFaults } from './faults.ts';
import { type RpcMethod, type RpcSession, rpcError } from './rpc.ts';

const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * Listens for WebSocket connections on 127.0.0.1. Clients that name another host, and pages of other origins in a
 * browser, are refused.
 * @throws FlockOffError `port-in-use`.
 */
export async function listen(port: number, faults: ChainFaults): Promise<WebSocketServer> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    maxPayload: MAX_MESSAGE_BYTES,
    verifyClient: ({ origin, req }: { origin?: string; req: IncomingMessage }, answer) => {
      if (faults.refuseConnections) answer(false, 503);
      else if (LOCAL_HOST.test(req.headers.host ?? '') && isLocalOrigin(origin)) answer(true);
      else answer(false, 403, 'This chain serves this machine only.');
    },
  });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FlockOffError({
      code: 'port-in-use',
      what: `port ${port} is in use, so the local chain cannot start there`,
      fix: 'choose another port, or 0 for any',
      facts: { port },
      cause: error,
    });
  }
}

/** Only browsers send an origin. */
function isLocalOrigin(origin: string | undefined): boolean {
  return origin === undefined || (URL.canParse(origin) && LOCAL_HOST.test(new URL(origin).host));
}

interface Request {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

/** Serves one client: JSON-RPC 2.0 requests in, responses and notifications out. */
export function serve(socket: WebSocket, methods: Record<string, RpcMethod>, faults: ChainFaults): void {
  const subscriptions = new Map<string, () => void>();
  const delays = new Set<NodeJS.Timeout>();
  let opened = 0;
  let isHalfOpen = false;
  const send = (message: object) => {
    if (socket.readyState === socket.OPEN && !isHalfOpen) socket.send(JSON.stringify(message));
  };
  const session: RpcSession = {
    subscribe: (method, stop = () => {}) => {
      const id = `sub-${++opened}`;
      subscriptions.set(id, stop);
      // A notification goes out after the response with its subscription id.
      const notify = (result: unknown) =>
        setImmediate(() => {
          if (subscriptions.has(id)) send({ jsonrpc: '2.0', method, params: { subscription: id, result } });
        });
      return { id, notify };
    },
    unsubscribe: (id) => {
      subscriptions.get(id)?.();
      return subscriptions.delete(id);
    },
  };
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const delay of delays) clearTimeout(delay);
    for (const id of [...subscriptions.keys()]) session.unsubscribe(id);
  });
  socket.on('message', (data) => {
    let message: Request | Request[];
    try {
      message = JSON.parse(String(data));
    } catch {
      return send({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } });
    }
    if (!Array.isArray(message)) return receive(message, send);
    if (message.length === 0) return receive({}, send);
    const answers: object[] = [];
    for (const request of message) {
      receive(request, (answer) => {
        if (answers.push(answer) === message.length) send(answers);
      });
    }
  });

  function receive(request: Request, reply: (message: object) => void): void {
    const { id: sent = null, method, params = [] } = request ?? {};
    // Whatever else was sent as an id is not sent back: it may be nested deeper than can be written.
    const id = isId(sent) ? sent : null;
    const fail = (code: number, text: string) => reply({ jsonrpc: '2.0', id, error: { code, message: text } });
    if (typeof method !== 'string' || !isId(sent)) return void fail(-32600, 'Invalid request');
    const fault = faults.take(method);
    const answer = () => {
      const outcome = run(methods, method, params, session);
      if (fault?.kind === 'lose-answer') socket.terminate();
      else reply({ jsonrpc: '2.0', id, ...outcome });
    };
    if (fault?.kind === 'drop') socket.terminate();
    else if (fault?.kind === 'half-open') {
      isHalfOpen = true;
      socket.pause();
    } else if (fault?.kind === 'error') fail(fault.code, fault.message);
    else if (fault?.kind === 'lie') reply({ jsonrpc: '2.0', id, result: fault.result });
    else if (fault?.kind === 'delay') delays.add(setTimeout(answer, fault.ms));
    else if (fault?.kind !== 'hang') answer();
  }
}

function isId(value: unknown): value is string | number | null {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

function run(methods: Record<string, RpcMethod>, method: string, params: unknown, session: RpcSession): object {
  if (!Object.hasOwn(methods, method)) return { error: { code: -32601, message: 'Method not found' } };
  if (!Array.isArray(params)) return { error: { code: -32602, message: 'Invalid params: expected a list' } };
  try {
    return { result: methods[method]!(params, session) ?? null };
  } catch (error) {
    return { error: rpcError(error) };
  }
}
