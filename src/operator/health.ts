import { snapshotsOf, type ValidatorSnapshot } from './snapshot.ts';

/** What a probe asks, with the reasons for a no. */
export interface Health {
  /** The loop moved within its deadline: a supervisor may leave it alone. */
  healthy: boolean;
  /** Chain fresh, device found: weights would go out. */
  ready: boolean;
  /** One clause each, of what is missing; empty when nothing is. */
  problems: string[];
}

export interface HealthLimits {
  /** Longest time without a step, file or block. Default 40 minutes: a training process is given up after 30. */
  stuckMs?: number;
  /** Oldest head of the chain. Default 5 minutes: the client itself changes nodes after two. */
  chainAgeMs?: number;
}

const STUCK_MS = 2_400_000;
const CHAIN_AGE_MS = 300_000;

/**
 * Whether a validator is well at `nowMs`, by its snapshot. While a fault is waited for, it is healthy and not ready.
 * @example
 * const { healthy, ready, problems } = judgeHealth(watch.snapshot(), Date.now());
 */
export function judgeHealth(
  snapshot: ValidatorSnapshot,
  nowMs: number,
  { stuckMs = STUCK_MS, chainAgeMs = CHAIN_AGE_MS }: HealthLimits = {},
): Health {
  const { movedMs, device, chain, subnet, fault, endedMs } = snapshot;
  const stuck: string[] = [];
  if (endedMs !== null) stuck.push('it has ended');
  const sinceMs = nowMs - Math.max(movedMs, fault?.retryMs ?? 0);
  if (sinceMs > stuckMs) stuck.push(`nothing went on for ${Math.round(sinceMs / 60_000)} minutes`);
  const missing: string[] = [];
  if (device === null) missing.push('no device trains yet');
  if (chain === null) missing.push('the chain has not answered yet');
  else if (nowMs - chain.blockSeenMs > chainAgeMs)
    missing.push(`block ${chain.block} is ${Math.round((nowMs - chain.blockSeenMs) / 60_000)} minutes old`);
  if (subnet && subnet.neuron === null) missing.push('the hotkey is not registered');
  const all = snapshotsOf(snapshot);
  for (const { competition, fault } of all)
    if (fault !== null)
      missing.push(`${all.length > 1 ? `competition ${competition} is ` : ''}interrupted (${fault.code})`);
  return { healthy: stuck.length === 0, ready: stuck.length + missing.length === 0, problems: [...stuck, ...missing] };
}
