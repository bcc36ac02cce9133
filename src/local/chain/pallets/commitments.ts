import { type CallContext, ensure } from './pallet-context.ts';

export interface SetCommitmentArguments {
  netuid: number;
  info: { fields: unknown[] };
}

/** `Commitments.set_commitment`: a registered hotkey, one field, and the cooldown since its last commitment. */
export function setCommitment(
  { storage, block, signer, commitmentCooldownBlocks, emit }: CallContext,
  { netuid, info }: SetCommitmentArguments,
): void {
  ensure(storage.get('SubtensorModule.Uids', netuid, signer) !== null, 'Commitments.AccountNotAllowedCommit');
  const last = storage.get<number | null>('Commitments.LastCommitment', netuid, signer);
  ensure(last === null || block >= last + commitmentCooldownBlocks, 'Commitments.CommitmentSetRateLimitExceeded');

  storage.put('Commitments.CommitmentOf', netuid, signer, { deposit: 0, block, info });
  storage.put('Commitments.LastCommitment', netuid, signer, block);
  emit('Commitments.Commitment', netuid, signer);
}
