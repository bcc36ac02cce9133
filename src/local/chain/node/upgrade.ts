import { epochIndex, firstBlockOfEpoch } from '../pallets/epoch-schedule.ts';
import type { RuntimeCodec } from '../state/codec.ts';
import type { Storage } from '../state/storage.ts';

type LegacyCommit = [hash: string, block: number, firstRevealBlock: number, lastRevealBlock: number];

/**
 * Migrates legacy storage to the current runtime. Epochs continue from their index, and unrevealed commits keep theirs.
 * What was never set takes the new default: commit-reveal is then on.
 */
export function upgradeStorage(storage: Storage, current: RuntimeCodec, netuids: number[]): void {
  const { block } = storage;
  const leastStake = storage.get('SubtensorModule.WeightsMinStake');
  storage.remove('SubtensorModule.WeightsMinStake');
  const subnets = netuids.map((netuid) => {
    for (const item of ['Rank', 'Trust', 'PruningScores', 'TaoWeight'])
      storage.remove(`SubtensorModule.${item}`, netuid);
    const tempo = storage.get<number>('SubtensorModule.Tempo', netuid);
    const epoch = tempo === 0 ? 0 : epochIndex(storage, netuid, block);
    const lastEpochBlock = tempo === 0 ? block : Math.max(0, firstBlockOfEpoch(storage, netuid, epoch));
    const commits = hotkeysOf(storage, netuid).flatMap((hotkey) => {
      const found = storage.get<LegacyCommit[] | null>('SubtensorModule.WeightCommits', netuid, hotkey);
      const stamped = found?.map(([hash, at]) => [hash, epochIndex(storage, netuid, at), at, 0]);
      return stamped ? [{ hotkey, stamped }] : [];
    });
    return { netuid, epoch, lastEpochBlock, commits };
  });

  storage.upgrade(current);
  storage.put('SubtensorModule.StakeThreshold', leastStake);
  for (const { netuid, epoch, lastEpochBlock, commits } of subnets) {
    storage.put('SubtensorModule.SubnetEpochIndex', netuid, epoch);
    storage.put('SubtensorModule.LastEpochBlock', netuid, lastEpochBlock);
    for (const { hotkey, stamped } of commits) storage.put('SubtensorModule.WeightCommits', netuid, hotkey, stamped);
  }
}

function hotkeysOf(storage: Storage, netuid: number): string[] {
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  return Array.from({ length: size }, (_, uid) => storage.get<string>('SubtensorModule.Keys', netuid, uid));
}
