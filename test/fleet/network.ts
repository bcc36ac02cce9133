import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A network between a client and a server of this machine, which can be cut, and fall silent. */
export class Network {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What connections are answered with before they are ended; `null` where they reach the server. */
  #refusal: Uint8Array | null = null;
  #onRefused: () => void = () => {};

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => {
      if (this.#refusal !== null) {
        socket.on('error', () => {});
        const refusal = this.#refusal;
        if (refusal.length === 0) socket.destroy();
        else socket.once('data', () => socket.end(refusal));
        return this.#onRefused();
      }
      const onward = connect(to, '127.0.0.1');
      for (const one of [socket, onward]) {
        this.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          this.#sockets.delete(one);
          socket.destroy();
          onward.destroy();
        });
      }
      socket.pipe(onward).pipe(socket);
    });
  }

  /** @param to Port of the server. */
  static async open(to: number): Promise<Network> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Network(server, to);
  }

  cut(): void {
    this.#refusal = Buffer.alloc(0);
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#refusal = null;
  }

  /** Refuses so many connections, each after its first words, with these bytes; then it is as before. */
  async refuse(times: number, bytes: Uint8Array = Buffer.alloc(0)): Promise<void> {
    let left = times;
    this.#refusal = bytes;
    await new Promise<void>((resolve) => {
      this.#onRefused = () => {
        if (--left === 0) resolve();
      };
    });
    this.mend();
  }

  /** Nothing gets through any more, and no connection ends of that. Resolves when something was sent in vain. */
  silence(): Promise<void> {
    return new Promise((resolve) => {
      for (const socket of this.#sockets)
        socket
          .unpipe()
          .on('data', () => resolve())
          .resume();
    });
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
