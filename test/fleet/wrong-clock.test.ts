import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScoreTask, TrainParameters } from 'flock-off';
import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { clockProblem } from '../../src/fleet/clock-problem.ts';
import { queueName } from '../../src/fleet/names.ts';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { POSTGRES_PROBLEM, startPostgres } from './postgres-server.ts';
import { REDIS_PROBLEM, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { competition, GENESIS_HASH, logs, NETUID, openFleet, openWorld, startWorker, type World } from './world.ts';

const PROGRAM = fileURLToPath(new URL('deadly-worker.ts', import.meta.url));
/** So many milliseconds early, until it is told that the clock was set right. */
const clock = (earlyMs: number) =>
  `data:text/javascript,const now = Date.now; let early = ${earlyMs}; process.on('SIGUSR2', () => { early = 0; }); Date.now = () => now() + early;`;
const HOUR_MS = 3_600_000;

const WITHIN = { timeout: 60_000, interval: 100 };

sayIfSkipped('a worker whose clock is wrong');

test('a clock may be off by an eighth of the time that a job is held, and comes back below four fifths of that', () => {
  expect([clockProblem(15_000, 120_000, false), clockProblem(-15_000, 120_000, false)]).toEqual([null, null]);
  expect(clockProblem(16_000, 120_000, false)).toBe(
    "its clock is 16 s ahead of that of the queue's server, by which jobs are held: set right whichever of the two is wrong",
  );
  expect(clockProblem(-HOUR_MS, 120_000, false)).toContain('its clock is 60 minutes behind that of');
  expect(clockProblem(13_000, 120_000, true)).toContain('its clock is 13 s ahead of');
  expect([clockProblem(12_000, 120_000, true), clockProblem(-12_000, 120_000, true)]).toEqual([null, null]);
});

describe('a worker whose clock is an hour off', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let world: World;
  beforeAll(async () => {
    world = await openWorld({ datasets: 2 });
  });
  afterAll(() => world.close());
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function startServer(start: () => Promise<{ url: string; close(): Promise<void> }>): Promise<string> {
    const server = await start();
    closing.push(() => server.close());
    return server.url;
  }
  /** A worker of a process of its own. */
  async function startWrong(url: string, earlyMs: number) {
    const folder = join(world.folder, `early-${earlyMs}-${closing.length}`);
    const keyFile = join(folder, 'key.pem');
    const { publicKey } = await WorkerKey.open({ path: keyFile });
    const start = () => {
      const flags = ['--import', 'tsx', '--import', clock(earlyMs), PROGRAM, url, keyFile, folder, world.hub.url];
      const child: ChildProcess = spawn(process.execPath, [...flags, 'none'], { stdio: ['ignore', 'pipe', 'ignore'] });
      let text = '';
      child.stdout?.on('data', (data) => {
        text += data;
      });
      closing.push(async () => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      });
      return { said: () => text, setRight: () => child.kill('SIGUSR2') };
    };
    return { publicKey, start };
  }
  /** One that is at its first job until it is let go. */
  async function startBusy(url: string) {
    const trainer = stubTrainer();
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const train = async (parameters: TrainParameters) => held.then(() => trainer.train(parameters));
    const busy = await startWorker(world, url, { openTrainer: async () => ({ ...trainer, train }) });
    closing.push(() => busy.stop());
    return { ...busy, letGo };
  }

  test.skipIf(REDIS_PROBLEM !== null)(
    'leaves to the other one what it may not confirm itself, on Redis',
    async () => {
      const url = await startServer(startRedis);
      const early = await startWrong(url, HOUR_MS);
      const busy = await startBusy(url);
      const fleet = await openFleet(url, [early.publicKey, busy.key.publicKey], {
        ...{ recheckOneIn: 0, aliveMs: 30_000, signal: AbortSignal.timeout(150_000) },
      });
      closing.push(() => fleet.close());
      const [task] = world.tasks as [ScoreTask];
      const score = fleet.score(task);
      await vi.waitFor(() => expect(busy.said).toContain('begun uid 0'), WITHIN);
      const { said } = early.start();
      const { contextTokens } = competition.recipe;
      const base = fleet.evaluateBase({ evaluation: task.evaluation, contextTokens });
      // It has found the loss, and gets the job to confirm it again and again.
      const { address } = await devHotkey('validator');
      const of = { genesisHash: GENESIS_HASH, netuid: NETUID, hotkey: address, competition: competition.id };
      const looking = await QueueServer.open({ address: parseQueueAddress({ url }) });
      closing.push(() => looking.close());
      const queue = looking.queue(queueName(of));
      await vi.waitFor(async () => {
        const ids = await queue.getRanges(['waiting', 'prioritized', 'active', 'delayed'], 0, -1);
        expect(ids.some((id: string) => /^base-.*-1$/.test(id))).toBe(true);
      }, WITHIN);
      // Longer than the time for which a job is held.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      busy.letGo();
      expect(await score).toMatchObject({ ok: true });
      expect(await base).toMatchObject({ ok: true });
      expect(busy.said.join()).toContain('done the base model loss');
      expect(busy.said.join()).toContain('done uid 0 loss');
      expect(said()).not.toContain('begun uid 0');
    },
    180_000,
  );

  test.skipIf(POSTGRES_PROBLEM !== null)(
    'takes no job and none from another on PostgreSQL, which counts by it, says so on both sides, and works once it is right',
    async () => {
      const url = await startServer(startPostgres);
      const [early, late] = [await startWrong(url, HOUR_MS), await startWrong(url, -HOUR_MS)];
      const busy = await startBusy(url);
      const { logger, lines } = logs();
      const fleet = await openFleet(url, [early.publicKey, late.publicKey, busy.key.publicKey], {
        ...{ recheckOneIn: 0, aliveMs: 30_000, logger, signal: AbortSignal.timeout(150_000) },
      });
      closing.push(() => fleet.close());
      const [task, next] = world.tasks as [ScoreTask, ScoreTask];
      const score = fleet.score(task);
      await vi.waitFor(() => expect(busy.said).toContain('begun uid 0'), WITHIN);
      const wrong = [early.start(), late.start()] as const;
      for (const [i, side] of ['ahead of', 'behind'].entries())
        await vi.waitFor(() => {
          const why = `its clock is 60 minutes ${side} that of the queue's server`;
          expect(wrong[i]?.said()).toContain(why);
          expect(lines.join('\n')).toContain(`takes no jobs: ${why}`);
        }, WITHIN);
      busy.letGo();
      expect(await score).toMatchObject({ ok: true });
      await busy.stop();
      expect(wrong.map(({ said }) => said()).join()).not.toMatch(/ready|begun/);
      wrong[1].setRight();
      expect(await fleet.score(next)).toMatchObject({ ok: true });
      expect(wrong[1].said()).toContain('done uid 1 loss');
      expect(wrong[0].said()).not.toMatch(/ready|begun/);
    },
    180_000,
  );
});
