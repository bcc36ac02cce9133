import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type RedisServer, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { openFleet, openWorld, startWorker, type World } from './world.ts';

export interface FleetInUse {
  readonly world: World;
  readonly redis: RedisServer;
  /** To be called after the test: the last first. */
  closeAfter(close: () => Promise<unknown>): void;
  worker(parameters?: Parameters<typeof startWorker>[2]): ReturnType<typeof startWorker>;
  /** Of workers with these public keys. */
  fleet(publicKeys: string[], parameters?: Parameters<typeof openFleet>[2]): ReturnType<typeof openFleet>;
}

/** A hub and a Redis for the tests of a block. After each, what it opened is closed and the Redis is empty. */
export function useFleet(options?: Parameters<typeof openWorld>[0]): FleetInUse {
  let world: World;
  let redis: RedisServer;
  const opened: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    world = await openWorld(options);
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
    await world.close();
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
  });
  const closeAfter = (close: () => Promise<unknown>) => void opened.push(close);
  return {
    get world() {
      return world;
    },
    get redis() {
      return redis;
    },
    closeAfter,
    async worker(parameters) {
      const started = await startWorker(world, redis.url, { openTrainer: async () => stubTrainer(), ...parameters });
      closeAfter(() => started.stop());
      return started;
    },
    async fleet(publicKeys, parameters) {
      const one = await openFleet(redis.url, publicKeys, parameters);
      closeAfter(() => one.close());
      return one;
    },
  };
}
