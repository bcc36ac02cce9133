import { isCode, messageOf } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';
import type { Outcome } from './outcome.ts';

/**
 * Runs one miner's step and turns a fault that concerns only this step into a postponed outcome: what the Hub does with
 * one repository, or the device with one dataset, neither stops the epoch nor costs its miner anything. Every other
 * fault is thrown.
 */
export async function postponeOnFault<T>(
  step: () => Promise<Checked<T>>,
): Promise<{ kind: 'ready'; value: T } | Outcome> {
  try {
    const result = await step();
    return result.ok ? { kind: 'ready', value: result.value } : { kind: 'rejected', verdict: result.verdict };
  } catch (error) {
    const by = concerns(error);
    if (by === null) throw error;
    return { kind: 'postponed', by, message: messageOf(error) };
  }
}

/** The Hub's word that our own token is not valid (401) concerns everybody. */
function concerns(error: unknown): 'hub' | 'trainer' | null {
  if (isCode(error, 'trainer-failed')) return 'trainer';
  if (isCode(error, 'hub-unreachable')) return 'hub';
  return isCode(error, 'hub-denied') && error.facts.status !== 401 ? 'hub' : null;
}
