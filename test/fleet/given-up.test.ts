import { once } from 'node:events';
import type { ScoreTask, TrainParameters } from 'flock-off';
import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { describe, expect, test, vi } from 'vitest';
import { queueName } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import type { JobData } from '../../src/fleet/wire.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { sayIfSkipped } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { useFleet } from './use-fleet.ts';
import { competition, GENESIS_HASH, NETUID } from './world.ts';

const WITHIN = { timeout: 20_000, interval: 50 };
const OVER = new Error('the epoch is over');

describe.skipIf(sayIfSkipped('what is given up'))('what is given up', () => {
  const its = useFleet({ datasets: 1 });
  const { worker } = its;
  const fleet = (keys: string[], changed: Parameters<typeof its.fleet>[1] = {}) =>
    its.fleet(keys, { recheckOneIn: 0, ...changed });

  test('what a worker finishes after that is not taken, and counts for nothing when the task is asked for again', async () => {
    const stub = stubTrainer();
    let trainings = 0;
    // A training that hears of it, and goes on to its end.
    const train = async (parameters: TrainParameters) => {
      if (trainings++ === 0) await once(parameters.signal!, 'abort');
      return stub.train({ ...parameters, signal: undefined });
    };
    const one = await worker({ openTrainer: async () => ({ ...stub, train }) });
    const validator = await fleet([one.key.publicKey]);
    const stop = new AbortController();
    const [task] = its.world.tasks as [ScoreTask];
    const score = validator.score({ ...task, signal: stop.signal });
    await vi.waitFor(() => expect(trainings).toBe(1), WITHIN);
    stop.abort(OVER);
    await expect(score).rejects.toBe(OVER);
    await vi.waitFor(() => expect(one.said).toContain('done uid 0 it was given up'), WITHIN);
    expect(await validator.score(task)).toMatchObject({ ok: true });
    expect(trainings).toBe(2);
  }, 60_000);

  test('while its worker opens a trainer anew, that one opens another and goes on', async () => {
    const stub = stubTrainer();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const opening: string[] = [];
    const one = await worker({
      async openTrainer({ signal }) {
        opening.push('opened');
        if (opening.length === 2) await once(signal!, 'abort').then(() => signal!.throwIfAborted());
        return { ...stub, train: async (parameters: TrainParameters) => held.then(() => stub.train(parameters)) };
      },
    });
    const validator = await fleet([one.key.publicKey]);
    const stop = new AbortController();
    const [task] = its.world.tasks as [ScoreTask];
    const first = validator.score({ ...task, key: 'e'.repeat(64) });
    await vi.waitFor(() => expect(one.said).toContain('begun uid 0'), WITHIN);
    const key = 'f'.repeat(64);
    const score = validator.score({ ...task, key, signal: stop.signal });
    score.catch(() => {});
    // As after a job that has killed workers.
    const { address } = await devHotkey('validator');
    const of = { genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id };
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }) });
    its.closeAfter(() => server.close());
    const queue = server.queue<JobData>(queueName(of));
    await vi.waitFor(async () => {
      const job = await queue.getJob(`score-${key}`);
      await job!.updateData({ ...job!.data, alone: true });
    }, WITHIN);
    letGo();
    expect(await first).toMatchObject({ ok: true });
    await vi.waitFor(() => expect(opening).toHaveLength(2), WITHIN);
    stop.abort(OVER);
    await expect(score).rejects.toBe(OVER);
    expect(await validator.score({ ...task, key: '9'.repeat(64) })).toMatchObject({ ok: true });
    expect(opening).toHaveLength(3);
  }, 60_000);

  test('a job that workers put back again and again counts for nothing', async () => {
    const keys = Array.from({ length: 5 }, () => WorkerKey.generate());
    const last = WorkerKey.generate();
    const first = keys[0]!;
    const opening = fleet([...keys, last].map(({ publicKey }) => publicKey));
    let at = await worker({ key: first, openTrainer: async () => stubTrainer({ trainMs: 600_000 }) });
    const validator = await opening;
    const score = validator.score({ ...its.world.tasks[0]!, key: 'b'.repeat(64) });
    // More often than a task may fail.
    for (const key of keys.slice(1)) {
      await vi.waitFor(() => expect(at.said).toContain('begun uid 0'), WITHIN);
      await at.stop();
      at = await worker({ key, openTrainer: async () => stubTrainer({ trainMs: 600_000 }) });
    }
    await at.stop();
    await worker({ key: last });
    expect(await score).toMatchObject({ ok: true });
  }, 120_000);

  test('every wait ends at its signal: for a worker, for a result, for an answer of a queue that is gone', async () => {
    const { publicKey } = WorkerKey.generate();
    const hotkey = await devHotkey('lonely');
    await expect(fleet([publicKey], { hotkey, signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const one = await worker({ openTrainer: async () => stubTrainer({ trainMs: 600_000 }) });
    const validator = await fleet([one.key.publicKey], { aliveMs: 1_000, gatherMs: 600_000 });
    const [task] = its.world.tasks as [ScoreTask];
    const soon = () => AbortSignal.timeout(500);
    const timedOut = { name: 'TimeoutError' };
    await expect(validator.score({ ...task, key: 'c'.repeat(64), signal: soon() })).rejects.toMatchObject(timedOut);
    await one.stop();
    let seed = 9;
    await vi.waitFor(
      async () => await expect(validator.begin({ seed: seed++, signal: soon() })).rejects.toMatchObject(timedOut),
      WITHIN,
    );
    await its.redis.kill();
    const { evaluation } = task;
    const asked = { ...task, key: 'd'.repeat(64), signal: soon() };
    await expect(validator.score(asked)).rejects.toMatchObject(timedOut);
    await expect(validator.begin({ seed: 1, signal: soon() })).rejects.toMatchObject(timedOut);
    const base = { evaluation, contextTokens: 48, signal: soon() };
    await expect(validator.evaluateBase(base)).rejects.toMatchObject(timedOut);
    await its.redis.restart();
  }, 60_000);
});
