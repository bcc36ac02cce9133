import type { Hasher, PalletDescription, RuntimeParameters } from './pallet.ts';
import { before, since } from './profile.ts';
import { NETUID, named } from './shorthand.ts';
import type { EnumVariant } from './type-table.ts';

const PER_HOTKEY: [type: string, hasher: Hasher][] = [NETUID, ['AccountId', 'Twox64Concat']];

/** The pallet that keeps what miners publish. The cooldown between commitments became a budget of bytes with spec 257. */
export function commitmentsPallet({
  cooldownBlocks,
  maxSpaceBytes,
}: Omit<RuntimeParameters, 'profile' | 'blockTimeMs'>): PalletDescription {
  return {
    name: 'Commitments',
    index: 18,
    calls: [{ name: 'set_commitment', index: 0, fields: { netuid: 'NetUid', info: 'CommitmentInfo' } }],
    storage: [
      { name: 'CommitmentOf', value: 'Registration', keys: PER_HOTKEY },
      { name: 'LastCommitment', value: 'u32', keys: PER_HOTKEY },
      ...since('current', [
        { name: 'LastBondsReset', value: 'u32', keys: PER_HOTKEY },
        { name: 'RevealedCommitments', value: 'Vec<(Vec<u8>, u64)>', keys: PER_HOTKEY },
        { name: 'TimelockedIndex', value: 'BTreeSet<(NetUid, AccountId)>', fallback: [] },
        { name: 'UsedSpaceOf', value: 'UsageTracker', keys: PER_HOTKEY },
        { name: 'MaxSpace', value: 'u32', fallback: maxSpaceBytes },
      ]),
      ...since('latest', [{ name: 'TimelockRevealCursor', value: '(NetUid, AccountId)' }]),
    ],
    events: [
      { name: 'Commitment', fields: { netuid: 'NetUid', who: 'AccountId' } },
      ...since<EnumVariant>('current', [
        { name: 'TimelockCommitment', fields: { netuid: 'NetUid', who: 'AccountId', reveal_round: 'u64' } },
        { name: 'CommitmentRevealed', fields: { netuid: 'NetUid', who: 'AccountId' } },
      ]),
      ...since<EnumVariant>('latest', [
        {
          name: 'CommitmentRevealFailed',
          fields: { netuid: 'NetUid', who: 'AccountId', reveal_round: 'u64', error: 'RevealFailure' },
        },
      ]),
    ],
    errors: [
      ...named('TooManyFieldsInCommitmentInfo', 'AccountNotAllowedCommit'),
      ...before('current', named('CommitmentSetRateLimitExceeded')),
      ...since('current', named('SpaceLimitExceeded', 'UnexpectedUnreserveLeftover')),
      ...since('latest', named('TimelockRevealFailedNotAllowed')),
    ],
    constants: [
      ...before('current', [
        { name: 'MaxFields', type: 'u32', value: 1 },
        { name: 'RateLimit', type: 'u32', value: cooldownBlocks },
      ]),
      ...since('current', [{ name: 'MaxFields', type: 'u32', value: 3 }]),
      { name: 'InitialDeposit', type: 'TaoBalance', value: 0 },
      { name: 'FieldDeposit', type: 'TaoBalance', value: 0 },
    ],
  };
}
