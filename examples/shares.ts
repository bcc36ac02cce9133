import { FlockOffError, type ScheduledShare } from 'flock-off';
import { names } from './options.ts';

/** A competition that `--competition` names, as it is written there. */
export interface NamedShare {
  /** `org/name@sha`. */
  reference: string;
  /** `null` where the flag says none: it is the only one. */
  shares: ScheduledShare[] | null;
}

/** Of one flag, or several with commas between, as a settings file has them. */
export function collectNames(text: string, before: string[] = []): string[] {
  return [...before, ...names(text)];
}

/**
 * Reads `org/name@sha`, or several of `org/name@sha=0.7`, or `org/name@sha=0.5@from=4000000` for a share from a block on; the
 * same competition may be named again with another share from a later block.
 * @throws FlockOffError `bad-argument`.
 */
export function namedShares(names: string[]): NamedShare[] {
  const [only] = names;
  if (names.length === 1 && only !== undefined && !only.includes('=')) return [{ reference: only, shares: null }];
  const named = new Map<string, ScheduledShare[]>();
  for (const name of names) {
    const [, reference = '', share, from = '0'] =
      /^([^=]*)=(0?\.\d+|[01](?:\.0*)?)(?:@from=(\d{1,10}))?$/.exec(name) ?? [];
    if (share === undefined) throw noShare(name);
    named.set(reference, [...(named.get(reference) ?? []), { fromBlock: Number(from), share: Number(share) }]);
  }
  return [...named].map(([reference, shares]) => ({ reference, shares }));
}

/** Whether a competition may be named before it counts: it has a share only from then on. */
export function beginsWith(countsFromBlock: number, shares: ScheduledShare[] | null): boolean {
  return shares?.every(({ fromBlock, share }) => share === 0 || fromBlock >= countsFromBlock) ?? false;
}

function noShare(name: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `"${name.slice(0, 200)}" names no share from 0 to 1, which each of several competitions has`,
    fix: 'pass such as --competition org/a@sha=0.7 --competition org/b@sha=0.3, or org/a@sha=0.5@from=4000000 from a block on',
    facts: { name: '--competition', value: name },
  });
}
