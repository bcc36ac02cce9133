import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { FlockOffError, type ScoreTask, TrainerPool, type TrainParameters } from 'flock-off';
import { type Fleet, parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { TINY_BASE } from 'flock-off/local';
import { Redis } from 'ioredis';
import { describe, expect, test, vi } from 'vitest';
import { signBytes } from '../../src/chain/wallet/signed-bytes.ts';
import { Board } from '../../src/fleet/board.ts';
import { DIRECTORY, queueName } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { FORMAT, textToSign } from '../../src/fleet/wire.ts';
import { canonicalJson } from '../../src/shared/canonical-json.ts';
import { scoreKeys } from '../../src/validator/score-dataset.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { useFleet } from './use-fleet.ts';
import { competition, GENESIS_HASH, logs, NETUID, openFleet } from './world.ts';

const WITHIN = { timeout: 15_000, interval: 50 };

describe.skipIf(sayIfSkipped('fleets'))('a fleet', () => {
  const its = useFleet();
  const worker = (parameters: Parameters<typeof its.worker>[0] = {}, stub?: Parameters<typeof stubTrainer>[0]) =>
    its.worker({ openTrainer: async () => stubTrainer(stub), ...parameters });
  const fleet = (keys: { key: { publicKey: string } }[], changed: Parameters<typeof its.fleet>[1] = {}) =>
    its.fleet(
      keys.map(({ key }) => key.publicKey),
      { recheckOneIn: 0, ...changed },
    );
  const key = () => ({ key: WorkerKey.generate() });
  /** What one machine finds. */
  async function expected(task: ScoreTask) {
    const { checker } = its.world;
    return new TrainerPool({ trainers: [stubTrainer()], checker }).score(task);
  }
  const lossOf = (score: Awaited<ReturnType<Fleet['score']>>) =>
    score.ok ? score.value.lossNatsPerToken : score.verdict;

  test('has the facts of its workers, and a task is trained once however often it is asked for', async () => {
    let trained = 0;
    const one = await worker({}, { onTrain: () => trained++ });
    const validator = await fleet([one]);
    expect(validator).toMatchObject({ baseSha256: 'base', precision: { matmul: 'float32' }, isInTime: true });
    const task = its.world.tasks[0]!;
    const [first, second] = await Promise.all([validator.score(task), validator.score(task)]);
    expect([lossOf(first), lossOf(second)]).toEqual(Array(2).fill(lossOf(await expected(task))));
    // A validator that begins anew finds what was done.
    await validator.close();
    expect(lossOf(await (await fleet([one])).score(task))).toBe(lossOf(first));
    expect(trained).toBe(1);
  });

  test('a job whose worker leaves is done by another one', async () => {
    const slow = await worker({}, { trainMs: 60_000 });
    const validator = await fleet([slow, { key: FAST }]);
    const score = validator.score(its.world.tasks[0]!);
    await vi.waitFor(() => expect(slow.said).toContain('begun uid 0'), WITHIN);
    await worker({ key: FAST });
    await slow.stop();
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
  });

  test('two validators on one server have their own workers and results', async () => {
    const [ann, ben] = [await devHotkey('ann'), await devHotkey('ben')];
    const [annKey, benKey] = [key(), key()];
    const annWorker = await worker({ ...annKey, validator: ann.address });
    const benWorker = await worker({ ...benKey, validator: ben.address }, { wrongBy: 1 });
    const [annFleet, benFleet] = await Promise.all([
      fleet([annKey], { hotkey: ann }),
      fleet([benKey], { hotkey: ben }),
    ]);
    const [task] = its.world.tasks;
    const [a, b] = await Promise.all([annFleet.score(task!), benFleet.score(task!)]);
    expect((lossOf(b) as number) - (lossOf(a) as number)).toBeCloseTo(1);
    for (const { said } of [annWorker, benWorker])
      expect(said.filter((line) => line === 'begun uid 0')).toHaveLength(1);
  });

  test('a worker that the validator was not told of waits and says its key, and the validator says it too', async () => {
    const { logger, lines } = logs();
    const [told, stranger] = [await worker(), await worker()];
    const validator = await fleet([told], { logger });
    await validator.score(its.world.tasks[0]!);
    await vi.waitFor(() => {
      expect(stranger.said.join('\n')).toContain(`add ${stranger.key.publicKey} to its --workers`);
      expect(lines.join('\n')).toContain(
        `${stranger.key.publicKey}) is not among those that this validator was told of`,
      );
    }, WITHIN);
  });

  test('whoever can write to the queue can forge no loss', async () => {
    const { logger, lines } = logs();
    const honest = key();
    const starting = fleet([honest], { logger });
    const started = await worker(honest);
    const validator = await starting;
    await started.stop();
    // It takes jobs before anybody else can, and answers for the honest one.
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    let forged = 0;
    const checked = {
      ok: true,
      lossNatsPerToken: 0,
      rowLosses: Buffer.alloc(24).toString('base64'),
      trainingMs: 1,
      evaluationMs: 1,
    };
    const forger = new Worker(
      name,
      async ({ data }) => {
        forged++;
        const found = { task: 'a'.repeat(64), machine: data.task.machine, checked };
        return { found, worker: honest.key.publicKey, signature: 'b'.repeat(128) };
      },
      { connection },
    );
    const score = validator.score(its.world.tasks[0]!);
    await vi.waitFor(() => expect(forged).toBeGreaterThan(2), WITHIN);
    await forger.close();
    connection.disconnect();
    await worker(honest);
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
    expect(lines.join('\n')).toContain('does not have its signature');
  });

  test('a job that the validator did not sign is not trained on', async () => {
    let trained = 0;
    const one = await worker({}, { onTrain: () => trained++ });
    await fleet([one]);
    const stranger = await devHotkey('stranger');
    const forged = await openFleet(its.redis.url, [one.key.publicKey], {
      hotkey: stranger,
      signal: AbortSignal.timeout(700),
    }).catch(() => null);
    expect(forged).toBeNull();
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue(name, { connection });
    const { dataset, evaluation } = its.world.tasks[0]!;
    const machine = { packageVersion: '', baseSha256: '', backend: '', precision: '' };
    const task = { kind: 'score', queue: name, key: 'k', name: 'uid 9', uid: 9, machine, competition, seed: 1 };
    const of = {
      dataset: { ...dataset, keep: '' },
      evaluation: { sha256: evaluation.sha256, rows: 3, textSha256: 'a'.repeat(64) },
    };
    await queue.add(
      'score',
      { task: { ...task, ...of }, signature: 'c'.repeat(128), not: [], alone: false, cancelled: false, attempt: 'a' },
      { jobId: 'forged' },
    );
    await vi.waitFor(
      async () => expect((await queue.getJob('forged'))?.failedReason).toContain('has not signed it'),
      WITHIN,
    );
    await queue.close();
    connection.disconnect();
    expect(trained).toBe(0);
  });

  test('what a new worker finds is compared, a third one settles it, and the odd one out is named and set aside', async () => {
    const { logger, lines } = logs();
    const [liar, ...honest] = [key(), key(), key()];
    const starting = fleet([liar!, ...honest], { recheckOneIn: 8, logger });
    const wrong = await worker({ ...liar, name: 'liar' }, { wrongBy: 0.5 });
    const others = await Promise.all(honest.map((one) => worker(one, { trainMs: 50 })));
    const validator = await starting;
    for (const { said } of [wrong, ...others]) await vi.waitFor(() => expect(said.join()).toContain('ready'), WITHIN);
    const scores = await Promise.all(its.world.tasks.map((task) => validator.score(task)));
    const right = await Promise.all(its.world.tasks.map(expected));
    expect(scores.map(lossOf)).toEqual(right.map(lossOf));
    expect(lines.join('\n')).toMatch(/worker liar \([0-9a-f]{12}\) is set aside/);
    expect((await wrong.ended)?.message).toContain('it was set aside');
  });

  test('workers of another precision, base model or version get no jobs, and both sides say why', async () => {
    const { logger, lines } = logs();
    const keys = [key(), key(), key()];
    await worker(keys[0]);
    const validator = await fleet(keys as never, { logger });
    const others = [await worker(keys[1], { matmul: 'bfloat16' }), await worker(keys[2], { baseSha256: 'another' })];
    const why = [
      /its precision is bfloat16, .* and that of the others is float32/,
      /its base model is another, and that of the others is base/,
    ];
    for (const [i, other] of others.entries()) {
      await vi.waitFor(() => {
        expect(other.said.join('\n')).toMatch(why[i]!);
        expect(lines.join('\n')).toMatch(why[i]!);
      }, WITHIN);
      expect(other.said.join()).not.toContain('ready');
    }
    expect(lossOf(await validator.score(its.world.tasks[0]!))).toBe(lossOf(await expected(its.world.tasks[0]!)));
  });

  test('a base model with another content than was signed is refused', async () => {
    const one = key();
    const opening = fleet([one], { base: { model: 'm', sha256: 'founded' }, signal: AbortSignal.timeout(3_000) }).catch(
      () => {},
    );
    const { ended } = await worker(one);
    expect((await ended)?.message).toContain('its base model is base, and the competition was founded with founded');
    await opening;
  });

  test('a worker for another competition is told so', async () => {
    const one = await worker();
    await fleet([one]);
    const other = await worker({ competition: '7' });
    expect(await other.ended).toMatchObject({ code: 'queue-refused', facts: { reason: 'competition' } });
    expect((await other.ended)?.message).toContain(
      "started for competition 7, and the validator's queue here is of competition 1 on netuid 96",
    );
  });

  test.each([
    ['version', FORMAT, '0.0.9'],
    ['format', FORMAT + 1, '0.0.9 (queue format'],
  ])('a worker of another %s than the validator is told so', async (_what, format, version) => {
    const hotkey = await devHotkey('validator');
    const base = { model: 'm' };
    const of = { genesisHash: GENESIS_HASH, hotkey: hotkey.address, netuid: NETUID, competition: competition.id };
    const about = {
      ...of,
      format,
      packageVersion: '0.0.9',
      base,
      recipe: competition.recipe,
      workers: [],
      chosen: null,
      serial: 1,
    };
    const signature = Buffer.from(await signBytes({ hotkey, bytes: textToSign('about', about, format) })).toString(
      'hex',
    );
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }) });
    await new Board(server, DIRECTORY).put(queueName(of), { about, signature });
    await server.close();
    const { ended } = await worker();
    expect(await ended).toMatchObject({ code: 'queue-refused', facts: { reason: 'version' } });
    expect((await ended)?.message).toContain(`the validator runs flock-off ${version}`);
    // Queues of another format have another name: a worker of that one takes none of the jobs of this one.
    const earlier = createHash('sha256').update(canonicalJson([GENESIS_HASH, hotkey.address, NETUID, competition.id]));
    expect(queueName(of)).not.toContain(earlier.digest('hex').slice(0, 16));
  });

  test('a job that was given up stops on its worker, and its late result is not taken', async () => {
    const one = await worker({}, { trainMs: 60_000 });
    const validator = await fleet([one]);
    const stop = new AbortController();
    const score = validator.score({ ...its.world.tasks[0]!, signal: stop.signal });
    await vi.waitFor(() => expect(one.said).toContain('begun uid 0'), WITHIN);
    stop.abort(new Error('the epoch is over'));
    await expect(score).rejects.toThrow('the epoch is over');
    await vi.waitFor(() => expect(one.said).toContain('done uid 0 it was given up'), WITHIN);
  });

  test('jobs of an earlier epoch are removed when the next one begins', async () => {
    const keyOfOne = key();
    const one = await worker(keyOfOne, { trainMs: 60_000 });
    const validator = await fleet([keyOfOne]);
    const stale = validator.score(its.world.tasks[0]!).catch(() => {});
    const waiting = validator.score(its.world.tasks[1]!).catch(() => {});
    await vi.waitFor(() => expect(one.said.join()).toContain('begun'), WITHIN);
    await validator.close();
    await Promise.all([stale, waiting]);
    await one.stop();
    // Longer than it takes to see that a job is cancelled.
    await worker(keyOfOne, { trainMs: 1_500 });
    const again = await fleet([keyOfOne]);
    await again.begin({ seed: 8 });
    expect(await again.score({ ...its.world.tasks[2]!, seed: 8 })).toMatchObject({ ok: true });
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue(name, { connection });
    await vi.waitFor(async () => {
      const left = await queue.getJobs(['active', 'waiting', 'prioritized', 'completed']);
      expect(left.map((job) => job.data.task.seed)).toEqual([8]);
    }, WITHIN);
    await queue.close();
    connection.disconnect();
  });

  test('a worker whose disk is full gives its job back and ends with one sentence', async () => {
    const full = join(its.world.folder, 'full');
    await writeFile(full, 'no folder');
    const broken = await worker({ cacheDir: full });
    const sound = key();
    const validator = await fleet([broken, sound]);
    const score = validator.score(its.world.tasks[0]!);
    expect(await broken.ended).toMatchObject({ code: 'disk' });
    await worker(sound);
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
  });

  test('what fails on every worker is given up after three tries, as a fault of the trainer', async () => {
    const fault = new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
    const one = await worker({}, { fault, probeWorks: true });
    const validator = await fleet([one]);
    await expect(validator.score(its.world.tasks[0]!)).rejects.toMatchObject({ code: 'trainer-failed' });
    expect(one.said.filter((line) => line === 'begun uid 0')).toHaveLength(3);
  });

  test('a worker whose device fails on known-good work, too, gives its job back and ends', async () => {
    const fault = new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
    const sick = await worker({}, { fault });
    const sound = key();
    const validator = await fleet([sick, sound]);
    const score = validator.score(its.world.tasks[0]!);
    expect(await sick.ended).toBe(fault);
    await worker(sound);
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
    expect(sick.said.filter((line) => line === 'begun uid 0')).toHaveLength(1);
  });

  test('failures that no worker signed cost nobody anything, whatever they say', async () => {
    const honest = key();
    const starting = fleet([honest]);
    const started = await worker(honest);
    const validator = await starting;
    await started.stop();
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const forger = new Worker(
      name,
      async () => {
        const what = 'the device is lost, and stalled';
        const failure = { task: 'a'.repeat(64), attempt: 'a', code: 'trainer-failed', what };
        throw new Error(JSON.stringify({ failure, worker: honest.key.publicKey, signature: 'b'.repeat(128) }));
      },
      { connection },
    );
    await expect(validator.score(its.world.tasks[0]!)).rejects.toMatchObject({ code: 'queue-unreachable' });
    await forger.close();
    connection.disconnect();
  });

  test('a failure that a worker signed counts once, however often it is put there again', async () => {
    const honest = key();
    const starting = fleet([honest]);
    const stub = stubTrainer();
    let times = 0;
    const sick = await worker({
      ...honest,
      openTrainer: async () => ({
        ...stub,
        async train(parameters) {
          // A step on known-good work.
          if (parameters.seed === 0) return stub.train(parameters);
          if (times++ === 0) throw new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
          return new Promise<never>((_, reject) => {
            parameters.signal?.addEventListener('abort', () => reject(parameters.signal?.reason));
          });
        },
      }),
    });
    const validator = await starting;
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const events = new QueueEvents(name, { connection });
    await events.waitUntilReady();
    const failed = new Promise<string>((resolve) => {
      events.once('failed', ({ failedReason }) => resolve(failedReason));
    });
    const score = validator.score(its.world.tasks[0]!);
    const reason = await failed;
    expect(reason).toContain('trainer-failed');
    await vi.waitFor(() => expect(times).toBe(2), WITHIN);
    await sick.stop();
    let replayed = 0;
    const forger = new Worker(
      name,
      async () => {
        replayed++;
        throw new Error(reason);
      },
      { connection },
    );
    await vi.waitFor(() => expect(replayed).toBeGreaterThan(4), WITHIN);
    await forger.close();
    await events.close();
    connection.disconnect();
    await worker(honest);
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
  });

  test('what the validator said before is followed by nobody, and what it says now is put there again', async () => {
    const one = key();
    const server = await QueueServer.open({ address: parseQueueAddress({ url: its.redis.url }) });
    its.closeAfter(() => server.close());
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const [about, directory] = [new Board(server, `${name}-board`), new Board(server, DIRECTORY)];
    await openFleet(its.redis.url, [key().key.publicKey], { signal: AbortSignal.timeout(500) }).catch(() => {});
    const before = (await about.get('about')) as object;
    const { said, ended } = await worker(one);
    const validator = await fleet([one]);
    await vi.waitFor(() => expect(said.join()).toContain('ready'), WITHIN);
    const now = await about.get('about');
    expect(now).not.toEqual(before);
    for (let times = 0; times < 40; times++) {
      await Promise.all([about.put('about', before), directory.put(name, before)]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lossOf(await validator.score(its.world.tasks[0]!))).toBe(lossOf(await expected(its.world.tasks[0]!)));
    await directory.remove(name);
    await vi.waitFor(async () => {
      expect(await about.get('about')).toEqual(now);
      expect(await directory.get(name)).toEqual(now);
    }, WITHIN);
    expect(await Promise.race([ended, Promise.resolve('at work')])).toBe('at work');
  });

  test('losses of another class than that of now are named otherwise', async () => {
    const keys = [key(), key()];
    await worker(keys[0], { matmul: 'bfloat16' });
    const first = await fleet(keys);
    const { lossClass } = first;
    await worker(keys[1]);
    await first.close();
    const other = await fleet(keys, { wanted: { precision: 'float32' } });
    expect(other.lossClass).not.toBe(lossClass);
    const of = { sha256: 'a', keep: Uint32Array.of(1), seed: 1, competition, evaluation: { sha256: 'e' } };
    const facts = { baseSha256: 'base', precision: { matmul: 'float32' } };
    const keyUnder = (name?: string) => scoreKeys({ ...of, trainer: { ...facts, lossClass: name } }).key;
    expect(new Set([keyUnder(), keyUnder(lossClass), keyUnder(other.lossClass)]).size).toBe(3);
  });

  test('what a new worker finds is not taken where nobody confirms it', async () => {
    const one = await worker();
    const validator = await fleet([one, key()], { recheckOneIn: 8, aliveMs: 1_000 });
    await expect(validator.score(its.world.tasks[0]!)).rejects.toMatchObject({
      code: 'queue-unreachable',
      message: expect.stringContaining('no second worker confirmed it'),
    });
  });

  test('what the first worker found waits for one that comes later to confirm it', async () => {
    const [early, late] = [key(), key()];
    const starting = fleet([early, late], { recheckOneIn: 8, aliveMs: 60_000 });
    const first = await worker(early);
    const validator = await starting;
    const score = validator.score(its.world.tasks[0]!);
    await vi.waitFor(() => expect(first.said.join()).toContain('done uid 0 loss'), WITHIN);
    const second = await worker(late);
    expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[0]!)));
    expect(second.said.join()).toContain('done uid 0 loss');
  });

  test('a comparison that is cut short leaves nothing of a new worker', async () => {
    const [quick, absent] = [key(), key()];
    const starting = fleet([quick, absent], { recheckOneIn: 8, aliveMs: 20_000 });
    const first = await worker(quick);
    const validator = await starting;
    const stop = new AbortController();
    const score = validator.score({ ...its.world.tasks[0]!, signal: stop.signal });
    await vi.waitFor(() => expect(first.said.join()).toContain('done uid 0 loss'), WITHIN);
    stop.abort(new Error('the epoch is over'));
    await expect(score).rejects.toThrow('the epoch is over');
  });

  test('a worker opens what the validator names now, one trainer at a time, and gives back the job that it has', async () => {
    const events: string[] = [];
    const one = await worker({
      async openTrainer({ base: { model } }) {
        events.push(`open ${model}`);
        const trainer = stubTrainer({ baseSha256: model, trainMs: model === 'another' ? 0 : 60_000 });
        return { ...trainer, dispose: () => void events.push(`dispose of ${model}`) };
      },
    });
    const before = await fleet([one]);
    before.score(its.world.tasks[0]!).catch(() => {});
    await vi.waitFor(() => expect(one.said).toContain('begun uid 0'), WITHIN);
    await before.close();
    const now = await fleet([one], { base: { model: 'another' } });
    expect(now.baseSha256).toBe('another');
    expect(await now.score({ ...its.world.tasks[1]!, seed: 9 })).toMatchObject({ ok: true });
    expect(events).toEqual([`open ${TINY_BASE}`, `dispose of ${TINY_BASE}`, 'open another']);
    expect(one.said.join()).toContain('the validator names another base model or recipe: another is loaded');
  });

  test('most of the workers decide what an epoch has in common, to its end and after a restart', async () => {
    const { logger, lines } = logs();
    const keys = [key(), key(), key()];
    const [stray, ...others] = keys;
    await worker(stray, { matmul: 'bfloat16' });
    // It alone is there, and decides until an epoch begins.
    const first = await fleet(keys, { logger });
    expect(first.precision.matmul).toBe('bfloat16');
    const late = await Promise.all(others.map((one) => worker(one)));
    for (const { said } of late) await vi.waitFor(() => expect(said.join()).toContain('its precision is'), WITHIN);
    await first.begin({ seed: 1 });
    expect(first.precision.matmul).toBe('float32');
    expect(lines.join('\n')).toMatch(/worker .* is left aside: its precision is bfloat16/);
    expect(lossOf(await first.score({ ...its.world.tasks[0]!, seed: 1 }))).toEqual(expect.any(Number));
    // Were it asked now, the stray one would be all there is.
    for (const { stop } of late) await stop();
    await first.begin({ seed: 1 });
    await first.close();
    const again = await fleet(keys);
    await again.begin({ seed: 1 });
    expect(again.precision.matmul).toBe('float32');
    await vi.waitFor(async () => {
      await again.begin({ seed: 2 });
      expect(again.precision.matmul).toBe('bfloat16');
    }, WITHIN);
  });

  test('those that are told of and on their way are waited for before the others decide', async () => {
    const keys = [key(), key(), key()];
    const waits: string[] = [];
    const opening = fleet(keys, { gatherMs: 20_000, onWait: (what) => waits.push(what) });
    await worker(keys[0], { matmul: 'bfloat16' });
    await vi.waitFor(() => expect(waits.join()).toContain('1 of 3 workers'), WITHIN);
    await Promise.all(keys.slice(1).map((one) => worker(one)));
    expect((await opening).precision.matmul).toBe('float32');
  });

  test('what the validator wants of its workers counts more than how many they are', async () => {
    const keys = [key(), key()];
    await worker(keys[0]);
    const opening = fleet(keys, { wanted: { precision: 'bfloat16' } });
    const one = await worker(keys[1], { matmul: 'bfloat16' });
    expect((await opening).precision.matmul).toBe('bfloat16');
    await vi.waitFor(() => expect(one.said.join()).toContain('ready'), WITHIN);
  });

  test('two subnets on one server have their own queues, and a worker is told to name one', async () => {
    const keyOfOne = key();
    const opening = [fleet([keyOfOne]), fleet([keyOfOne], { netuid: 97 })];
    await vi.waitFor(async () => {
      const lost = await worker();
      expect((await lost.ended)?.message).toMatch(/several queues here: .* on netuid 9[67].* on netuid 9[67]/);
    }, WITHIN);
    const one = await worker({ ...keyOfOne, netuid: 97 });
    expect(await (await opening[1]!).score(its.world.tasks[0]!)).toMatchObject({ ok: true });
    await one.stop();
    await worker({ ...keyOfOne, netuid: NETUID });
    expect(await (await opening[0]!).score(its.world.tasks[0]!)).toMatchObject({ ok: true });
    expect(one.said.filter((line) => line === 'begun uid 0')).toHaveLength(1);
  });

  test('a worker is found among more notes of strangers than are read', async () => {
    const one = key();
    const { address } = await devHotkey('validator');
    const name = queueName({ genesisHash: GENESIS_HASH, hotkey: address, netuid: NETUID, competition: competition.id });
    const connection = new Redis(its.redis.url, { maxRetriesPerRequest: null });
    const board = new Queue(`${name}-board`, { connection });
    const strangers = async (from: number) => {
      const keys = Array.from({ length: 1_100 }, (_, i) => (from + i).toString(16).padStart(64, '0'));
      await board.addBulk(keys.map((jobId) => ({ name: 'note', data: {}, opts: { jobId: `worker-${jobId}` } })));
    };
    const opening = fleet([one]);
    await strangers(0);
    const last = worker(one);
    await strangers(1_100);
    await last;
    expect(await (await opening).score(its.world.tasks[0]!)).toMatchObject({ ok: true });
    await board.close();
    connection.disconnect();
  });

  test('the evaluation set is put there again where it vanished, and earlier ones are removed', async () => {
    const one = await worker();
    const validator = await fleet([one]);
    const [task, next] = its.world.tasks;
    await validator.score(task!);
    const client = new Redis(its.redis.url);
    const notes = async () => (await client.keys('bull:*-evaluations:evaluation-*')).sort();
    const [before] = await notes();
    await client.del(...(await client.keys('bull:*-evaluations*')));
    await vi.waitFor(async () => expect(await notes()).toEqual([before]), WITHIN);
    const rows = task!.evaluation.rows.slice(1);
    await validator.score({ ...next!, evaluation: { ...task!.evaluation, rows, sha256: 'e'.repeat(64) } });
    const after = await notes();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual([before]);
    client.disconnect();
  });

  test('a dataset that the Hub gives to no worker costs its miner nothing', async () => {
    const validator = await fleet([await worker()]);
    const task = its.world.tasks[0]!;
    const other = { ...task, dataset: { ...task.dataset, sha256: 'f'.repeat(64) } };
    await expect(validator.score(other)).rejects.toMatchObject({ code: 'queue-unreachable' });
  });

  test('jobs outlive a Redis that is killed, and are added again to one that began anew', async () => {
    const keyOfOne = key();
    await worker(keyOfOne, { trainMs: 300 });
    const validator = await fleet([keyOfOne]);
    for (const [i, empty] of [false, true].entries()) {
      const score = validator.score(its.world.tasks[i]!);
      await its.redis.restart({ empty });
      expect(lossOf(await score)).toBe(lossOf(await expected(its.world.tasks[i]!)));
    }
  }, 60_000);

  test('a job that vanishes with all else while a worker holds it ends there, and is done anew', async () => {
    const stub = stubTrainer();
    let trainings = 0;
    const train = async (parameters: TrainParameters) => {
      if (trainings++ > 0) return stub.train(parameters);
      await once(parameters.signal!, 'abort');
      throw parameters.signal!.reason;
    };
    const one = await worker({ openTrainer: async () => ({ ...stub, train }) });
    const validator = await fleet([one]);
    const [task, other] = its.world.tasks as [ScoreTask, ScoreTask];
    const score = validator.score(task);
    await vi.waitFor(() => expect(trainings).toBe(1), WITHIN);
    const client = new Redis(its.redis.url);
    its.closeAfter(async () => client.disconnect());
    await client.flushall();
    expect(lossOf(await score)).toBe(lossOf(await expected(task)));
    expect(trainings).toBe(2);
    expect(await validator.score(other)).toMatchObject({ ok: true });
  }, 60_000);
});

const FAST = WorkerKey.generate();

describe.skipIf(sayIfSkipped('settings of Redis'))('a Redis', () => {
  const opening = (url: string, changed = {}) => openFleet(url, ['a'.repeat(64)], { signal: undefined, ...changed });

  test('that drops entries is refused with the setting to change', async () => {
    const redis = await startRedis({ settings: ['--maxmemory-policy', 'allkeys-lru'] });
    await expect(opening(redis.url)).rejects.toMatchObject({
      code: 'queue-refused',
      message: expect.stringContaining('maxmemory-policy noeviction'),
      facts: { reason: 'eviction', setting: 'maxmemory-policy', value: 'allkeys-lru' },
    });
    await redis.close();
  });

  test('that forgets is refused unless that is allowed', async () => {
    const redis = await startRedis({ appendOnly: false });
    await expect(opening(redis.url)).rejects.toMatchObject({
      code: 'queue-refused',
      facts: { reason: 'persistence', setting: 'appendonly', value: 'no' },
    });
    // Nobody works there: it waits until the signal says otherwise.
    const isWaiting = opening(redis.url, { isVolatile: true, signal: AbortSignal.timeout(1_500) });
    await expect(isWaiting).rejects.toMatchObject({ name: 'TimeoutError' });
    await redis.close();
  });

  test('that asks for a password says so without it, and one that is gone is unreachable', async () => {
    const redis = await startRedis({ settings: ['--requirepass', 'correct-horse'] });
    const error = (await opening(redis.url, { password: 'wrong-battery' }).catch((error) => error)) as FlockOffError;
    expect(error).toMatchObject({ code: 'queue-refused', facts: { reason: 'access' } });
    expect(JSON.stringify([error.message, error.facts])).not.toContain('battery');
    await redis.close();
    const gone = await opening(redis.url, { password: 'correct-horse' }).catch((error) => error);
    expect(gone).toMatchObject({ code: 'queue-unreachable', transient: true });
    expect(gone.message).not.toContain('horse');
  }, 40_000);
});
