import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { Network } from './network.ts';
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

  /** The same server through a network that can be cut. */
  async function openNetwork() {
    const network = await Network.open(Number(new URL(postgres.url).port));
    const url = postgres.url.replace(/:\d+\//, `:${network.port}/`);
    return { network, url, address: parseQueueAddress({ url }) };
  }

  test('one that starts lets nobody in yet, and is waited for', async () => {
    const { network, address } = await openNetwork();
    const opening = QueueServer.open({ address });
    await network.refuse(3, errorResponse('57P03', 'the database system is starting up'));
    await (await opening).close();
    network.close();
  });

  test('one that answers no more holds up nobody who leaves', async () => {
    const { network, address } = await openNetwork();
    const server = await QueueServer.open({ address });
    const queue = server.queue('silent');
    await queue.add('note', {});
    const sent = network.silence();
    queue.getJob('1').catch(() => {});
    await sent;
    const begunMs = performance.now();
    await server.close();
    // A question is given up after 60 s.
    expect(performance.now() - begunMs).toBeLessThan(40_000);
    network.close();
  }, 60_000);

  test('a job is given back by a worker that leaves while its server is out of reach for a moment', async () => {
    const [first, second] = [WorkerKey.generate(), WorkerKey.generate()];
    const { network, url } = await openNetwork();
    const slow = await startWorker(world, url, {
      ...{ key: first, lockMs: 600_000 },
      openTrainer: async () => stubTrainer({ trainMs: 600_000 }),
    });
    const fleet = await openFleet(postgres.url, [first.publicKey, second.publicKey], { recheckOneIn: 0 });
    const score = fleet.score({ ...world.tasks[0]!, key: 'f'.repeat(64) });
    await vi.waitFor(() => expect(slow.said.join()).toContain('begun'), { timeout: 20_000, interval: 50 });
    network.cut();
    const refused = network.refuse(3);
    await Promise.all([slow.stop(), refused]);
    const quick = await startWorker(world, postgres.url, { key: second, openTrainer: async () => stubTrainer() });
    expect(await score).toMatchObject({ ok: true });
    await quick.stop();
    await fleet.close();
    network.close();
  }, 60_000);

  test('a worker whose server goes just as it begins takes jobs when that is back', async () => {
    const { network, url } = await openNetwork();
    const key = WorkerKey.generate();
    let refused: Promise<void> | undefined;
    const one = await startWorker(world, url, {
      key,
      openTrainer: async () => stubTrainer(),
      onEvent({ kind }) {
        if (kind !== 'ready' || refused) return;
        network.cut();
        refused = network.refuse(3);
      },
    });
    const fleet = await openFleet(postgres.url, [key.publicKey], { recheckOneIn: 0 });
    expect(await fleet.score({ ...world.tasks[0]!, key: 'e'.repeat(64) })).toMatchObject({ ok: true });
    await refused;
    await one.stop();
    await fleet.close();
    network.close();
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

/** As PostgreSQL says why it lets nobody in. */
function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
