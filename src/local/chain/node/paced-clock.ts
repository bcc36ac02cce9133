import type { Clock } from '../../../shared/clock.ts';

/**
 * The system's time, but at least a block time later at each call: blocks that are produced faster than that have times
 * in the future, so that what goes by time (the beacon's rounds) keeps up with what goes by blocks (epochs).
 */
export function pacedClock(system: Clock, blockTimeMs: number): Clock {
  let last = Number.NEGATIVE_INFINITY;
  return {
    ...system,
    nowMs: () => {
      last = Math.max(system.nowMs(), last + blockTimeMs);
      return last;
    },
  };
}
