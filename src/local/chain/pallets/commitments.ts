import type { Storage } from '../storage.ts';
import { epochIndex } from './epoch.ts';
import { type CallContext, ensure } from './pallet-context.ts';

export interface SetCommitmentArguments {
  netuid: number;
  info: { fields: unknown[] };
}

const LEAST_COST_BYTES = 100;

/** `Commitments.set_commitment`: a registered hotkey, one field, within the limit. */
export function setCommitment(
  { storage, block, signer, commitmentLimit, emit }: CallContext,
  { netuid, info }: SetCommitmentArguments,
): void {
  ensure(storage.get('SubtensorModule.Uids', netuid, signer) !== null, 'Commitments.AccountNotAllowedCommit');
  if ('cooldownBlocks' in commitmentLimit) {
    const last = storage.get<number | null>('Commitments.LastCommitment', netuid, signer);
    const allowed = last === null || block >= last + commitmentLimit.cooldownBlocks;
    ensure(allowed, 'Commitments.CommitmentSetRateLimitExceeded');
  } else {
    const used = usedSpace(storage, block, netuid, signer);
    const total = used.used_space + Math.max(LEAST_COST_BYTES, byteLength(info.fields));
    ensure(total <= storage.get<number>('Commitments.MaxSpace'), 'Commitments.SpaceLimitExceeded');
    storage.put('Commitments.UsedSpaceOf', netuid, signer, { ...used, used_space: total });
  }

  storage.put('Commitments.CommitmentOf', netuid, signer, { deposit: 0, block, info });
  storage.put('Commitments.LastCommitment', netuid, signer, block);
  emit('Commitments.Commitment', netuid, signer);
}

/** Bytes the hotkey has committed in the epoch of this block. */
function usedSpace(storage: Storage, block: number, netuid: number, hotkey: string) {
  const epoch = epochIndex(netuid, storage.get<number>('SubtensorModule.Tempo', netuid), block);
  const stored = storage.get<{ lastEpoch: number; usedSpace: number } | null>(
    'Commitments.UsedSpaceOf',
    netuid,
    hotkey,
  );
  return { last_epoch: epoch, used_space: stored?.lastEpoch === epoch ? stored.usedSpace : 0 };
}

/** Raw fields count their bytes, hashes 32, empty ones none. */
function byteLength(fields: unknown[]): number {
  const values = fields.flatMap((field) => Object.values(field as Record<string, unknown>));
  return values.reduce<number>((sum, hex) => sum + (typeof hex === 'string' ? (hex.length - 2) / 2 : 0), 0);
}
