import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { BackendInfo } from '../engine/tensorflow.ts';
import { askNvidiaSmi } from './nvidia-smi.ts';

/** Reserve for other programs, and for errors of the estimate. */
const RESERVE = 0.1;

/** Bytes that a run may take on the device that computes: what is free now, in a container what its limit leaves. */
export async function freeMemoryBytes({ cuda }: Pick<BackendInfo, 'cuda'>): Promise<number> {
  const free = cuda ? await freeOnGpu() : Math.min(freeOnMachine(), await freeInContainer());
  return (1 - RESERVE) * free;
}

/** Other systems than Linux count as used what they only keep for later, such as files that were read. */
function freeOnMachine(): number {
  return process.platform === 'linux' ? freemem() : totalmem();
}

/**
 * What the container's limit leaves. Files that were read, base weights among them, count as used until somebody else needs
 * the room: only memory that is not a file's is subtracted.
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
