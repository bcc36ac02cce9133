import type { Storage } from '../storage.ts';

const U16_MAX = 65_535;
/** Stake that must stand behind a weight for it to be the consensus. */
const KAPPA = 0.5;

/** Index of the epoch that a block belongs to (modulo epochs). */
export function epochIndex(netuid: number, tempo: number, block: number): number {
  return Math.floor((block + netuid + 1) / (tempo + 1));
}

/** Whether a subnet's epoch runs in a block (modulo epochs). */
function epochIsDue(netuid: number, tempo: number, block: number): boolean {
  return tempo > 0 && (block + netuid + 1) % (tempo + 1) === tempo;
}

/** What a block does to the subnets before its transactions: it runs the epochs that are due, and counts. */
export function epochStep(storage: Storage, netuids: number[], block: number): void {
  for (const netuid of netuids) {
    const due = epochIsDue(netuid, storage.get('SubtensorModule.Tempo', netuid), block);
    if (due) {
      runEpoch(storage, netuid);
      storage.put('SubtensorModule.LastMechansimStepBlock', netuid, block);
    }
    const since = storage.get<number>('SubtensorModule.BlocksSinceLastStep', netuid) + 1;
    storage.put('SubtensorModule.BlocksSinceLastStep', netuid, due ? 0 : since);
  }
}

/**
 * A subnet's epoch, simplified: per neuron the consensus is the highest weight that at least half of the permitted
 * stake supports; weights above it are clipped; incentive is the stake-weighted sum of what is left, validator trust the
 * part of a validator's weights that was not clipped. Permits stay as they were given; bonds, dividends and emission are
 * left out.
 */
function runEpoch(storage: Storage, netuid: number): void {
  const size = storage.get<number>('SubtensorModule.SubnetworkN', netuid);
  const permits = storage.get<boolean[]>('SubtensorModule.ValidatorPermit', netuid);
  const uids = Array.from({ length: size }, (_, uid) => uid);
  const validators = uids
    .filter((uid) => permits[uid])
    .map((uid) => {
      const hotkey = storage.get<string>('SubtensorModule.Keys', netuid, uid);
      return {
        uid,
        stake: Number(storage.get<number | string>('SubtensorModule.TotalHotkeyAlpha', hotkey, netuid)),
        weights: shares(storage, netuid, uid, size),
      };
    });
  const totalStake = validators.reduce((sum, { stake }) => sum + stake, 0);
  if (totalStake === 0) return;

  const consensus = uids.map((uid) =>
    supported(validators.map(({ stake, weights }) => ({ stake: stake / totalStake, weight: weights[uid]! }))),
  );
  const clipped = validators.map(({ weights }) => weights.map((weight, uid) => Math.min(weight, consensus[uid]!)));
  const ranks = uids.map((uid) => validators.reduce((sum, { stake }, i) => sum + stake * clipped[i]![uid]!, 0));
  const totalRank = ranks.reduce((sum, rank) => sum + rank, 0);
  const trust = uids.map(
    (uid) => clipped[validators.findIndex((one) => one.uid === uid)]?.reduce((sum, weight) => sum + weight, 0) ?? 0,
  );

  storage.put('SubtensorModule.Consensus', netuid, consensus.map(toU16));
  storage.put(
    'SubtensorModule.Incentive',
    netuid,
    ranks.map((rank) => toU16(totalRank > 0 ? rank / totalRank : 0)),
  );
  storage.put('SubtensorModule.ValidatorTrust', netuid, trust.map(toU16));
}

function shares(storage: Storage, netuid: number, uid: number, size: number): number[] {
  const row = storage.get<[number, number][]>('SubtensorModule.Weights', netuid, uid);
  const sum = row.reduce((total, [, value]) => total + value, 0);
  const weights = new Array<number>(size).fill(0);
  for (const [target, value] of row) weights[target] = sum > 0 ? value / sum : 0;
  return weights;
}

/** The highest weight that validators with at least half of the stake give, or exceed. */
function supported(votes: { stake: number; weight: number }[]): number {
  let support = 0;
  for (const { stake, weight } of votes.toSorted((a, b) => b.weight - a.weight)) {
    support += stake;
    if (support >= KAPPA) return weight;
  }
  return 0;
}

function toU16(share: number): number {
  return Math.round(Math.min(1, share) * U16_MAX);
}
