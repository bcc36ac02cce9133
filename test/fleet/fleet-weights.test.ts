import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeMachine, type Machine, type Miners, openMachine } from '../validator/miners.ts';
import { epochWith, openMiners } from './miners-of-epoch.ts';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { openFleet, startWorker } from './world.ts';

describe.skipIf(sayIfSkipped('weights of a fleet'))('the weights of an epoch', () => {
  let machine: Machine;
  let miners: Miners;
  let redis: RedisServer;
  beforeAll(async () => {
    machine = await openMachine();
    miners = await openMiners({ machine, miners: 6 });
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis?.close();
    await miners?.close();
    closeMachine(machine);
  });

  test('of 6 miners are bit for bit those of one process with 1 worker and with 2, in the report and on the chain', async () => {
    const expected = await epochWith(miners, machine, 'one process');
    expect(expected.found.entries.filter(({ weight }) => weight > 0).length).toBeGreaterThan(2);
    for (const count of [1, 2]) {
      const folder = join(miners.folder, `workers-${count}`);
      const { hub } = miners;
      const world = { folder, hub, checker: machine.checker };
      const workers = await Promise.all(Array.from({ length: count }, () => startWorker(world, redis.url)));
      const keys = workers.map(({ key }) => key.publicKey);
      const { competition } = await miners.validator();
      // Its trainers share this thread, and are silent while one trains.
      const trainer = await openFleet(redis.url, keys, { competition, aliveMs: 60_000, signal: undefined });
      await miners.forgetWeights();
      expect(await epochWith(miners, { trainer }, `${count} workers`)).toEqual(expected);
      await trainer.close();
      await Promise.all(workers.map(({ stop }) => stop()));
    }
  }, 120_000);
});
