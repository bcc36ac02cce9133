import { WorkerKey } from 'flock-off/fleet';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { POSTGRES_PROBLEM, type PostgresServer, startPostgres } from './postgres-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { openFleet, openWorld, startWorker, type World } from './world.ts';

if (POSTGRES_PROBLEM !== null) console.log(`PostgreSQL as a queue: skipped, ${POSTGRES_PROBLEM}`);

describe.skipIf(POSTGRES_PROBLEM !== null)('PostgreSQL as a queue', () => {
  let world: World;
  let postgres: PostgresServer;
  beforeAll(async () => {
    world = await openWorld();
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres?.close();
    await world?.close();
  });

  test('jobs outlive a server that is killed, and a worker that leaves', async () => {
    const [first, second] = [WorkerKey.generate(), WorkerKey.generate()];
    const slow = await startWorker(world, postgres.url, {
      key: first,
      openTrainer: async () => stubTrainer({ trainMs: 60_000 }),
    });
    const fleet = await openFleet(postgres.url, [first.publicKey, second.publicKey], { recheckOneIn: 0 });
    const scores = Promise.all(world.tasks.map((task) => fleet.score(task)));
    await vi.waitFor(() => expect(slow.said.join()).toContain('begun'), { timeout: 20_000, interval: 50 });
    await postgres.restart();
    await slow.stop();
    const quick = await startWorker(world, postgres.url, { key: second, openTrainer: async () => stubTrainer() });
    expect(await scores).toEqual(world.tasks.map(() => expect.objectContaining({ ok: true })));
    await quick.stop();
    await fleet.close();
  }, 60_000);

  test('one that is gone, or asks for another login, is told apart', async () => {
    const { url } = postgres;
    const opening = (to: string) => openFleet(to, ['a'.repeat(64)]).catch((error) => error);
    expect(await opening(url.replace(/:\d+/, ':1'))).toMatchObject({ code: 'queue-unreachable', transient: true });
    const stranger = await opening(url.replace('flock@', 'stranger:horse@'));
    expect(stranger).toMatchObject({ code: 'queue-refused', facts: { reason: 'access' } });
    expect(stranger.message).not.toContain('horse');
  });
});
