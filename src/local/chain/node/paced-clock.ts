import type { Clock } from '../../../shared/clock.ts';

/**
 * The system's time, but a block time later at each call at least: blocks that are made faster than that come from the
 * future, so that whatever goes by time (the beacon's rounds) keeps up with what goes by blocks (epochs).
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
