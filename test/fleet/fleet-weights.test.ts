import { join } from 'node:path';
import type { FleetWorkerEvent } from 'flock-off/fleet';
import { Redis } from 'ioredis';
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

  test('are the same where Redis forgets all in the middle: while workers hold jobs, and as it is started again', async () => {
    const expected = await epochWith(miners, machine, 'one process again');
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    client.on('error', () => {});
    const forgetting = [() => client.flushall(), () => redis.restart({ empty: true }), () => client.flushall()];
    const forgotten: Promise<unknown>[] = [];
    let begun = 0;
    const folder = join(miners.folder, 'forgetful');
    const onEvent = ({ kind }: FleetWorkerEvent) => {
      // The base model's, then datasets.
      if (kind === 'begun' && ++begun % 2 === 0 && forgetting.length > 0) forgotten.push(forgetting.shift()!());
    };
    const world = { folder, hub: miners.hub, checker: machine.checker };
    const workers = await Promise.all([0, 1].map(() => startWorker(world, redis.url, { onEvent })));
    const keys = workers.map(({ key }) => key.publicKey);
    const { competition } = await miners.validator();
    const trainer = await openFleet(redis.url, keys, { competition, aliveMs: 60_000, signal: undefined });
    await miners.forgetWeights();
    expect(await epochWith(miners, { trainer }, 'forgetful')).toEqual(expected);
    await Promise.all(forgotten);
    expect(forgetting).toEqual([]);
    await trainer.close();
    await Promise.all(workers.map(({ stop }) => stop()));
    client.disconnect();
  }, 180_000);
});
