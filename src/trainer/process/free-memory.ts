import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { BackendInfo } from '../engine/tensorflow.ts';
import { askNvidiaSmi } from './nvidia-smi.ts';

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

/** Without a limit where the driver's tool does not say. */
async function freeOnGpu(): Promise<number> {
  const mebibytes = await askNvidiaSmi('memory.free');
  return mebibytes === null ? Number.POSITIVE_INFINITY : mebibytes * 2 ** 20;
}
