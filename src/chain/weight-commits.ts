import { epochPosition, epochReads, epochWindow, hasStoredEpochs } from './epoch-schedule.ts';
import { type Snapshot, type StorageRead, toItems, toNullable, toNumber } from './snapshot.ts';

/** An unrevealed hash commit on the chain. */
export interface WeightCommit {
  /** First and last block that may hold its reveal; foreseen, where the runtime stores its epochs. */
  revealFromBlock: number;
  revealUntilBlock: number;
  /** Whether a reveal sent now lands before, inside or after that window. */
  window: 'early' | 'open' | 'late';
}

/** The unrevealed hash commits of a hotkey, by hash, and the block they were read at. */
export async function readWeightCommits(
  snapshot: Snapshot,
  netuid: number,
  hotkey: string,
): Promise<{ block: number; commits: Map<string, WeightCommit> }> {
  const reads: StorageRead[] = [
    ['subtensorModule.weightCommits', netuid, hotkey],
    ['subtensorModule.revealPeriodEpochs', netuid],
    ...epochReads(snapshot, netuid),
  ];
  const [stored, revealPeriod, ...schedule] = await snapshot.read(reads);
  const position = epochPosition(netuid, schedule);
  const windowOf = ([first = 0, second = 0, third = 0]: number[]): WeightCommit => {
    // Runtimes that store their epochs keep (epoch, block, 0) beside the hash, the others (block, first, last block).
    const ahead = first + toNumber(revealPeriod!) - position.epoch;
    const [from, until] = hasStoredEpochs(snapshot) ? epochWindow(position, ahead) : [second, third];
    const window = hasStoredEpochs(snapshot)
      ? compare(ahead, 0)
      : position.block < from
        ? 'early'
        : position.block >= until
          ? 'late'
          : 'open';
    return { revealFromBlock: from, revealUntilBlock: until, window };
  };
  const commits = toNullable(stored!);
  return {
    block: position.block,
    commits: new Map(
      (commits ? toItems(commits) : []).map((tuple) => {
        const [hash, ...numbers] = toItems(tuple);
        return [hash!.toHex(), windowOf(numbers.map(toNumber))];
      }),
    ),
  };
}

function compare(ahead: number, due: number): WeightCommit['window'] {
  return ahead > due ? 'early' : ahead < due ? 'late' : 'open';
}
