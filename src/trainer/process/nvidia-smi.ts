import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnvironment } from '../../shared/child-environment.ts';

/** A number about the first GPU that this process may use, or `null` where the driver's tool does not say. */
export async function askNvidiaSmi(field: 'memory.free' | 'compute_cap'): Promise<number | null> {
  const [device = '0'] = (process.env.CUDA_VISIBLE_DEVICES || '0').split(',');
  const query = [`--query-gpu=${field}`, '--format=csv,noheader,nounits', `--id=${device}`];
  const options = { timeout: 10_000, env: childEnvironment({ env: process.env }) };
  const answer = await promisify(execFile)('nvidia-smi', query, options).then(
    ({ stdout }) => Number.parseFloat(stdout),
    () => Number.NaN,
  );
  return Number.isFinite(answer) ? answer : null;
}
