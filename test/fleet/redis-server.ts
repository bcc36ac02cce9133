import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why there is no Redis here, `null` where there is one. */
export const REDIS_PROBLEM: string | null = findProblem();

function findProblem(): string | null {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'redis-server is not installed here';
  }
}

/** Says so where tests are skipped. */
export function sayIfSkipped(what: string): boolean {
  if (REDIS_PROBLEM !== null) console.log(`${what}: skipped, ${REDIS_PROBLEM}`);
  return REDIS_PROBLEM !== null;
}

export interface RedisServer {
  url: string;
  port: number;
  /** Ends it at once, with what it had not written. */
  kill(): Promise<void>;
  /** Starts it again, with its file or without. */
  restart(options?: { empty?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** A Redis of its own, on a free port of this machine, in a folder of its own. */
export async function startRedis({
  settings = [],
  appendOnly = true,
}: {
  settings?: string[];
  appendOnly?: boolean;
} = {}): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-redis-'));
  const port = await freePort();
  let child = await start();
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    async restart({ empty = false } = {}) {
      await kill();
      if (empty) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true });
      child = await start();
    },
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };

  async function start(): Promise<ChildProcess> {
    const flags = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const persistence = ['--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'always'];
    const started = spawn('redis-server', [...flags, ...persistence, ...settings].map(String), { stdio: 'ignore' });
    for (;;) {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`);
      if (await answers(port)) return started;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      socket.destroy();
      // While it loads its file it answers, too.
      resolve(!String(data).startsWith('-LOADING'));
    });
    socket.once('error', () => resolve(false));
  });
}
