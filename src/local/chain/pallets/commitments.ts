import { byteLength, type CommitmentField, lockedRound } from '../state/commitment-fields.ts';
import type { Storage } from '../state/storage.ts';
import { epochIndex } from './epoch-schedule.ts';
import { type CallContext, ensure } from './pallet-context.ts';
import { updateTimelockedIndex } from './timelocked-commitments.ts';

export interface SetCommitmentArguments {
  netuid: number;
  info: { fields: CommitmentField[] };
}

const LEAST_COST_BYTES = 100;

/** `Commitments.set_commitment`: for a registered hotkey, within its rate limit (`legacy`) or space limit (`current`). */
export function setCommitment(context: CallContext, { netuid, info }: SetCommitmentArguments): void {
  const { storage, block, signer, emit } = context;
  ensure(storage.get('SubtensorModule.Uids', netuid, signer) !== null, 'Commitments.AccountNotAllowedCommit');
  const marked = info.fields.some((field) => 'timelockRevealFailed' in field);
  ensure(!marked, 'Commitments.TimelockRevealFailedNotAllowed');
  if (storage.profile === 'legacy') ensureCooldownPassed(storage, block, netuid, signer);
  else useSpace(storage, block, netuid, signer, info.fields);

  storage.put('Commitments.CommitmentOf', netuid, signer, { deposit: 0, block, info });
  storage.put('Commitments.LastCommitment', netuid, signer, block);
  if (storage.profile !== 'legacy') {
    if (info.fields.some((field) => 'resetBondsFlag' in field))
      storage.put('Commitments.LastBondsReset', netuid, signer, block);
    updateTimelockedIndex(storage, netuid, signer, info.fields);
  }
  const round = lockedRound(info.fields);
  if (round === undefined) emit('Commitments.Commitment', netuid, signer);
  else emit('Commitments.TimelockCommitment', netuid, signer, round);
}

/** Up to spec 256. */
function ensureCooldownPassed(storage: Storage, block: number, netuid: number, hotkey: string): void {
  const last = storage.get<number | null>('Commitments.LastCommitment', netuid, hotkey);
  const allowed = last === null || block >= last + storage.constant('Commitments.RateLimit');
  ensure(allowed, 'Commitments.CommitmentSetRateLimitExceeded');
}

/** From spec 257 on. The count starts over in each epoch. */
function useSpace(storage: Storage, block: number, netuid: number, hotkey: string, fields: CommitmentField[]): void {
  const epoch = epochIndex(storage, netuid, block);
  const stored = storage.get<{ lastEpoch: number; usedSpace: number } | null>(
    'Commitments.UsedSpaceOf',
    netuid,
    hotkey,
  );
  const before = stored?.lastEpoch === epoch ? stored.usedSpace : 0;
  const bytes = fields.reduce((sum, field) => sum + byteLength(field), 0);
  const used = before + Math.max(LEAST_COST_BYTES, bytes);
  ensure(used <= storage.get<number>('Commitments.MaxSpace'), 'Commitments.SpaceLimitExceeded');
  storage.put('Commitments.UsedSpaceOf', netuid, hotkey, { last_epoch: epoch, used_space: used });
}
