import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BackendInfo } from './tensorflow.ts';

/** Left to others, and to what the estimate of a run's memory does not know. */
const RESERVE = 0.1;

/** Bytes that a run may take on the device that computes: what is free now, in a container what its limit leaves. */
export async function freeMemoryBytes({ cuda }: Pick<BackendInfo, 'cuda'>): Promise<number> {
  const free = cuda ? await freeOnGpu() : process.availableMemory();
  return (1 - RESERVE) * free;
}

/** Of the first GPU that this process may use, or no limit where the driver's tool does not say. */
async function freeOnGpu(): Promise<number> {
  const [device = '0'] = (process.env.CUDA_VISIBLE_DEVICES || '0').split(',');
  const query = ['--query-gpu=memory.free', '--format=csv,noheader,nounits', `--id=${device}`];
  const mebibytes = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 }).then(
    ({ stdout }) => Number.parseInt(stdout, 10),
    () => Number.NaN,
  );
  return Number.isFinite(mebibytes) ? mebibytes * 2 ** 20 : Number.POSITIVE_INFINITY;
}
