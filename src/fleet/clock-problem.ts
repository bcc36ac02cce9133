/**
 * Of the time that a job is held: how far a worker's clock may be off. Each lock has at least half of it left, so that two
 * workers at both ends take no job from each other.
 */
const SHARE = 1 / 8;
/** Of that: one that was off is taken back below it, so that none comes and goes at the limit. */
const BACK_BELOW = 0.8;

/**
 * Why a worker whose clock is so far ahead of the server's can hold no jobs, where the server counts by clocks of workers: a
 * clause; `null` where it can.
 * @param wasOff Whether it could not when it was looked at last.
 */
export function clockProblem(aheadMs: number, lockMs: number, wasOff: boolean): string | null {
  if (Math.abs(aheadMs) <= lockMs * SHARE * (wasOff ? BACK_BELOW : 1)) return null;
  const side = aheadMs > 0 ? 'ahead of' : 'behind';
  return `its clock is ${durationText(Math.abs(aheadMs))} ${side} that of the queue's server, by which jobs are held: set right whichever of the two is wrong`;
}

function durationText(durationMs: number): string {
  return durationMs < 90_000 ? `${Math.round(durationMs / 1_000)} s` : `${Math.round(durationMs / 60_000)} minutes`;
}
