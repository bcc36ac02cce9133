import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parseQueueAddress } from 'flock-off/fleet';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Board } from '../../src/fleet/board.ts';
import { LossFinder } from '../../src/fleet/find-loss.ts';
import { evaluationNote } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import type { Task } from '../../src/fleet/wire.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { competition, openWorld, type World } from './world.ts';

describe.skipIf(sayIfSkipped('slow queues'))('a queue that is slow', () => {
  let world: World;
  let redis: RedisServer;
  let server: QueueServer;
  let client: Redis;
  beforeAll(async () => {
    world = await openWorld({ datasets: 1 });
    redis = await startRedis();
    client = new Redis(redis.url);
    server = await QueueServer.open({ address: parseQueueAddress({ url: redis.url }) });
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
    await redis.close();
    await world.close();
  });

  async function open() {
    const board = new Board(server, 'evaluations');
    const { rows, sha256 } = world.evaluation;
    const text = JSON.stringify(rows);
    const textSha256 = createHash('sha256').update(text).digest('hex');
    await board.put(evaluationNote(textSha256), { gzip: gzipSync(text).toString('base64') });
    const parameters = {
      datasets: { download: () => Promise.reject() },
      checker: world.checker,
      cacheDir: world.folder,
    };
    const finder = new LossFinder(parameters, board, { answerMs: 100 });
    const machine = { packageVersion: '1', baseSha256: 'base', backend: 'tfjs-node', precision: 'float32' };
    const task: Task = {
      ...{ kind: 'base', queue: 'q', key: 'k', name: 'the base model', uid: 0, machine, dataset: null, competition },
      ...{ seed: 7, evaluation: { sha256, rows: rows.length, textSha256 } },
    };
    return (signal: AbortSignal) => finder.find(task, { trainer: stubTrainer(), signal, tell() {} });
  }

  test('is asked for the evaluation set until it answers', async () => {
    const find = await open();
    await client.call('CLIENT', 'PAUSE', '1000');
    expect(await find(AbortSignal.timeout(20_000))).toMatchObject({ ok: true });
  });

  test('is asked no longer than the job is wanted', async () => {
    const find = await open();
    await client.call('CLIENT', 'PAUSE', '3000');
    const over = new Error('the validator wants it no more');
    const stop = new AbortController();
    const finding = find(stop.signal);
    setTimeout(() => stop.abort(over), 400);
    await expect(finding).rejects.toBe(over);
  });
});
