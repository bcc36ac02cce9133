import { isCode, messageOf } from '../errors/flock-off-error.ts';
import type { Checked } from '../schema/verdict.ts';
import type { Outcome, Postponed } from './outcome.ts';

/** What one miner's step came to. */
export type Step<T> = { kind: 'ready'; value: T } | Exclude<Outcome, { kind: 'scored' }>;

/**
 * Runs one miner's step and turns a fault that concerns only this step into a postponed outcome: what the Hub does with
 * one repository, or the device with one dataset, neither stops the epoch nor costs its miner anything. Every other
 * fault is thrown.
 */
export async function postponeOnFault<T>(step: () => Promise<Checked<T> | Postponed>): Promise<Step<T>> {
  try {
    const result = await step();
    if ('kind' in result) return result;
    return result.ok ? { kind: 'ready', value: result.value } : { kind: 'rejected', verdict: result.verdict };
  } catch (error) {
    const by = concerns(error);
    if (by === null) throw error;
    return { kind: 'postponed', by, message: messageOf(error) };
  }
}

/** Whether the Hub could not say something, such as who can read a dataset: that costs nobody anything. */
export function isHubFault(error: unknown): boolean {
  return concerns(error) === 'hub';
}

/** The Hub's word that our own token is not valid (401) concerns everybody. */
function concerns(error: unknown): 'hub' | 'checker' | 'trainer' | 'validator' | null {
  if (isCode(error, 'trainer-failed')) return 'trainer';
  if (isCode(error, 'checker-failed')) return 'checker';
  // What a fleet could not fetch may well be there.
  if (isCode(error, 'queue-unreachable')) return 'validator';
  if (isCode(error, 'hub-unreachable')) return 'hub';
  return isCode(error, 'hub-denied') && error.facts.status !== 401 ? 'hub' : null;
}
