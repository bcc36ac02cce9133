import type { ApiPromise } from '@polkadot/api';

/** Where the next block stands in a commit's reveal window. */
export type RevealWindow = 'early' | 'open' | 'late';

interface StoredCommits {
  isSome: boolean;
  unwrap(): Iterable<[{ toHex(): string }, ...{ toNumber(): number }[]]>;
}

/**
 * The unrevealed hash commits of a hotkey, by hash. Runtimes with modulo epochs store the first and last block of the
 * reveal window; those with stored epochs store the commit's epoch, and the window is one epoch, `revealPeriodEpochs` later.
 */
export async function readWeightCommits(api: ApiPromise, netuid: number, hotkey: string): Promise<Map<string, RevealWindow>> {
  const query = api.query.subtensorModule!;
  const stored = (await query.weightCommits!(netuid, hotkey)) as unknown as StoredCommits;
  const commits = stored.isSome ? [...stored.unwrap()] : [];
  const position = query.subnetEpochIndex === undefined ? await blockPosition(api) : await epochPosition(api, netuid);
  return new Map(commits.map(([hash, ...numbers]) => [hash.toHex(), position(numbers.map((number) => number.toNumber()))]));
}

type Position = (numbers: number[]) => RevealWindow;

async function blockPosition(api: ApiPromise): Promise<Position> {
  const next = Number((await api.query.system!.number!()).toString()) + 1;
  return ([, first = 0, last = 0]) => windowOf(next, first, last);
}

async function epochPosition(api: ApiPromise, netuid: number): Promise<Position> {
  const query = api.query.subtensorModule!;
  const [epoch, period] = await Promise.all([query.subnetEpochIndex!(netuid), query.revealPeriodEpochs!(netuid)]);
  const current = Number(epoch.toString());
  return ([committed = 0]) => {
    const due = committed + Number(period.toString());
    return windowOf(current, due, due);
  };
}

function windowOf(now: number, first: number, last: number): RevealWindow {
  return now < first ? 'early' : now > last ? 'late' : 'open';
}
