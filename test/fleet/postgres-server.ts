import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis-server.ts';

/** Where Debian has the programs of each version, which it keeps out of the path. */
const DEBIAN = '/usr/lib/postgresql';

const QUIET = { stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };

interface Installed {
  bin: string;
  /** Who runs it: PostgreSQL refuses root. */
  user: { uid: number; gid: number } | undefined;
}

const found = find();
/** Why there is no PostgreSQL here, `null` where there is one. */
export const POSTGRES_PROBLEM: string | null = typeof found === 'string' ? found : null;

function find(): Installed | string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env.PATH ?? '').split(':')];
  const bin = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (bin === undefined) return 'postgresql is not installed here';
  if (process.getuid?.() !== 0) return { bin, user: undefined };
  try {
    const [uid = 0, gid = 0] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], QUIET)));
    return { bin, user: { uid, gid } };
  } catch {
    return 'PostgreSQL refuses root, and there is no user postgres here';
  }
}

export interface PostgresServer {
  url: string;
  /** Ends it at once, with what it had not written, and starts it again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A PostgreSQL of its own, on a free port of this machine, in a folder of its own. */
export async function startPostgres(): Promise<PostgresServer> {
  if (typeof found === 'string') throw new Error(found);
  const { bin, user } = found;
  const folder = await mkdtemp(join(tmpdir(), 'flock-off-postgres-'));
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder };
  const flags = ['-D', data, '-U', 'flock', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), flags, { ...options, ...QUIET });
  const port = await freePort();
  let child = await start();
  const kill = async () => {
    const ended = once(child, 'exit');
    // The others see that the first one is gone, and end.
    child.kill('SIGKILL');
    await ended;
  };
  return {
    url: `postgres://flock@127.0.0.1:${port}/postgres`,
    async restart() {
      await kill();
      child = await start();
    },
    async close() {
      const ended = once(child, 'exit');
      child.kill('SIGQUIT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };

  async function start() {
    for (;;) {
      const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=50'];
      const set = settings.flatMap((setting) => ['-c', setting]);
      const started = spawn(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, ...set], {
        ...options,
        stdio: 'ignore',
      });
      while (started.exitCode === null) {
        if (await listens(port)) return started;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      // Those of the one before are still ending.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
