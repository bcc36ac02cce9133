import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';
import type { Outcome } from './report.ts';

/**
 * Runs one miner's step and turns a passing fault of the hub into a postponed outcome, so that one unreachable
 * repository neither stops the epoch nor costs its miner anything. Every other fault is thrown.
 */
export async function postponeOnFault<T>(
  step: () => Promise<Checked<T>>,
): Promise<{ kind: 'ready'; value: T } | Outcome> {
  try {
    const result = await step();
    return result.ok ? { kind: 'ready', value: result.value } : { kind: 'rejected', verdict: result.verdict };
  } catch (error) {
    if (error instanceof FlockOffError && error.code === 'hub-unreachable')
      return { kind: 'postponed', message: error.message };
    throw error;
  }
}
