import { FlockOffError, type ScoreTask, type TrainParameters } from 'flock-off';
import { WorkerKey } from 'flock-off/fleet';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RedisServer, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { openFleet, openWorld, startWorker, type World } from './world.ts';

const WITHIN = { timeout: 30_000, interval: 50 };

describe.skipIf(sayIfSkipped('comparisons'))('what is compared', () => {
  let world: World;
  let redis: RedisServer;
  const opened: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    world = await openWorld();
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.close();
    await world.close();
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
    await redis.restart({ empty: true });
  });

  async function worker(parameters: Parameters<typeof startWorker>[2] = {}) {
    const started = await startWorker(world, redis.url, { openTrainer: async () => stubTrainer(), ...parameters });
    opened.push(() => started.stop());
    return started;
  }
  async function fleet(keys: { publicKey: string }[], changed: Parameters<typeof openFleet>[2] = {}) {
    const publicKeys = keys.map(({ publicKey }) => publicKey);
    const one = await openFleet(redis.url, publicKeys, { aliveMs: 30_000, ...changed });
    opened.push(() => one.close());
    return one;
  }
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
    const [one, other] = world.tasks as [ScoreTask, ScoreTask];
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
});
