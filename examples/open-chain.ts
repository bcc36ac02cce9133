import { Subtensor } from 'flock-off';
import type { CommonOptions } from './options.ts';
import { tellWait } from './tell-wait.ts';

/** The chain that the flags name; while no node of it answers, it is waited for and said so. */
export function openChain(options: CommonOptions, signal?: AbortSignal): Promise<Subtensor> {
  const { chainEndpoints: endpoints, network, maxClockDifferenceMs, logger } = options;
  const onWait = tellWait('the chain', logger);
  return Subtensor.open({ endpoints, network, maxClockDifferenceMs, wait: true, onWait, signal, logger });
}
