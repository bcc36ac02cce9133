import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlockOffError, WalletHotkey } from 'flock-off';
import { WorkerKey } from 'flock-off/fleet';
import type { LocalSubnet } from './local-subnet.ts';

export interface StartLocalFleetParameters {
  subnet: LocalSubnet;
  workers: number;
  signal?: AbortSignal;
}

export interface LocalFleet {
  url: string;
  /** For the validator. */
  flags: string[];
  close(): Promise<void>;
}

/** Where Redis is found: Debian's, and Valkey's. */
const SERVERS = ['redis-server', 'valkey-server'];
const START_MS = 10_000;

/**
 * A Redis on this machine with a password of its own, and workers for the local subnet's validator, each a process as on a machine
 * of its own.
 * @throws FlockOffError `bad-argument` where there is no Redis.
 */
export async function startLocalFleet({ subnet, workers, signal }: StartLocalFleetParameters): Promise<LocalFleet> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const password = randomBytes(16).toString('hex');
  const children: ChildProcess[] = [await startRedis({ port, password, folder: subnet.folder, signal })];
  const close = async () => {
    for (const child of children.splice(0).reverse()) await end(child);
  };
  process.env.FLOCK_OFF_QUEUE_PASSWORD = password;
  try {
    const { address } = await WalletHotkey.open({
      ...{ path: join(subnet.folder, 'wallets'), name: 'validator', hotkey: 'default' },
    });
    const keys: string[] = [];
    for (let number = 1; number <= workers; number++) {
      const folder = join(subnet.folder, `worker-${number}`);
      const keyFile = join(folder, 'key.pem');
      keys.push((await WorkerKey.open({ path: keyFile })).publicKey);
      const flags = [
        ...['--queue', url, '--validator', address, '--key_file', keyFile, '--name', `worker ${number}`],
        ...['--cache_dir', join(folder, 'cache'), '--hf_endpoint', subnet.hubUrl],
      ];
      children.push(startWorker(flags));
    }
    return { url, flags: ['--queue', url, '--workers', keys.join()], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** As this program was started: in a clone by tsx, installed as a command of the package's tool. */
function startWorker(flags: string[]): ChildProcess {
  const inClone = import.meta.url.endsWith('.ts');
  const script = fileURLToPath(new URL(inClone ? './worker.ts' : './index.js', import.meta.url));
  const argv = [...process.execArgv, script, ...(inClone ? [] : ['worker']), ...flags];
  const worker = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  worker.stderr.pipe(process.stderr, { end: false });
  return worker;
}

async function startRedis({
  port,
  password,
  folder,
  signal,
}: {
  port: number;
  password: string;
  folder: string;
  signal?: AbortSignal;
}): Promise<ChildProcess> {
  // On standard input, where no list of processes shows the password.
  const settings = {
    ...{ port, bind: '127.0.0.1', dir: `"${folder}"`, requirepass: password },
    ...{ appendonly: 'yes', save: '""', 'maxmemory-policy': 'noeviction' },
  };
  const text = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  for (const command of SERVERS) {
    const child = spawn(command, ['-'], { stdio: ['pipe', 'ignore', 'ignore'] });
    const started = await Promise.race([
      once(child, 'error').then(() => false),
      once(child, 'spawn').then(() => true),
    ]).catch(() => false);
    if (!started) continue;
    child.stdin?.end(text.join(''));
    const deadline = performance.now() + START_MS;
    while (child.exitCode === null && performance.now() < deadline) {
      signal?.throwIfAborted();
      if (await answers(port)) return child;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await end(child);
  }
  throw new FlockOffError({
    code: 'bad-argument',
    what: `--workers needs a Redis, and there is none here (${SERVERS.join(', ')})`,
    fix: 'run "apt-get install redis-server", or "brew install redis"',
    facts: { name: '--workers' },
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // That it stopped is no news.
  child.stderr?.unpipe();
  child.stderr?.resume();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
