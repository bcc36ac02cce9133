import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { childEnvironment } from '../../shared/child-environment.ts';
import type { BackendInfo } from '../engine/tensorflow.ts';

/** Reserve for other programs, and for errors of the estimate. */
const RESERVE = 0.1;

/** Bytes that a run may allocate on its device: what is free now, in a container within its limit. */
export async function freeMemoryBytes({ cuda }: Pick<BackendInfo, 'cuda'>): Promise<number> {
  const free = cuda ? await freeOnGpu() : Math.min(freeOnMachine(), await freeInContainer());
  return (1 - RESERVE) * free;
}

/** Systems other than Linux count caches as used, such as those of files that were read. */
function freeOnMachine(): number {
  return process.platform === 'linux' ? freemem() : totalmem();
}

/**
 * What the container's limit leaves. The page cache, mapped base weights included, counts as used until it is reclaimed:
 * only anonymous memory is subtracted.
 */
async function freeInContainer(): Promise<number> {
  const limit = process.constrainedMemory();
  if (!limit || limit >= totalmem()) return Number.POSITIVE_INFINITY;
  for (const [path, field] of [
    ['/sys/fs/cgroup/memory.stat', 'anon'],
    ['/sys/fs/cgroup/memory/memory.stat', 'total_rss'],
  ] as const) {
    const statistics = await readFile(path, 'utf8').catch(() => '');
    const used = new RegExp(`^${field} (\\d+)$`, 'm').exec(statistics);
    if (used) return limit - Number(used[1]);
  }
  return limit - process.memoryUsage.rss();
}

/** Of the first GPU that this process may use, or no limit where the driver's tool does not say. */
async function freeOnGpu(): Promise<number> {
  const [device = '0'] = (process.env.CUDA_VISIBLE_DEVICES || '0').split(',');
  const query = ['--query-gpu=memory.free', '--format=csv,noheader,nounits', `--id=${device}`];
  const mebibytes = await promisify(execFile)('nvidia-smi', query, {
    timeout: 10_000,
    env: childEnvironment({ env: process.env }),
  }).then(
    ({ stdout }) => Number.parseInt(stdout, 10),
    () => Number.NaN,
  );
  return Number.isFinite(mebibytes) ? mebibytes * 2 ** 20 : Number.POSITIVE_INFINITY;
}
