import { ERRORS } from './errors.ts';
import type { Hasher, PalletDescription, StorageItem } from './pallet.ts';
import { before, since } from './profile.ts';
import { MECHANISM_INDEX, NETUID, perMechanism, perSubnet, UID, ZERO_32_BYTES } from './shorthand.ts';
import type { EnumVariant } from './type-table.ts';

const ACCOUNT: [type: string, hasher: Hasher] = ['AccountId', 'Blake2_128Concat'];

const WEIGHTS = { dests: 'Vec<u16>', weights: 'Vec<u16>', version_key: 'u64' };
const COMMITTED = { commit_hash: 'H256' };
const REVEALED = { uids: 'Vec<u16>', values: 'Vec<u16>', salt: 'Vec<u16>', version_key: 'u64' };
const TIME_LOCKED = { commit: 'BoundedVec<u8>', reveal_round: 'u64', commit_reveal_version: 'u16' };
const SUBNET = { netuid: 'NetUid' };
const MECHANISM = { netuid: 'NetUid', mecid: 'MechId' };
const STAKE = { hotkey: 'AccountId', netuid: 'NetUid' };

const CALLS: EnumVariant[] = [
  { name: 'set_weights', index: 0, fields: { ...SUBNET, ...WEIGHTS } },
  { name: 'add_stake', index: 2, fields: { ...STAKE, amount_staked: 'TaoBalance' } },
  { name: 'remove_stake', index: 3, fields: { ...STAKE, amount_unstaked: 'AlphaBalance' } },
  { name: 'burned_register', index: 7, fields: { ...SUBNET, hotkey: 'AccountId' } },
  { name: 'commit_weights', index: 96, fields: { ...SUBNET, ...COMMITTED } },
  { name: 'reveal_weights', index: 97, fields: { ...SUBNET, ...REVEALED } },
];

const CURRENT_CALLS: EnumVariant[] = [
  { name: 'commit_timelocked_weights', index: 113, fields: { ...SUBNET, ...TIME_LOCKED } },
  { name: 'commit_mechanism_weights', index: 115, fields: { ...MECHANISM, ...COMMITTED } },
  { name: 'reveal_mechanism_weights', index: 116, fields: { ...MECHANISM, ...REVEALED } },
  { name: 'commit_timelocked_mechanism_weights', index: 118, fields: { ...MECHANISM, ...TIME_LOCKED } },
  { name: 'set_mechanism_weights', index: 119, fields: { ...MECHANISM, ...WEIGHTS } },
  { name: 'register_limit', index: 134, fields: { ...SUBNET, hotkey: 'AccountId', limit_price: 'u64' } },
];

/** The neurons of a subnet, and what each epoch computes for them. */
const NEURONS: StorageItem[] = [
  { name: 'NetworksAdded', value: 'bool', keys: [NETUID], fallback: false },
  perSubnet('SubnetworkN', 'u16'),
  { name: 'Uids', value: 'u16', keys: [NETUID, ACCOUNT] },
  { name: 'Keys', value: 'AccountId', keys: [NETUID, UID], fallback: ZERO_32_BYTES },
  { name: 'IsNetworkMember', value: 'bool', keys: [ACCOUNT, NETUID], fallback: false },
  { name: 'Owner', value: 'AccountId', keys: [ACCOUNT], fallback: ZERO_32_BYTES },
  { name: 'OwnedHotkeys', value: 'Vec<AccountId>', keys: [ACCOUNT], fallback: [] },
  { name: 'TotalHotkeyAlpha', value: 'AlphaBalance', keys: [ACCOUNT, NETUID], fallback: 0 },
  perSubnet('Active', 'Vec<bool>', []),
  perSubnet('ValidatorPermit', 'Vec<bool>', []),
  perSubnet('Consensus', 'Vec<PerU16>', []),
  perMechanism('Incentive', 'Vec<PerU16>', []),
  perSubnet('Dividends', 'Vec<PerU16>', []),
  perSubnet('ValidatorTrust', 'Vec<PerU16>', []),
  perSubnet('Emission', 'Vec<AlphaBalance>', []),
  perMechanism('LastUpdate', 'Vec<u64>', []),
  { name: 'Weights', value: 'Vec<(u16, u16)>', keys: [MECHANISM_INDEX, UID], fallback: [] },
  { name: 'Bonds', value: 'Vec<(u16, u16)>', keys: [MECHANISM_INDEX, UID], fallback: [] },
  { name: 'Axons', value: 'AxonInfo', keys: [NETUID, ACCOUNT] },
  { name: 'BlockAtRegistration', value: 'u64', keys: [NETUID, UID], fallback: 0 },
];

/** Removed with spec 425. */
const LEGACY_NEURONS: StorageItem[] = [
  perSubnet('Rank', 'Vec<u16>', []),
  perSubnet('Trust', 'Vec<u16>', []),
  perSubnet('PruningScores', 'Vec<u16>', []),
];

const HYPERPARAMETERS: StorageItem[] = [
  perSubnet('Tempo', 'u16', 360),
  perSubnet('ImmunityPeriod', 'u16', 4096),
  perSubnet('MaxAllowedUids', 'u16', 256),
  perSubnet('MaxAllowedValidators', 'u16', 128),
  perSubnet('ActivityCutoff', 'u16', 5000),
  perSubnet('MinAllowedWeights', 'u16'),
  perSubnet('MaxWeightsLimit', 'u16', 65_535),
  perSubnet('WeightsVersionKey', 'u64'),
  perSubnet('WeightsSetRateLimit', 'u64', 100),
  perSubnet('RevealPeriodEpochs', 'u64', 1, 'Twox64Concat'),
  perSubnet('NetworkRegistrationAllowed', 'bool', true),
  perSubnet('Burn', 'TaoBalance'),
  perSubnet('MinBurn', 'TaoBalance'),
  perSubnet('MaxBurn', 'TaoBalance'),
  perSubnet('SubnetOwner', 'AccountId', ZERO_32_BYTES),
  perSubnet('SubnetOwnerHotkey', 'AccountId', ZERO_32_BYTES),
  perSubnet('NetworkRegisteredAt', 'u64'),
  perSubnet('TokenSymbol', 'Vec<u8>', Buffer.from('α')),
];

/** The name that the owner gives the subnet. */
const identities = (name: string, value: string): StorageItem => ({
  name,
  value,
  keys: [['NetUid', 'Blake2_128Concat']],
});

const EPOCHS: StorageItem[] = [
  perSubnet('BlocksSinceLastStep', 'u64'),
  // The spelling is Subtensor's.
  perSubnet('LastMechansimStepBlock', 'u64'),
];

const CURRENT_EPOCHS: StorageItem[] = [
  // Thousandths of the tempo: about 5000 blocks at a tempo of 360.
  perSubnet('ActivityCutoffFactorMilli', 'u32', 13_889),
  perSubnet('SubnetEpochIndex', 'u64'),
  perSubnet('LastEpochBlock', 'u64'),
  perSubnet('PendingEpochAt', 'u64'),
];

const COMMIT_REVEAL: StorageItem[] = [
  {
    name: 'WeightCommits',
    // Hash, block of the commit, first and last block of its reveal; since the epochs are stored: hash, epoch, block, 0.
    value: 'Vec<(H256, u64, u64, u64)>',
    keys: [
      ['NetUidStorageIndex', 'Twox64Concat'],
      ['AccountId', 'Twox64Concat'],
    ],
  },
];

const TIME_LOCKED_COMMIT_REVEAL: StorageItem[] = [
  { name: 'CommitRevealWeightsVersion', value: 'u16', fallback: 4 },
  {
    name: 'TimelockedWeightCommits',
    // By epoch of the commit: hotkey, block of the commit, ciphertext, reveal round.
    value: 'Vec<(AccountId, u64, BoundedVec<u8>, u64)>',
    keys: [
      ['NetUidStorageIndex', 'Twox64Concat'],
      ['u64', 'Twox64Concat'],
    ],
    fallback: [],
  },
];

/** Subnets, their neurons and weights. */
export const SUBTENSOR_MODULE: PalletDescription = {
  name: 'SubtensorModule',
  index: 7,
  calls: [...CALLS, ...since('current', CURRENT_CALLS)],
  storage: [
    ...NEURONS,
    ...before('current', LEGACY_NEURONS),
    ...HYPERPARAMETERS,
    ...EPOCHS,
    ...since('current', CURRENT_EPOCHS),
    ...COMMIT_REVEAL,
    ...since('current', TIME_LOCKED_COMMIT_REVEAL),
    ...before('current', [
      identities('SubnetIdentities', 'SubnetIdentity'),
      perSubnet('CommitRevealWeightsEnabled', 'bool', false),
      { name: 'WeightsMinStake', value: 'u64', fallback: 0 },
      // Per subnet in spec 218 only; global since.
      perSubnet('TaoWeight', 'u64'),
    ]),
    ...since('current', [
      identities('SubnetIdentitiesV3', 'SubnetIdentityV3'),
      perSubnet('CommitRevealWeightsEnabled', 'bool', true),
      { name: 'StakeThreshold', value: 'u64', fallback: 0 },
      { name: 'TaoWeight', value: 'u64', fallback: 0 },
      perSubnet('MechanismCountCurrent', 'MechId', 1, 'Twox64Concat'),
    ]),
    ...since('latest', [perSubnet('SubnetEpochConsensus', 'EpochConsensus', '0x00')]),
  ],
  events: [
    {
      name: 'StakeAdded',
      index: 2,
      fields: ['AccountId', 'AccountId', 'TaoBalance', 'AlphaBalance', 'NetUid', 'u64'],
    },
    {
      name: 'StakeRemoved',
      index: 3,
      fields: ['AccountId', 'AccountId', 'TaoBalance', 'AlphaBalance', 'NetUid', 'u64'],
    },
    { name: 'WeightsSet', index: 5, fields: ['NetUidStorageIndex', 'u16'] },
    { name: 'NeuronRegistered', index: 7, fields: ['NetUid', 'u16', 'AccountId'] },
    { name: 'WeightsCommitted', index: 86, fields: ['AccountId', 'NetUidStorageIndex', 'H256'] },
    { name: 'WeightsRevealed', index: 87, fields: ['AccountId', 'NetUidStorageIndex', 'H256'] },
    ...since('current', [
      { name: 'TimelockedWeightsCommitted', index: 108, fields: ['AccountId', 'NetUidStorageIndex', 'H256', 'u64'] },
      { name: 'TimelockedWeightsRevealed', index: 109, fields: ['NetUidStorageIndex', 'AccountId'] },
      { name: 'EpochDeferred', index: 137, fields: { netuid: 'NetUid', from_block: 'u64', to_block: 'u64' } },
    ]),
  ],
  errors: ERRORS,
};
