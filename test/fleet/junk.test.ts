import type { ScoreTask } from 'flock-off';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { queueName } from '../../src/fleet/names.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { competition, GENESIS_HASH, NETUID, openFleet, openWorld, startWorker, type World } from './world.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

// Whoever can write to the queue can leave anything there.
describe.skipIf(sayIfSkipped('junk in a queue'))('junk in a queue', () => {
  let world: World;
  let redis: RedisServer;
  let client: Redis;
  let name: string;
  const opened: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    world = await openWorld({ datasets: 2 });
    redis = await startRedis();
    client = new Redis(redis.url, { maxRetriesPerRequest: null });
    const { address } = await devHotkey('validator');
    name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
  });
  afterAll(async () => {
    client.disconnect();
    await redis.close();
    await world.close();
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
    await client.flushall();
  });

  async function worker(trainMs = 0) {
    const openTrainer = async () => stubTrainer({ trainMs });
    const started = await startWorker(world, redis.url, { openTrainer });
    opened.push(() => started.stop());
    return started;
  }
  async function fleet(key: { publicKey: string }) {
    const one = await openFleet(redis.url, [key.publicKey], { recheckOneIn: 0 });
    opened.push(() => one.close());
    return one;
  }

  test('a job that is emptied while it runs ends no worker, and its result is taken', async () => {
    const one = await worker(1_500);
    const validator = await fleet(one.key);
    const [task] = world.tasks as [ScoreTask];
    const score = validator.score(task);
    await vi.waitFor(() => expect(one.said).toContain('begun uid 0'), WITHIN);
    await client.hset(`bull:${name}:score-${task.key}`, 'data', 'null');
    expect(await score).toMatchObject({ ok: true });
    expect(one.said.filter((line) => line === 'begun uid 0')).toHaveLength(1);
  });

  test('notes and jobs that are no JSON blind nobody: they are removed, and what belongs there is put there again', async () => {
    const board = `${name}-board`;
    const leave = async (queue: string, id: string, [field, value]: [string, string]) => {
      await client.hset(`bull:${queue}:${id}`, { name: 'n', data: '{}', opts: '{}', [field]: value });
      await client.lrem(`bull:${queue}:wait`, 0, id);
      await client.rpush(`bull:${queue}:wait`, id);
    };
    const one = await worker();
    const before = await fleet(one.key);
    await before.close();
    await leave(board, 'about', ['data', '{']);
    await leave(board, 'roll-call', ['opts', 'null']);
    await client.set(`bull:${board}:string`, 'no hash');
    await client.rpush(`bull:${board}:wait`, 'string');
    await one.stop();
    // Before anybody takes it.
    await leave(name, 'score-junk', ['data', '{']);
    const { key } = one;
    const opening = openFleet(redis.url, [key.publicKey], { recheckOneIn: 0, signal: AbortSignal.timeout(30_000) });
    const started = await startWorker(world, redis.url, { key, openTrainer: async () => stubTrainer() });
    opened.push(() => started.stop());
    const validator = await opening;
    opened.push(() => validator.close());
    await leave(name, 'score-more', ['data', '{']);
    await validator.begin({ seed: 7 });
    for (const task of world.tasks) expect(await validator.score(task)).toMatchObject({ ok: true });
    // While it runs, too.
    await leave(board, 'about', ['data', '{']);
    await vi.waitFor(
      async () => expect(await client.hget(`bull:${board}:about`, 'data')).toContain('signature'),
      WITHIN,
    );
  }, 60_000);
});
