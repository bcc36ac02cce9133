import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WorkerKey } from 'flock-off/fleet';
import { TINY_BASE } from 'flock-off/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { validatorCommand } from '../../examples/validator-command.ts';
import { workerCommand } from '../../examples/worker.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { openFleet, openWorld, type World } from './world.ts';

const WORKER = fileURLToPath(new URL('../../examples/worker.ts', import.meta.url));
const PASSWORD = 'correct-horse-battery';
/** An hour late: no decision hangs on the clock of a worker. */
const LATE = 'data:text/javascript,const now = Date.now; Date.now = () => now() - 3600e3;';

describe.skipIf(sayIfSkipped('flock-off worker'))('flock-off worker', () => {
  let world: World;
  let redis: RedisServer;
  beforeAll(async () => {
    world = await openWorld({ datasets: 1 });
    redis = await startRedis({ settings: ['--requirepass', PASSWORD] });
  });
  afterAll(async () => {
    await redis.close();
    await world.close();
  });

  async function run(flags: string[], env: NodeJS.ProcessEnv = {}, preload: string[] = []) {
    const child = spawn(process.execPath, ['--import', 'tsx', ...preload, WORKER, ...flags], {
      env: { ...process.env, HF_ENDPOINT: world.hub.url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
    return { child, ended: once(child, 'exit'), said: () => text };
  }

  test('trains with a clock an hour off, and shows its password to nobody', async () => {
    const { address } = await devHotkey('validator');
    const keyFile = join(world.folder, 'key.pem');
    const { publicKey } = await WorkerKey.open({ path: keyFile });
    const passwordFile = join(world.folder, 'password');
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
    const flags = ['--queue', redis.url, '--queue_password_file', passwordFile, '--validator', address];
    const more = ['--key_file', keyFile, '--cache_dir', join(world.folder, 'cache'), '--logging.trace'];
    const worker = await run([...flags, ...more], {}, ['--import', LATE]);
    const fleet = await openFleet(redis.url, [publicKey], {
      ...{ password: PASSWORD, recheckOneIn: 0, base: { model: TINY_BASE } },
      signal: AbortSignal.timeout(60_000),
    });
    const score = await fleet.score(world.tasks[0]!);
    expect(score).toMatchObject({ ok: true, value: { lossNatsPerToken: expect.any(Number) } });
    const shown = await readFile(`/proc/${worker.child.pid}/cmdline`, 'utf8').catch(() => '');
    worker.child.kill('SIGTERM');
    await worker.ended;
    await fleet.close();
    expect(worker.said()).toContain(`the key of this worker, which the validator is told with --workers: ${publicKey}`);
    expect(worker.said()).toContain('uid 0: loss');
    for (const text of [worker.said(), shown]) expect(text).not.toContain('horse');
  }, 90_000);

  test('refuses a password that everybody can see, a file that others can read, and flags that are missing', async () => {
    const readable = join(world.folder, 'readable');
    await writeFile(readable, PASSWORD);
    await chmod(readable, 0o644);
    const { address } = await devHotkey('validator');
    const cases: [string[], RegExp][] = [
      [
        ['--queue', `redis://:${PASSWORD}@127.0.0.1:1`, '--validator', address],
        /holds a password, which everybody on this machine/,
      ],
      [
        ['--queue', redis.url, '--validator', address, '--queue_password_file', readable],
        /can be read by others than its owner/,
      ],
      [['--queue', 'http://127.0.0.1', '--validator', address], /is no address of Redis or PostgreSQL/],
      [['--queue', redis.url], /--validator is missing/],
    ];
    await Promise.all(
      cases.map(async ([flags, sentence]) => {
        const { ended, said } = await run([...flags, '--key_file', join(world.folder, 'other.pem')]);
        expect(await ended).toEqual([1, null]);
        expect(said()).toMatch(sentence);
        expect(said()).not.toContain('horse');
      }),
    );
  }, 60_000);
});

test('docs/fleet-compose.yaml starts programs with flags that they have, of an image of this package, and shows no coldkey', async () => {
  const text = await readFile(new URL('../../docs/fleet-compose.yaml', import.meta.url), 'utf8');
  const { services } = parse(text, { merge: true }) as {
    services: Record<string, { image: string; command?: string[]; volumes: string[] }>;
  };
  const commands = { validator: validatorCommand(), worker: workerCommand() };
  const seen = Object.values(services).flatMap(({ command = [] }) => {
    const name = command.find((word) => word in commands) as keyof typeof commands | undefined;
    if (!name) return [];
    const flags = command.slice(command.indexOf(name) + 1).filter((word) => word.startsWith('--'));
    const known = commands[name].options.map(({ long }) => long);
    expect(flags.filter((flag) => !known.includes(flag))).toEqual([]);
    return name;
  });
  expect(seen.sort()).toEqual(['validator', 'worker', 'worker']);
  expect(text).toContain('maxmemory-policy noeviction');
  expect(Object.values(services).map(({ image }) => image.split(':')[0])).toEqual([
    ...['redis', 'flock-off', 'flock-off', 'flock-off'],
  ]);
  expect(text).not.toMatch(/npx|\.bittensor/);
});
