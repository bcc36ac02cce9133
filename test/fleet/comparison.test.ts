import { FlockOffError, type ScoreTask, type TrainParameters } from 'flock-off';
import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { describe, expect, test, vi } from 'vitest';
import { queueName } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { WantedJob } from '../../src/fleet/wanted-job.ts';
import { type Found, type JobData, type Task, taskHash, textToSign } from '../../src/fleet/wire.ts';
import { packRowLosses } from '../../src/validator/row-losses.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { sayIfSkipped } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { useFleet } from './use-fleet.ts';
import { competition, GENESIS_HASH, NETUID } from './world.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

describe.skipIf(sayIfSkipped('comparisons'))('what is compared', () => {
  const its = useFleet();
  const { worker } = its;
  const fleet = (keys: { publicKey: string }[], changed: Parameters<typeof its.fleet>[1] = {}) =>
    its.fleet(
      keys.map(({ publicKey }) => publicKey),
      { aliveMs: 30_000, ...changed },
    );
  /** A trainer whose trainings wait, or fail, where `before` does. */
  const trainer = (before: (parameters: TrainParameters) => Promise<void>) => async () => {
    const stub = stubTrainer();
    const train = async (parameters: TrainParameters) => before(parameters).then(() => stub.train(parameters));
    return { ...stub, train };
  };
  const isOn = ({ rows }: TrainParameters, uid: number) => JSON.stringify(rows).includes(`topic ${uid}`);

  test('a miner does not pay for the device of the second worker', async () => {
    const [sound, sick] = [WorkerKey.generate(), WorkerKey.generate()];
    const starting = fleet([sound, sick], { recheckOneIn: 1 });
    const first = await worker({ key: sound });
    const validator = await starting;
    const [one, other] = its.world.tasks as [ScoreTask, ScoreTask];
    const score = validator.score(one);
    score.catch(() => {});
    await vi.waitFor(() => expect(first.said.join()).toContain('done uid 0 loss'), WITHIN);
    let isSick = true;
    await worker({
      key: sick,
      openTrainer: trainer(async (parameters) => {
        if (isOn(parameters, 1) || (isSick && isOn(parameters, 0)))
          throw new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
      }),
    });
    await expect(score).rejects.toMatchObject({
      code: 'queue-unreachable',
      message: expect.stringContaining('no second worker confirmed it'),
    });
    // Once another one has agreed with it, what it finds stands.
    isSick = false;
    expect(await validator.score(one)).toMatchObject({ ok: true });
    expect(await validator.score(other)).toMatchObject({ ok: true });
  }, 60_000);

  test('a result and a failure count although others are to be asked now: only who had the task before may not confirm it', async () => {
    const key = WorkerKey.generate();
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }) });
    its.closeAfter(() => server.close());
    const machine = { packageVersion: '1', baseSha256: 'base', backend: 'tfjs-node', precision: 'float32' };
    const task: Task = {
      ...{ kind: 'score', queue: 'q', key: 'k', name: 'uid 3', uid: 3, machine, dataset: null, competition, seed: 7 },
      evaluation: { sha256: 'e', rows: 2, textSha256: 'e'.repeat(64) },
    };
    const rowLosses = packRowLosses([1, 3]);
    const checked = { ok: true as const, lossNatsPerToken: 2, rowLosses, trainingMs: 1, evaluationMs: 1 };
    const found: Found = { task: taskHash(task), machine, checked };
    const result = { found, worker: key.publicKey, signature: key.sign(textToSign('found', found)) };
    const worker = server.worker<JobData>(
      'q',
      async ({ data: { attempt } }) => {
        const failure = { task: taskHash(task), attempt, code: 'trainer-failed', what: 'the device is lost' };
        const signature = key.sign(textToSign('failure', failure));
        throw new Error(JSON.stringify({ failure, worker: key.publicKey, signature }));
      },
      {},
    );
    const read = async (number: number, not: string[]) => {
      const queue = server.queue<JobData>('q');
      const isTrusted = (one: string) => one === key.publicKey;
      const job = new WantedJob({ queue, task, signature: 'a'.repeat(128), number, not, priority: 1, isTrusted });
      const failed = new Promise((resolve) => worker.once('failed', resolve));
      await job.look(AbortSignal.timeout(20_000), async () => {});
      await failed;
      job.not = [key.publicKey];
      const failure = await job.look(AbortSignal.timeout(20_000), async () => {});
      return [failure?.(), job.read(result)];
    };
    expect(await read(0, [])).toMatchObject([{ of: 'trainer' }, { worker: key.publicKey, checked }]);
    expect(await read(1, [key.publicKey])).toMatchObject([{ of: 'nobody' }, { of: 'nobody' }]);
  });

  test('a worker that may not confirm what it found goes on with other datasets, and that job stays the next for others', async () => {
    const [quick, busy] = [WorkerKey.generate(), WorkerKey.generate()];
    const open: (() => void)[] = [];
    const gates = [0, 1].map(() => new Promise<void>((resolve) => open.push(resolve)));
    const [small, middle, large] = its.world.tasks as [ScoreTask, ScoreTask, ScoreTask];
    const starting = fleet([quick, busy], { recheckOneIn: 8 });
    const other = await worker({ key: busy, openTrainer: trainer(() => gates[1]!) });
    const validator = await starting;
    const scores = [validator.score(middle)];
    await vi.waitFor(() => expect(other.said).toContain('begun uid 1'), WITHIN);
    const one = await worker({
      key: quick,
      openTrainer: trainer(async (parameters) => {
        if (isOn(parameters, 0)) await gates[0];
      }),
    });
    scores.push(validator.score(large));
    const { address } = await devHotkey('validator');
    const of = { genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id };
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }) });
    its.closeAfter(() => server.close());
    const queue = server.queue<JobData>(queueName(of));
    const comparing = async () => (await queue.getJob(`score-${large.key}-1`))?.priority;
    await vi.waitFor(async () => expect(await comparing()).toBeDefined(), WITHIN);
    const { opts } = (await queue.getJob(`score-${large.key}-1`))!;
    // It comes first, and is not for the one that asks for jobs.
    scores.push(validator.score(small));
    await vi.waitFor(() => expect(one.said).toContain('begun uid 0'), WITHIN);
    await vi.waitFor(async () => expect(await comparing()).toBe(opts.priority), WITHIN);
    for (const letGo of open) letGo();
    for (const score of scores) expect(await score).toMatchObject({ ok: true });
  }, 60_000);
});
