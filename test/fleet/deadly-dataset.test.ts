import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'bullmq';
import type { ScoreTask } from 'flock-off';
import { WorkerKey } from 'flock-off/fleet';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LostWork } from '../../src/fleet/lost-work.ts';
import { queueName } from '../../src/fleet/names.ts';
import { JobData, tryHash } from '../../src/fleet/wire.ts';
import { postponeOnFault } from '../../src/validator/postpone.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { competition, GENESIS_HASH, NETUID, openFleet, openWorld, startWorker, type World } from './world.ts';

const PROGRAM = fileURLToPath(new URL('deadly-worker.ts', import.meta.url));

describe.skipIf(sayIfSkipped('a dataset that kills workers'))('a dataset that kills whole workers', () => {
  let world: World;
  let redis: RedisServer;
  beforeAll(async () => {
    world = await openWorld({ datasets: 2 });
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
    await world.close();
  });

  /** A worker that is started again whenever it ends, as a service is. */
  async function service(name: string) {
    const folder = join(world.folder, `deadly-${name}`);
    const keyFile = join(folder, 'key.pem');
    const { publicKey } = await WorkerKey.open({ path: keyFile });
    const flags = ['--import', 'tsx', PROGRAM, redis.url, keyFile, folder, world.hub.url, 'topic 0'];
    let child: ChildProcess;
    let deaths = 0;
    let isOver = false;
    const start = () => {
      if (isOver) return;
      child = spawn(process.execPath, flags, { stdio: 'ignore' });
      child.once('exit', () => {
        deaths++;
        start();
      });
    };
    start();
    const stop = () => {
      isOver = true;
      child.kill('SIGKILL');
    };
    return { publicKey, stop, deaths: () => deaths };
  }

  // Its miner has grace, and others go on.
  const POSTPONED = 'is tried once alone, and then postponed as one that a device fails on, with %i workers';
  test.each([1, 2])(
    POSTPONED,
    async (workers) => {
      const names = Array.from({ length: workers }, (_, number) => `${number}-of-${workers}`);
      const services = await Promise.all(names.map(service));
      const keys = services.map(({ publicKey }) => publicKey);
      const fleet = await openFleet(redis.url, keys, {
        ...{ recheckOneIn: 0, aliveMs: 30_000, signal: AbortSignal.timeout(120_000) },
      });
      const [deadly, other] = await Promise.all(
        world.tasks.map((task) => postponeOnFault(async () => fleet.score(task))),
      );
      expect(deadly).toMatchObject({ kind: 'postponed', by: 'trainer' });
      expect(other).toMatchObject({ kind: 'ready' });
      expect(services.reduce((sum, { deaths }) => sum + deaths(), 0)).toBe(3);
      for (const { stop } of services) stop();
      await fleet.close();
    },
    180_000,
  );

  test('costs nobody anything where it only seems so: whoever can write to the queue can let jobs stall', async () => {
    const hotkey = await devHotkey('another');
    const honest = await startWorker(world, redis.url, {
      validator: hotkey.address,
      openTrainer: async () => stubTrainer(),
    });
    const fleet = await openFleet(redis.url, [honest.key.publicKey], { hotkey, recheckOneIn: 0 });
    await honest.stop();
    const name = queueName({
      ...{ genesisHash: GENESIS_HASH, hotkey: hotkey.address, netuid: NETUID, competition: competition.id },
    });
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const forger = new Worker(name, () => new Promise(() => {}), {
      ...{ connection, concurrency: 20, lockDuration: 300, skipLockRenewal: true, stalledInterval: 200 },
    });
    const outcome = await postponeOnFault(async () => fleet.score(world.tasks[1]!));
    expect(outcome).toMatchObject({ kind: 'postponed', by: 'validator' });
    await forger.close(true);
    connection.disconnect();
    await fleet.close();
  }, 60_000);

  test('costs nobody anything where workers ended with it, and that it ended another one alone only seems so', async () => {
    const hotkey = await devHotkey('a third');
    const keys = [WorkerKey.generate(), WorkerKey.generate()];
    const start = (key: WorkerKey, matmul: 'float32' | 'bfloat16') =>
      startWorker(world, redis.url, {
        ...{ key, validator: hotkey.address, cacheDir: join(world.folder, key.publicKey) },
        openTrainer: async () => stubTrainer({ matmul }),
      });
    const before = await Promise.all(keys.map((key) => start(key, 'float32')));
    const fleet = await openFleet(
      redis.url,
      keys.map(({ publicKey }) => publicKey),
      { hotkey, recheckOneIn: 0 },
    );
    for (const worker of before) await worker.stop();
    const name = queueName({
      ...{ genesisHash: GENESIS_HASH, hotkey: hotkey.address, netuid: NETUID, competition: competition.id },
    });
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
    const [task] = world.tasks as [ScoreTask];
    const outcome = postponeOnFault(async () => fleet.score(task));
    const jobNow = async () =>
      JobData.parse(JSON.parse((await connection.hget(`bull:${name}:score-${task.key}`, 'data')) ?? 'null'));
    const data = await vi.waitFor(jobNow, { timeout: 20_000, interval: 50 });
    // Their machines lose power while they are at it. As others than the epoch's they take no job now.
    for (const { publicKey } of keys) {
      const lost = await LostWork.open({ cacheDir: join(world.folder, publicKey), publicKey });
      await lost.begin(tryHash(data.task, data.attempt));
    }
    const after = await Promise.all(keys.map((key) => start(key, 'bfloat16')));
    for (const { said } of after)
      await vi.waitFor(() => expect(said.join()).toContain('waiting its precision'), { timeout: 20_000, interval: 50 });
    const forger = new Worker(name, () => new Promise(() => {}), {
      ...{ connection, concurrency: 20, lockDuration: 300, skipLockRenewal: true, stalledInterval: 200 },
    });
    expect(await outcome).toMatchObject({ kind: 'postponed', by: 'validator' });
    await forger.close(true);
    for (const worker of after) await worker.stop();
    connection.disconnect();
    await fleet.close();
  }, 90_000);
});
