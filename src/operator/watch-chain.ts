import type { ValidatorChain } from '../chain/chain.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { ChainListener } from './validator-watch.ts';

export interface WatchChainParameters {
  watch: ChainListener;
  subtensor: Pick<ValidatorChain, 'epoch' | 'metagraph'>;
  netuid: number;
  /** Between two looks at the head. Default 12 s, a block. */
  everyMs?: number;
  clock?: Clock;
  signal: AbortSignal;
}

const HEAD_MS = 12_000;
/** A metagraph is two round trips of some 100 kB. */
const SUBNET_MS = 600_000;

/**
 * Tells a watch where the chain is until the signal aborts, so that what is shown is not as old as the last step of the
 * epoch. A fault is counted, and asked again.
 * @example
 * await watchChain({ watch, subtensor, netuid, signal });
 */
export async function watchChain(parameters: WatchChainParameters): Promise<void> {
  const { watch, subtensor, netuid, everyMs = HEAD_MS, clock = systemClock, signal } = parameters;
  let subnetReadMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      watch.sawPosition(await subtensor.epoch({ netuid, signal }));
      if (clock.nowMs() - subnetReadMs >= SUBNET_MS) {
        watch.sawSubnet(await subtensor.metagraph({ netuid, signal }));
        subnetReadMs = clock.nowMs();
      }
    } catch (error) {
      if (!signal.aborted) watch.chainFailed(error);
    }
    await clock.sleep({ durationMs: everyMs, signal }).catch(() => {});
  }
}
