import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ForwardProxy {
  url: string;
  /** `host:port`, as messages name it. */
  shown: string;
  /** What was asked of it, such as `GET http://host:port/path` or `CONNECT host:port`. */
  seen: string[];
  /** `user:password` that it asks for. */
  credentials: string | null;
  /** What it answers instead of passing on; `'hang'` for nothing at all. */
  fault: number | 'hang' | null;
  /** Connections to it. */
  readonly open: number;
  /** Breaks every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** A forward proxy on loopback that carries what it is given, also to names that only it knows. */
export async function startForwardProxy({
  hosts = {},
}: {
  hosts?: Record<string, string>;
} = {}): Promise<ForwardProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const status = refusal(incoming);
    if (status === 'hang') return;
    if (status !== null) return void outgoing.writeHead(status, { 'proxy-authenticate': 'Basic' }).end('<h1>No</h1>');
    const url = new URL(incoming.url!);
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const onward = httpRequest({
      ...at(url.host, 80),
      method: incoming.method,
      path: url.pathname + url.search,
      headers,
    });
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode!, response.headers);
      response.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    onward.on('error', () => outgoing.headersSent || outgoing.writeHead(502).end());
    incoming.pipe(onward);
  });
  server.on('connect', (incoming, socket: Socket, head) => {
    const status = refusal(incoming);
    socket.on('error', () => socket.destroy());
    if (status === 'hang') return void socket.on('end', () => socket.destroy()).resume();
    if (status !== null) return void socket.end(`HTTP/1.1 ${status} No\r\nProxy-Authenticate: Basic\r\n\r\n`);
    const onward = connect(at(incoming.url!, 443));
    onward.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  /** The address behind a `host:port`. */
  function at(target: string, defaultPort: number) {
    const [host, port = String(defaultPort)] = target.split(/:(?=\d+$)/) as [string, string?];
    const [name, ownPort = port] = (hosts[`${host}:${port}`] ?? host).split(/:(?=\d+$)/) as [string, string?];
    return { host: name.replace(/[[\]]/g, ''), port: Number(ownPort) };
  }

  function refusal({ method, url, headers }: IncomingMessage): number | 'hang' | null {
    proxy.seen.push(`${method} ${url}`);
    const { credentials, fault } = proxy;
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    return wanted !== null && headers['proxy-authorization'] !== wanted ? 407 : fault;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const shown = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: ForwardProxy = {
    url: `http://${shown}`,
    shown,
    seen: [],
    credentials: null,
    fault: null,
    get open() {
      return sockets.size;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        proxy.cut();
      }),
  };
  return proxy;
}
