import { gzipSync } from 'node:zlib';
import type { ScoreTask } from 'flock-off';
import { parseQueueAddress } from 'flock-off/fleet';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { queueName } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { sayIfSkipped } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { useFleet } from './use-fleet.ts';
import { competition, GENESIS_HASH, logs, NETUID, openFleet } from './world.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

// Whoever can write to the queue can leave anything there.
describe.skipIf(sayIfSkipped('junk in a queue'))('junk in a queue', () => {
  const its = useFleet({ datasets: 2 });
  let client: Redis;
  let name: string;
  beforeAll(async () => {
    client = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const { address } = await devHotkey('validator');
    name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
  });
  afterAll(() => client.disconnect());

  const worker = (trainMs = 0) => its.worker({ openTrainer: async () => stubTrainer({ trainMs }) });
  const fleet = (key: { publicKey: string }) => its.fleet([key.publicKey], { recheckOneIn: 0 });

  test('a job that is emptied while it runs ends no worker, and its result is taken', async () => {
    const one = await worker(1_500);
    const validator = await fleet(one.key);
    const [task] = its.world.tasks as [ScoreTask];
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
    const opening = openFleet(its.redis.url, [key.publicKey], { recheckOneIn: 0, signal: AbortSignal.timeout(30_000) });
    await its.worker({ key });
    const validator = await opening;
    its.closeAfter(() => validator.close());
    await leave(name, 'score-more', ['data', '{']);
    await validator.begin({ seed: 7 });
    for (const task of its.world.tasks) expect(await validator.score(task)).toMatchObject({ ok: true });
    // While it runs, too.
    await leave(board, 'about', ['data', '{']);
    await vi.waitFor(
      async () => expect(await client.hget(`bull:${board}:about`, 'data')).toContain('signature'),
      WITHIN,
    );
  }, 60_000);

  const another = JSON.stringify({ gzip: gzipSync('[]').toString('base64') });
  test.each<[string, (note: string) => Promise<unknown>]>([
    ['replaced by another one', (note) => client.hset(note, 'data', another)],
    ['no entry of a queue any more', (note) => client.set(note, another)],
    ['listed, and not there', (note) => client.del(note)],
  ])(
    'an evaluation set that is %s is put there again, and costs nobody anything',
    async (_what, spoil) => {
      const one = await worker();
      const { logger, lines } = logs();
      const validator = await its.fleet([one.key.publicKey], { recheckOneIn: 0, logger });
      const [first, second] = its.world.tasks as [ScoreTask, ScoreTask];
      expect(await validator.score(first)).toMatchObject({ ok: true });
      // One that has not read it yet.
      await one.stop();
      const [note = ''] = await client.keys('bull:*-evaluations:evaluation-*');
      const before = await client.hget(note, 'data');
      await spoil(note);
      await its.worker({ key: one.key });
      expect(await validator.score(second)).toMatchObject({ ok: true });
      expect(await client.hget(note, 'data')).toBe(before);
      expect(lines.join('\n')).toContain('the evaluation set of the job is not in the queue, or is another one');
    },
    60_000,
  );

  test('what is no entry of a queue makes way for what belongs there', async () => {
    const one = await worker();
    const validator = await fleet(one.key);
    const [task] = its.world.tasks as [ScoreTask];
    const about = `bull:${name}-board:about`;
    for (const key of [about, `bull:${name}:score-${task.key}`]) await client.set(key, 'no hash');
    expect(await validator.score(task)).toMatchObject({ ok: true });
    await vi.waitFor(async () => expect(await client.hget(about, 'data')).toContain('signature'), WITHIN);
  }, 60_000);

  test('an event that is no JSON deafens nobody', async () => {
    const { logger, lines } = logs();
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }), logger });
    its.closeAfter(() => server.close());
    const heard: string[] = [];
    server.events('deaf').on('failed', ({ jobId }) => heard.push(jobId));
    const say = (event: string, jobId: string) =>
      client.xadd('bull:deaf:events', '*', 'event', event, 'jobId', jobId, 'returnvalue', '{', 'failedReason', 'why');
    const untilHeard = (jobId: string) =>
      vi.waitFor(async () => {
        await say('failed', jobId);
        expect(heard).toContain(jobId);
      }, WITHIN);
    await untilHeard('before');
    await say('completed', 'junk');
    await untilHeard('after');
    expect(lines.join('\n')).toContain('an event is no JSON');
  }, 60_000);
});
