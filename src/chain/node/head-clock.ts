import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Clock } from '../../shared/clock.ts';

export interface HeadClockParameters {
  /** The node, as it is named in errors. */
  url: string;
  /** Largest accepted difference; Infinity turns the check off. */
  maxDifferenceMs: number;
  clock: Clock;
  /** Whether a chain of this genesis block is known to be years old, so that only a syncing node is at its start. */
  isPublicChain: boolean;
  /** Called with what {@link HeadClock.require} throws. */
  onWrong: (error: FlockOffError) => void;
}

/**
 * Compares the timestamp of a node's best block with this machine's clock. A node that is syncing announces new heads and
 * answers every request, but from a state of days ago: only the timestamp shows it.
 */
export class HeadClock {
  readonly #parameters: HeadClockParameters;
  #comparedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parameters: HeadClockParameters) {
    this.#parameters = parameters;
  }

  /** Whether the last comparison is too old to rely on. */
  get isDue(): boolean {
    const { clock, maxDifferenceMs } = this.#parameters;
    return clock.nowMs() - this.#comparedAtMs > maxDifferenceMs / 2;
  }

  /**
   * @param timeMs Unix milliseconds, from the state of the best block; 0 before the first block that has a time.
   * @returns FlockOffError `chain-unreachable` (transient) where it is too far from this machine's time, else `null`.
   */
  compare(timeMs: number): FlockOffError | null {
    const { url, maxDifferenceMs, clock, isPublicChain } = this.#parameters;
    const nowMs = clock.nowMs();
    this.#comparedAtMs = nowMs;
    if (timeMs === 0 && !isPublicChain) return null;
    const behindMs = nowMs - timeMs;
    if (Math.abs(behindMs) <= maxDifferenceMs) return null;
    const difference = `${inWords(Math.abs(behindMs))} ${behindMs > 0 ? 'behind' : 'ahead of'} this machine's clock`;
    return new FlockOffError({
      code: 'chain-unreachable',
      what: `the node at ${url} is ${difference}: its best block says ${utc(timeMs)}, the clock ${utc(nowMs)}, at most ${inWords(maxDifferenceMs)} apart is accepted`,
      fix:
        behindMs > 0
          ? `either the node is still syncing (wait, or use another endpoint: --subtensor.chain_endpoint) or this machine's clock is wrong (set it); ${SWITCH_OFF}`
          : `set this machine's clock; ${SWITCH_OFF}`,
      facts: { url, chainTimeMs: timeMs, nowMs, maxClockDifferenceMs: maxDifferenceMs },
      transient: true,
    });
  }

  /** @throws FlockOffError as {@link HeadClock.compare} returns it. */
  require(timeMs: number): void {
    const wrong = this.compare(timeMs);
    if (wrong === null) return;
    this.#parameters.onWrong(wrong);
    throw wrong;
  }
}

const SWITCH_OFF = 'for a development chain that keeps its own time: --max_clock_difference off';

const UNITS: [name: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** Such as "9 days", "2.5 hours" or "1 second". */
function inWords(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, length]) => ms >= length) ?? ['second', 1_000];
  const count = Math.round((ms / unitMs) * 10) / 10;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A node may send any number: one that is no valid date is shown as it is. */
function utc(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return `${ms} ms after 1970`;
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
