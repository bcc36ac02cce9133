/**
 * How fast a fleet is: `npm run bench:fleet`. Workers whose training is a wait, so that two cores can show many.
 * `npm run bench:fleet -- 3` for one of the cases; `npm run bench:fleet -- weights [miners]` compares weights of real
 * training instead.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { REDIS_PROBLEM, startRedis } from '../fleet/redis-server.ts';
import { openFleet, openWorld } from '../fleet/world.ts';
import { compareWeights } from './fleet-weights.ts';

/** Workers that share a process. */
const PER_PROCESS = 50;

if (REDIS_PROBLEM !== null) {
  console.log(`skipped: ${REDIS_PROBLEM}`);
  process.exit(0);
}
const [what, miners = '32'] = process.argv.slice(2);
if (what === 'weights') {
  await compareWeights(Number(miners));
  process.exit();
}
const world = await openWorld({ datasets: 1 });
console.log(`${cpus().length} cores of ${cpus()[0]?.model}`);
const CASES = [
  { workers: 1, jobs: 100, trainMs: 0, what: 'jobs that take no time, 1 worker' },
  { workers: 1, jobs: 32, trainMs: 1_000, what: '32 jobs of a second, 1 worker' },
  { workers: 4, jobs: 32, trainMs: 1_000, what: '32 jobs of a second, 4 workers' },
  { workers: 200, jobs: 2_000, trainMs: 10_000, what: '2,000 jobs of ten seconds, 200 workers' },
];
for (const [number, one] of CASES.entries()) if (what === undefined || what === `${number}`) await measure(one);
await world.close();
process.exit(0);

interface MeasureParameters {
  workers: number;
  jobs: number;
  trainMs: number;
  what: string;
}

async function measure({ workers, jobs, trainMs, what }: MeasureParameters): Promise<void> {
  const redis = await startRedis();
  const children: ChildProcess[] = [];
  const keys: string[] = [];
  for (let left = workers; left > 0; left -= PER_PROCESS) {
    const argv = [redis.url, world.hub.url, world.folder, Math.min(left, PER_PROCESS), trainMs].map(String);
    const child = fork(fileURLToPath(new URL('fleet-workers.ts', import.meta.url)), argv);
    children.push(child);
    const [theirs] = (await once(child, 'message')) as [string[]];
    keys.push(...theirs);
  }
  const ready = Promise.all(children.map((child) => once(child, 'message')));
  const fleet = await openFleet(redis.url, keys, {
    ...{ recheckOneIn: 0, lookMs: 5_000, aliveMs: 60_000, gatherMs: 0, signal: AbortSignal.timeout(240_000) },
  });
  await ready;
  const tasks = Array.from({ length: jobs }, (_, i) => ({ ...world.tasks[0]!, key: i.toString(16).padStart(64, '0') }));
  const idle = fork(fileURLToPath(new URL('idle.ts', import.meta.url)));
  await once(idle, 'message');
  const delay = monitorEventLoopDelay({ resolution: 2 });
  idle.send('begin');
  delay.enable();
  const begunMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const scores = await Promise.all(tasks.map((task) => fleet.score(task)));
  const tookMs = performance.now() - begunMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  delay.disable();
  idle.send('end');
  const [idleMs] = (await once(idle, 'message')) as [number];
  idle.kill();
  const trained = Promise.all(children.map(async (child) => ((await once(child, 'message')) as [number])[0]));
  for (const child of children) child.send('stop');
  const trainings = (await trained).reduce((sum, one) => sum + one, 0);
  const idealMs = (trainMs * jobs) / workers;
  const share = idealMs > 0 ? `${(tookMs / idealMs).toFixed(3)} of the ideal share, ` : '';
  const besideMs = ((tookMs - idealMs) * workers) / jobs;
  const results = scores.filter(({ ok }) => ok).length;
  console.log(
    `${what}: ${(tookMs / 1000).toFixed(2)} s, ${share}${besideMs.toFixed(1)} ms of a worker beside each job; ${results} results of ${trainings} trainings; event loop p99 of the validator ${(delay.percentile(99) / 1e6).toFixed(1)} ms, of an idle process beside it ${idleMs.toFixed(1)} ms; ${((user + system) / 1000 / jobs).toFixed(1)} ms of processor time of the validator a job`,
  );
  await fleet.close();
  for (const child of children) child.kill('SIGKILL');
  await redis.close();
}
