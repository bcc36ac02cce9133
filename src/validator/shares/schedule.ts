import { FlockOffError } from '../../errors/flock-off-error.ts';
import { requireNumber } from '../../shared/require-number.ts';
import { MOST_COMPETITIONS } from './blend.ts';

/** What a competition has of a validator's weights from a block on. */
export interface ScheduledShare {
  fromBlock: number;
  /** 0..1. */
  share: number;
}

/** What it has in a block: of the last entry that has begun, 0 before. */
export function shareAt(schedule: ScheduledShare[], block: number): number {
  const begun = schedule.filter(({ fromBlock }) => fromBlock <= block).sort((a, b) => a.fromBlock - b.fromBlock);
  return begun.at(-1)?.share ?? 0;
}

/** Shares are written in decimals, and their sum is not. */
export const SHARES_ROUNDING = 1e-9;

/**
 * Whether competitions can be played together: 64 at most, each once and with one share from a block on, and their shares
 * at most 1 in every block.
 * @throws FlockOffError `bad-argument`.
 * @example
 * const from = (share: number) => [{ fromBlock: 0, share }];
 * requireShares([{ id: 'chat', shares: from(0.7) }, { id: 'code', shares: from(0.3) }]);
 */
export function requireShares(competitions: { id: string; shares: ScheduledShare[] }[]): void {
  if (competitions.length > MOST_COMPETITIONS)
    throw wrong(`${competitions.length} competitions are named`, `name ${MOST_COMPETITIONS} at most`);
  const ids = new Set<string>();
  for (const { id, shares } of competitions) {
    if (ids.has(id)) throw wrong(`competition "${id}" is named twice`, 'name it once');
    ids.add(id);
    const blocks = new Set<number>();
    for (const { fromBlock, share } of shares) {
      requireNumber('share', share, { most: 1 });
      requireNumber('fromBlock', fromBlock, { whole: true });
      if (blocks.has(fromBlock))
        throw wrong(`competition "${id}" has two shares from block ${fromBlock} on`, 'name one of them');
      blocks.add(fromBlock);
    }
  }
  const all = competitions.map(({ shares }) => shares);
  for (const { fromBlock } of all.flat()) {
    const sum = all.reduce((total, schedule) => total + shareAt(schedule, fromBlock), 0);
    if (sum > 1 + SHARES_ROUNDING)
      throw wrong(`the shares of the competitions sum to ${sum} from block ${fromBlock} on`, 'give them 1 at most');
  }
}

function wrong(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: 'shares' } });
}
