import type { Hasher, PalletDescription, RuntimeParameters } from './pallet.ts';
import { only } from './profile.ts';
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
    calls: [{ name: 'set_commitment', index: 0, fields: { netuid: 'u16', info: 'CommitmentInfo' } }],
    storage: [
      { name: 'CommitmentOf', value: 'Registration', keys: PER_HOTKEY },
      { name: 'LastCommitment', value: 'u32', keys: PER_HOTKEY },
      ...only('current', [
        { name: 'LastBondsReset', value: 'u32', keys: PER_HOTKEY },
        { name: 'RevealedCommitments', value: 'Vec<(Vec<u8>, u64)>', keys: PER_HOTKEY },
        { name: 'TimelockedIndex', value: 'TimelockedIndex', fallback: [] },
        { name: 'UsedSpaceOf', value: 'UsageTracker', keys: PER_HOTKEY },
        { name: 'MaxSpace', value: 'u32', fallback: maxSpaceBytes },
      ]),
    ],
    events: [
      { name: 'Commitment', fields: { netuid: 'u16', who: 'AccountId' } },
      ...only<EnumVariant>('current', [
        { name: 'TimelockCommitment', fields: { netuid: 'u16', who: 'AccountId', reveal_round: 'u64' } },
        { name: 'CommitmentRevealed', fields: { netuid: 'u16', who: 'AccountId' } },
      ]),
    ],
    errors: [
      ...named('TooManyFieldsInCommitmentInfo', 'AccountNotAllowedCommit'),
      ...only('legacy', named('CommitmentSetRateLimitExceeded')),
      ...only('current', named('SpaceLimitExceeded', 'UnexpectedUnreserveLeftover')),
    ],
    constants: [
      ...only('legacy', [
        { name: 'MaxFields', type: 'u32', value: 1 },
        { name: 'RateLimit', type: 'u32', value: cooldownBlocks },
      ]),
      ...only('current', [{ name: 'MaxFields', type: 'u32', value: 3 }]),
    ],
  };
}
