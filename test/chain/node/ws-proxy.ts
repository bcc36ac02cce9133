import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** What happens to a message: it passes, is swallowed, or takes the connection down before or after passing. */
export type Fate = 'pass' | 'swallow' | 'cut' | 'pass-then-cut';

export interface WsProxy {
  url: string;
  /** Decides over every message of the client, by JSON-RPC method; default: passes. */
  fateOfRequest: (method: string) => Fate;
  /** While true, notices of subscriptions do not reach the client; answers do. */
  swallowsNotices: boolean;
  /** Connections accepted so far. */
  connections: number;
  /** Methods the client has sent. */
  methods: string[];
  cutAll(): void;
  close(): Promise<void>;
}

/** A WebSocket proxy that breaks connections where a test wants them broken. Without a target it answers nothing. */
export async function startWsProxy(target?: string): Promise<WsProxy> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const proxy: WsProxy = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fateOfRequest: () => 'pass',
    swallowsNotices: false,
    connections: 0,
    methods: [],
    cutAll: () => {
      for (const client of server.clients) client.terminate();
    },
    close: async () => {
      proxy.cutAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  server.on('connection', (client) => {
    proxy.connections += 1;
    const upstream = target ? new WebSocket(target) : null;
    const opened = upstream ? once(upstream, 'open') : null;
    upstream?.on('message', (data) => {
      const isNotice = JSON.parse(String(data)).id === undefined;
      if (!(isNotice && proxy.swallowsNotices)) client.send(String(data));
    });
    upstream?.on('close', () => client.terminate());
    client.on('close', () => upstream?.close());
    client.on('message', async (data) => {
      const { method } = JSON.parse(String(data)) as { method: string };
      proxy.methods.push(method);
      const fate = proxy.fateOfRequest(method);
      if (fate === 'cut') client.terminate();
      if (fate === 'cut' || fate === 'swallow') return;
      await opened;
      upstream?.send(String(data));
      // Long enough for the other side to have read it.
      if (fate === 'pass-then-cut') setTimeout(() => client.terminate(), 50);
    });
  });
  return proxy;
}
