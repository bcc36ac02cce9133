import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatasetChecker } from '../../../src/dataset/checker/dataset-checker.ts';

export interface Measured<T> {
  value: T;
  ms: number;
  /** Of processors, by the checking process. What other programs do on the machine hardly changes it. */
  cpuMs: number | null;
  /** Most memory of the checking process; `null` where the system does not say. */
  peakMiB: number | null;
  /** How late this process's event loop was, at most in 999 of 1000 looks. */
  loopMs: number;
  /** The most that this process computed between two looks of a timer: what other programs do does not change that. */
  turnMs: number;
}

/** Does something with a new checking process. */
export async function measured<T>(work: (checker: DatasetChecker) => Promise<T>): Promise<Measured<T>> {
  let pid = 0;
  const debug = (line: string) => {
    pid ||= Number(/process (\d+): started/.exec(line)?.[1] ?? 0);
  };
  const checker = new DatasetChecker({ logger: { debug, info() {}, warn() {}, error() {} } });
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  let [turnMs, before] = [0, process.cpuUsage()];
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    turnMs = Math.max(turnMs, (user + system) / 1000);
    before = process.cpuUsage();
  }, 1);
  const startMs = performance.now();
  try {
    const value = await work(checker);
    const ms = performance.now() - startMs;
    loop.disable();
    const loopMs = loop.percentile(99.9) / 1e6;
    return { value, ms, cpuMs: await cpuMsOf(pid), peakMiB: await peakMiBOf(pid), loopMs, turnMs };
  } finally {
    clearInterval(timer);
    checker.close();
  }
}

/** How late the event loop is with nothing to do. */
export async function idleLoopMs(forMs: number): Promise<number> {
  const loop = monitorEventLoopDelay({ resolution: 5 });
  loop.enable();
  await new Promise((resolve) => setTimeout(resolve, forMs));
  loop.disable();
  return loop.percentile(99.9) / 1e6;
}

async function peakMiBOf(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return kib === undefined ? null : Number(kib) / 1024;
}

/** In Linux's ticks of 10 ms. */
async function cpuMsOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14);
  return user === undefined ? null : 10 * (Number(user) + Number(system));
}
