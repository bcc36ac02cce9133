import type { CommitmentLimit } from './commitment-limit.ts';
import type { EnumVariant } from './type-table.ts';

export type Hasher = 'Identity' | 'Twox64Concat' | 'Blake2_128Concat';

/** A storage item: `[name, value]`, `[name, value, keys]`, where keys are `[type, hasher]` pairs. */
export interface StorageItem {
  name: string;
  value: string;
  keys?: [type: string, hasher: Hasher][];
  /** Value of a missing entry, as @polkadot/types takes it. Without it the item is optional. */
  fallback?: unknown;
}

export interface Pallet {
  name: string;
  index: number;
  calls?: EnumVariant[];
  storage?: StorageItem[];
  events?: EnumVariant[];
  errors?: string[];
  constants?: { name: string; type: string; value: unknown }[];
}

const NETUID: [string, Hasher] = ['u16', 'Identity'];
/** AccountInfo of an account that was never used: four u32, three u64, one u128. */
const NO_ACCOUNT = `0x${'00'.repeat(4 * 4 + 3 * 8 + 16)}`;
const ZERO_ACCOUNT = `0x${'00'.repeat(32)}`;

/** A value per subnet. */
function perSubnet(name: string, value: string, fallback: unknown = 0, hasher: Hasher = 'Identity'): StorageItem {
  return { name, value, keys: [['u16', hasher]], fallback };
}

export const SPEC_VERSION = 218;
export const TRANSACTION_VERSION = 1;
export const BLOCK_HASH_COUNT = 2400;
/** Longer lists of fields do not decode. */
export const MAX_COMMITMENT_FIELDS = 1;

/** The part of Subtensor's runtime that miners and validators meet: pallets, calls, storage, events, errors, by name and place. */
export function runtimePallets({ commitmentLimit }: { commitmentLimit: CommitmentLimit }): Pallet[] {
  const limit = commitmentLimits(commitmentLimit);
  return [
    {
      name: 'System',
      index: 0,
      storage: [
        { name: 'Number', value: 'u32', fallback: 0 },
        { name: 'ParentHash', value: 'H256', fallback: ZERO_ACCOUNT },
        { name: 'Account', value: 'AccountInfo', keys: [['AccountId', 'Blake2_128Concat']], fallback: NO_ACCOUNT },
        { name: 'BlockHash', value: 'H256', keys: [['u32', 'Twox64Concat']], fallback: ZERO_ACCOUNT },
        { name: 'Events', value: 'Vec<EventRecord>', fallback: [] },
      ],
      events: [
        { name: 'ExtrinsicSuccess', fields: { dispatch_info: 'DispatchInfo' } },
        { name: 'ExtrinsicFailed', fields: { dispatch_error: 'DispatchError', dispatch_info: 'DispatchInfo' } },
      ],
      constants: [{ name: 'BlockHashCount', type: 'u32', value: BLOCK_HASH_COUNT }],
    },
    {
      name: 'Timestamp',
      index: 2,
      calls: [{ name: 'set', fields: { now: 'Compact<u64>' } }],
      storage: [{ name: 'Now', value: 'u64', fallback: 0 }],
    },
    { name: 'Balances', index: 5, constants: [{ name: 'ExistentialDeposit', type: 'u64', value: 500 }] },
    {
      name: 'TransactionPayment',
      index: 6,
      events: [{ name: 'TransactionFeePaid', fields: { who: 'AccountId', actual_fee: 'u64', tip: 'u64' } }],
    },
    {
      name: 'SubtensorModule',
      index: 7,
      calls: [
        {
          name: 'set_weights',
          index: 0,
          fields: { netuid: 'u16', dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' },
        },
        { name: 'burned_register', index: 7, fields: { netuid: 'u16', hotkey: 'AccountId' } },
        { name: 'commit_weights', index: 96, fields: { netuid: 'u16', commit_hash: 'H256' } },
        {
          name: 'reveal_weights',
          index: 97,
          fields: { netuid: 'u16', uids: 'Vec<u16>', values: 'Vec<u16>', salt: 'Vec<u16>', version_key: 'u64' },
        },
      ],
      storage: [
        { name: 'NetworksAdded', value: 'bool', keys: [NETUID], fallback: false },
        perSubnet('SubnetworkN', 'u16'),
        { name: 'Uids', value: 'u16', keys: [NETUID, ['AccountId', 'Blake2_128Concat']] },
        { name: 'Keys', value: 'AccountId', keys: [NETUID, NETUID], fallback: ZERO_ACCOUNT },
        { name: 'IsNetworkMember', value: 'bool', keys: [['AccountId', 'Blake2_128Concat'], NETUID], fallback: false },
        { name: 'Owner', value: 'AccountId', keys: [['AccountId', 'Blake2_128Concat']], fallback: ZERO_ACCOUNT },
        {
          name: 'OwnedHotkeys',
          value: 'Vec<AccountId>',
          keys: [['AccountId', 'Blake2_128Concat']],
          fallback: [],
        },
        { name: 'TotalHotkeyAlpha', value: 'u64', keys: [['AccountId', 'Blake2_128Concat'], NETUID], fallback: 0 },
        perSubnet('Active', 'Vec<bool>', []),
        perSubnet('ValidatorPermit', 'Vec<bool>', []),
        perSubnet('Rank', 'Vec<u16>', []),
        perSubnet('Trust', 'Vec<u16>', []),
        perSubnet('PruningScores', 'Vec<u16>', []),
        perSubnet('Consensus', 'Vec<u16>', []),
        perSubnet('Incentive', 'Vec<u16>', []),
        perSubnet('Dividends', 'Vec<u16>', []),
        perSubnet('ValidatorTrust', 'Vec<u16>', []),
        perSubnet('Emission', 'Vec<u64>', []),
        perSubnet('LastUpdate', 'Vec<u64>', []),
        { name: 'Weights', value: 'Vec<(u16, u16)>', keys: [NETUID, NETUID], fallback: [] },
        { name: 'Bonds', value: 'Vec<(u16, u16)>', keys: [NETUID, NETUID], fallback: [] },
        { name: 'Axons', value: 'AxonInfo', keys: [NETUID, ['AccountId', 'Blake2_128Concat']] },
        { name: 'BlockAtRegistration', value: 'u64', keys: [NETUID, NETUID], fallback: 0 },
        perSubnet('Tempo', 'u16', 360),
        perSubnet('ImmunityPeriod', 'u16', 4096),
        perSubnet('MaxAllowedUids', 'u16', 256),
        perSubnet('MaxAllowedValidators', 'u16', 128),
        perSubnet('ActivityCutoff', 'u16', 5000),
        perSubnet('MinAllowedWeights', 'u16'),
        perSubnet('MaxWeightsLimit', 'u16', 65_535),
        perSubnet('WeightsVersionKey', 'u64'),
        perSubnet('WeightsSetRateLimit', 'u64', 100),
        perSubnet('CommitRevealWeightsEnabled', 'bool', false),
        perSubnet('RevealPeriodEpochs', 'u64', 1, 'Twox64Concat'),
        perSubnet('BlocksSinceLastStep', 'u64'),
        // The spelling is Subtensor's.
        perSubnet('LastMechansimStepBlock', 'u64'),
        perSubnet('NetworkRegistrationAllowed', 'bool', true),
        perSubnet('Burn', 'u64'),
        perSubnet('MinBurn', 'u64'),
        perSubnet('MaxBurn', 'u64'),
        perSubnet('SubnetOwner', 'AccountId', ZERO_ACCOUNT),
        perSubnet('SubnetOwnerHotkey', 'AccountId', ZERO_ACCOUNT),
        { name: 'WeightsMinStake', value: 'u64', fallback: 0 },
        {
          name: 'WeightCommits',
          value: 'Vec<(H256, u64, u64, u64)>',
          keys: [
            ['u16', 'Twox64Concat'],
            ['AccountId', 'Twox64Concat'],
          ],
        },
      ],
      events: [
        { name: 'NeuronRegistered', fields: ['u16', 'u16', 'AccountId'] },
        { name: 'WeightsSet', fields: ['u16', 'u16'] },
        { name: 'WeightsCommitted', fields: ['AccountId', 'u16', 'H256'] },
        { name: 'WeightsRevealed', fields: ['AccountId', 'u16', 'H256'] },
      ],
      errors: [
        'SubNetworkDoesNotExist',
        'HotKeyNotRegisteredInSubNet',
        'NotEnoughStakeToSetWeights',
        'NeuronNoValidatorPermit',
        'WeightVecNotEqualSize',
        'DuplicateUids',
        'UidVecContainInvalidOne',
        'WeightVecLengthIsLow',
        'MaxWeightExceeded',
        'UidsLengthExceedUidsInSubNet',
        'CanNotSetRootNetworkWeights',
        'IncorrectWeightVersionKey',
        'SettingWeightsTooFast',
        'CommittingWeightsTooFast',
        'CommitRevealEnabled',
        'CommitRevealDisabled',
        'NoWeightsCommitFound',
        'InvalidRevealCommitHashNotMatch',
        'TooManyUnrevealedCommits',
        'ExpiredWeightCommit',
        'RevealTooEarly',
        'SubNetRegistrationDisabled',
        'HotKeyAlreadyRegisteredInSubNet',
        'NonAssociatedColdKey',
        'NotEnoughBalanceToStake',
        'NoNeuronIdAvailable',
      ],
    },
    {
      name: 'Commitments',
      index: 18,
      calls: [{ name: 'set_commitment', index: 0, fields: { netuid: 'u16', info: 'CommitmentInfo' } }],
      storage: [
        { name: 'CommitmentOf', value: 'Registration', keys: [NETUID, ['AccountId', 'Twox64Concat']] },
        { name: 'LastCommitment', value: 'u32', keys: [NETUID, ['AccountId', 'Twox64Concat']] },
        ...limit.storage,
      ],
      events: [{ name: 'Commitment', fields: { netuid: 'u16', who: 'AccountId' } }],
      errors: ['TooManyFieldsInCommitmentInfo', 'AccountNotAllowedCommit', limit.error],
      constants: [{ name: 'MaxFields', type: 'u32', value: MAX_COMMITMENT_FIELDS }, ...limit.constants],
    },
  ];
}

/** The two generations of the Commitments pallet differ in what limits a hotkey. */
function commitmentLimits(limit: CommitmentLimit): { error: string } & Required<Pick<Pallet, 'storage' | 'constants'>> {
  if ('cooldownBlocks' in limit)
    return {
      error: 'CommitmentSetRateLimitExceeded',
      storage: [],
      constants: [{ name: 'RateLimit', type: 'u32', value: limit.cooldownBlocks }],
    };
  return {
    error: 'SpaceLimitExceeded',
    storage: [
      { name: 'MaxSpace', value: 'u32', fallback: limit.bytesPerEpoch },
      { name: 'UsedSpaceOf', value: 'UsageTracker', keys: [NETUID, ['AccountId', 'Twox64Concat']] },
    ],
    constants: [],
  };
}
