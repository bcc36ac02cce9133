/** `npm run bench:fleet -- weights [miners]`: an epoch's weights in one process, and with 1 and 4 workers, to the last bit. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { DatasetChecker, LoraTrainer } from 'flock-off';
import { WorkerKey } from 'flock-off/fleet';
import { TINY_BASE } from 'flock-off/local';
import { epochWith, openMiners } from '../fleet/miners-of-epoch.ts';
import { startRedis } from '../fleet/redis-server.ts';
import { openFleet } from '../fleet/world.ts';
import { closeMachine } from '../validator/miners.ts';

const PROGRAM = fileURLToPath(new URL('../fleet/faults/worker-program.ts', import.meta.url));

export async function compareWeights(count: number): Promise<void> {
  const machine = { trainer: await LoraTrainer.open({ model: TINY_BASE }), checker: new DatasetChecker() };
  const miners = await openMiners({ machine, miners: count });
  const expected = await timed(`${count} miners in one process`, () => epochWith(miners, machine, 'one process'));
  for (const workers of [1, 4]) {
    const redis = await startRedis();
    const opened = await Promise.all(Array.from({ length: workers }, (_, number) => startWorker(number)));
    const keys = opened.map(({ publicKey }) => publicKey);
    const { competition } = await miners.validator();
    const trainer = await openFleet(redis.url, keys, {
      competition,
      aliveMs: 60_000,
      gatherMs: 60_000,
      signal: undefined,
    });
    await miners.forgetWeights();
    const seen = await timed(`with ${workers} workers`, () => epochWith(miners, { trainer }, `${workers} workers`));
    const isSame = JSON.stringify(seen) === JSON.stringify(expected);
    const shares = seen.found.entries.filter(({ weight }) => weight > 0).length;
    console.log(
      `${workers} workers: ${isSame ? 'the same' : 'OTHER'} losses and weights (${shares} with a share) to the last bit`,
    );
    if (!isSame) {
      process.exitCode = 1;
      const others = seen.found.entries.filter((entry, i) => !isDeepStrictEqual(entry, expected.found.entries[i]));
      console.log(JSON.stringify({ others, expected: expected.found.entries }));
      console.log(JSON.stringify([seen.found.baselineLossNatsPerToken, expected.found.baselineLossNatsPerToken]));
      console.log(JSON.stringify([seen.onChain, expected.onChain]));
    }
    await trainer.close();
    for (const { child } of opened) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await redis.close();

    async function startWorker(number: number) {
      const folder = join(miners.folder, `worker-${workers}-${number}`);
      const keyFile = join(folder, 'key.pem');
      const { publicKey } = await WorkerKey.open({ path: keyFile });
      const flags = ['--import', 'tsx', PROGRAM, redis.url, keyFile, folder, miners.hub.url, '0'];
      return { publicKey, child: spawn(process.execPath, flags, { stdio: 'ignore' }) };
    }
  }
  await miners.close();
  closeMachine(machine);
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begunMs = performance.now();
  const value = await work();
  console.log(`${what}: ${((performance.now() - begunMs) / 1000).toFixed(1)} s`);
  return value;
}
