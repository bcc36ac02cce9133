import { test } from 'vitest';
import { scorerContract } from '../validator/scorer-contract.ts';
import { POSTGRES_PROBLEM, startPostgres } from './postgres-server.ts';
import { REDIS_PROBLEM, startRedis } from './redis-server.ts';
import { openFleet, startWorker } from './world.ts';

const SERVERS = [
  { server: 'Redis', problem: REDIS_PROBLEM, start: () => startRedis() },
  { server: 'PostgreSQL', problem: POSTGRES_PROBLEM, start: startPostgres },
];

for (const { server, problem, start } of SERVERS) {
  const name = `a fleet of two on ${server}`;
  if (problem === null)
    scorerContract({
      name,
      async open(world) {
        const queue = await start();
        const workers = await Promise.all([startWorker(world, queue.url), startWorker(world, queue.url)]);
        const keys = workers.map(({ key }) => key.publicKey);
        const scorer = await openFleet(queue.url, keys, { recheckOneIn: 2, aliveMs: 30_000 });
        const close = async () => {
          await scorer.close();
          await Promise.all(workers.map(({ stop }) => stop()));
          await queue.close();
        };
        return { scorer, close };
      },
    });
  else {
    console.log(`${name}: skipped, ${problem}`);
    test.skip(name, () => {});
  }
}
