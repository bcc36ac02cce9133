import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScoreTask, TrainParameters } from 'flock-off';
import { parseQueueAddress, WorkerKey } from 'flock-off/fleet';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { QueueServer } from '../../src/fleet/queue-server.ts';
import { queueName } from '../../src/fleet/wire.ts';
import { devHotkey } from '../chain/dev-hotkey.ts';
import { POSTGRES_PROBLEM, startPostgres } from './postgres-server.ts';
import { REDIS_PROBLEM, sayIfSkipped, startRedis } from './redis-server.ts';
import { stubTrainer } from './stub-trainer.ts';
import { competition, GENESIS_HASH, NETUID, openFleet, openWorld, startWorker, type World } from './world.ts';

const PROGRAM = fileURLToPath(new URL('deadly-worker.ts', import.meta.url));
const EARLY = 'data:text/javascript,const now = Date.now; Date.now = () => now() + 3600e3;';

const WITHIN = { timeout: 60_000, interval: 100 };

sayIfSkipped('a worker whose clock is early');

describe.each([
  ['Redis', REDIS_PROBLEM, startRedis],
  ['PostgreSQL', POSTGRES_PROBLEM, startPostgres],
] as const)('on %s', (_server, problem, start) => {
  describe.skipIf(problem !== null)('a worker whose clock is an hour early', () => {
    let world: World;
    let server: { url: string; close(): Promise<void> };
    beforeAll(async () => {
      world = await openWorld({ datasets: 1 });
      server = await start();
    });
    afterAll(async () => {
      await server?.close();
      await world?.close();
    });

    test('leaves to the other one what it may not confirm itself', async () => {
      const { url } = server;
      const folder = join(world.folder, 'early');
      const keyFile = join(folder, 'key.pem');
      const { publicKey } = await WorkerKey.open({ path: keyFile });
      const trainer = stubTrainer();
      let letGo = () => {};
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const busy = await startWorker(world, url, {
        openTrainer: async () => ({
          ...trainer,
          train: async (parameters: TrainParameters) => held.then(() => trainer.train(parameters)),
        }),
      });
      const keys = [publicKey, busy.key.publicKey];
      const signal = AbortSignal.timeout(150_000);
      const fleet = await openFleet(url, keys, { recheckOneIn: 0, aliveMs: 30_000, signal });
      const [task] = world.tasks as [ScoreTask];
      const score = fleet.score(task);
      await vi.waitFor(() => expect(busy.said).toContain('begun uid 0'), WITHIN);
      const flags = ['--import', 'tsx', '--import', EARLY, PROGRAM, url, keyFile, folder, world.hub.url, 'none'];
      const early = spawn(process.execPath, flags, { stdio: 'ignore' });
      const { contextTokens } = competition.recipe;
      const base = fleet.evaluateBase({ evaluation: task.evaluation, contextTokens });
      // It has found the loss, and gets the job to confirm it again and again.
      const { address } = await devHotkey('validator');
      const name = queueName({
        ...{ genesisHash: GENESIS_HASH, netuid: NETUID },
        hotkey: address,
        competition: competition.id,
      });
      const looking = await QueueServer.open({ address: parseQueueAddress({ url }) });
      const queue = looking.queue(name);
      await vi.waitFor(async () => {
        const ids = await queue.getRanges(['waiting', 'prioritized', 'active', 'delayed'], 0, -1);
        expect(ids.some((id: string) => /^base-.*-1$/.test(id))).toBe(true);
      }, WITHIN);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      letGo();
      expect(await score).toMatchObject({ ok: true });
      expect(await base).toMatchObject({ ok: true });
      expect(busy.said.join()).toContain('done the base model loss');
      await looking.close();
      await busy.stop();
      await fleet.close();
      early.kill('SIGKILL');
      await once(early, 'exit');
    }, 180_000);
  });
});
