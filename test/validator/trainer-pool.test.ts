import { DatasetChecker, FlockOffError, type Trainer, TrainerPool } from 'flock-off';
import { expect, test } from 'vitest';
import { scorerOf } from '../../src/validator/scorer-of.ts';
import { stubTrainer } from '../fleet/stub-trainer.ts';
import { openTrainer, openWorld } from '../fleet/world.ts';
import { scorerContract } from './scorer-contract.ts';

for (const places of [1, 2])
  scorerContract({
    name: `a pool of ${places}`,
    async open({ checker }) {
      const trainers = await Promise.all(Array.from({ length: places }, openTrainer));
      const close = async () => {
        for (const trainer of trainers) trainer.dispose();
      };
      return { scorer: new TrainerPool({ trainers, checker }), close };
    },
  });

test('trainers whose losses cannot be compared are no pool', async () => {
  const trainer = await openTrainer();
  const checker = new DatasetChecker();
  const { backend, precision, weightStorage, baseSha256 } = trainer;
  const facts = { backend, precision, weightStorage, baseSha256 };
  const like = (changed: object) => Object.assign(Object.create(trainer), { ...facts, ...changed });
  const pool = (changed: object) => () => new TrainerPool({ trainers: [trainer, like(changed)], checker });
  expect(pool({})).not.toThrow();
  expect(pool({ baseSha256: 'another' })).toThrow(/different base models/);
  expect(pool({ precision: { ...precision, matmul: 'bfloat16' } })).toThrow(
    /different precisions: float32 and bfloat16/,
  );
  expect(pool({ backend: { ...backend, cuda: true } })).toThrow(/different kinds of device: the CPU and a GPU/);
  expect(() => new TrainerPool({ trainers: [], checker })).toThrow(/there is no trainer/);
  trainer.dispose();
  checker.close();
});

test('a score carries that memory was too short for the rows of a step as others compute them', async () => {
  const world = await openWorld();
  const { backend, precision, weightStorage, baseSha256 } = world.trainer;
  const inParts: Trainer = {
    ...{ backend, precision, weightStorage, baseSha256 },
    evaluate: (of) => world.trainer.evaluate(of),
    async train(of) {
      const trained = await world.trainer.train(of);
      return trained.ok ? { ...trained, value: { ...trained.value, divided: true } } : trained;
    },
  };
  const measured = async (trainer: Trainer) => {
    const score = await new TrainerPool({ trainers: [trainer], checker: world.checker }).score(world.tasks[0]!);
    return score.ok && score.value.measured;
  };
  expect(await measured(world.trainer)).not.toHaveProperty('divided');
  expect(await measured(inParts)).toHaveProperty('divided', true);
  await world.close();
});

test('a device that fails on known-good work gets no more while there is another, and what it had is done there', async () => {
  const world = await openWorld();
  const { checker, tasks } = world;
  const fault = new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
  let onSick = 0;
  const sick = () => stubTrainer({ fault, onTrain: () => onSick++ });
  const pool = new TrainerPool({ trainers: [sick(), stubTrainer()], checker });
  for (const task of tasks) expect(await pool.score(task)).toMatchObject({ ok: true });
  // One task, and the known-good work.
  expect(onSick).toBe(2);
  // With none left it fails as one alone does.
  await expect(new TrainerPool({ trainers: [sick(), sick()], checker }).score(tasks[0]!)).rejects.toBe(fault);
  // What a dataset does to a device that works costs it nothing.
  const ofDataset = stubTrainer({ fault, probeWorks: true, onTrain: () => onSick++ });
  const sound = new TrainerPool({ trainers: [ofDataset, stubTrainer()], checker });
  await expect(sound.score(tasks[0]!)).rejects.toBe(fault);
  expect(await sound.score(tasks[1]!)).toMatchObject({ ok: true });
  onSick = 0;
  await expect(sound.score(tasks[2]!)).rejects.toBe(fault);
  expect(onSick).toBe(2);
  await world.close();
});

test('a device that fails on the base model gets no more where another one does it, and is kept where none does', async () => {
  const world = await openWorld();
  const { checker, evaluation, tasks } = world;
  const fault = new FlockOffError({ code: 'trainer-failed', what: 'the device is lost' });
  let onSick = 0;
  const sick = (): Trainer => ({
    ...stubTrainer({ onTrain: () => onSick++ }),
    evaluate: async () => {
      onSick++;
      throw fault;
    },
  });
  const pool = new TrainerPool({ trainers: [sick(), sick(), stubTrainer()], checker });
  const base = { evaluation, contextTokens: 48 };
  expect(await pool.evaluateBase(base)).toMatchObject({ ok: true });
  expect(onSick).toBe(2);
  for (const task of tasks) expect(await pool.score(task)).toMatchObject({ ok: true });
  expect(onSick).toBe(2);
  // All of them fail on it: each is asked once, and keeps its place.
  const broken = new TrainerPool({ trainers: [sick(), sick()], checker });
  for (const asked of [4, 6]) {
    await expect(broken.evaluateBase(base)).rejects.toBe(fault);
    expect(onSick).toBe(asked);
  }
  await world.close();
});

test('a trainer that several competitions have in common takes one dataset at a time, with its evaluation', async () => {
  const world = await openWorld();
  const { checker, tasks } = world;
  const stub = stubTrainer();
  const calls: string[] = [];
  let working = 0;
  const alone = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    calls.push(name);
    expect(++working).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    working--;
    return work();
  };
  const trainer = {
    ...stub,
    train: (of: Parameters<Trainer['train']>[0]) => alone('train', () => stub.train(of)),
    evaluate: (of: Parameters<Trainer['evaluate']>[0]) => alone('evaluate', () => stub.evaluate(of)),
  } as unknown as Trainer;
  const scorers = [1, 2].map(() => scorerOf({ trainer, checker }));
  const gone = new AbortController();
  const first = scorers[0]!.score(tasks[0]!);
  const aborted = scorers[1]!.score({ ...tasks[1]!, signal: gone.signal });
  gone.abort(new Error('gone'));
  await expect(aborted).rejects.toThrow('gone');
  await Promise.all([first, scorers[1]!.score(tasks[1]!)]);
  expect(calls).toEqual(['train', 'evaluate', 'train', 'evaluate']);
  await world.close();
});
