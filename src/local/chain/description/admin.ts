import type { PalletDescription } from './pallet.ts';
import type { EnumVariant } from './type-table.ts';

/** A setting of a subnet that a call of AdminUtils changes. */
export interface Setting {
  index: number;
  /** The argument after the netuid; `null` for a setting of all subnets at once. */
  argument: string;
  type: string;
  /** Item of SubtensorModule. */
  item: string;
  /** Whether the subnet's owner may change it, or only root. */
  owner?: true;
  /** Of all subnets at once. */
  global?: true;
}

/** The calls of AdminUtils that this chain has, by name. */
export const SETTINGS: Record<string, Setting> = {
  sudo_set_weights_version_key: {
    index: 6,
    argument: 'weights_version_key',
    type: 'u64',
    item: 'WeightsVersionKey',
    owner: true,
  },
  sudo_set_weights_set_rate_limit: {
    index: 7,
    argument: 'weights_set_rate_limit',
    type: 'u64',
    item: 'WeightsSetRateLimit',
  },
  sudo_set_immunity_period: {
    index: 13,
    argument: 'immunity_period',
    type: 'u16',
    item: 'ImmunityPeriod',
    owner: true,
  },
  sudo_set_min_allowed_weights: {
    index: 14,
    argument: 'min_allowed_weights',
    type: 'u16',
    item: 'MinAllowedWeights',
    owner: true,
  },
  sudo_set_max_allowed_uids: { index: 15, argument: 'max_allowed_uids', type: 'u16', item: 'MaxAllowedUids' },
  sudo_set_network_registration_allowed: {
    index: 19,
    argument: 'registration_allowed',
    type: 'bool',
    item: 'NetworkRegistrationAllowed',
  },
  sudo_set_max_allowed_validators: {
    index: 25,
    argument: 'max_allowed_validators',
    type: 'u16',
    item: 'MaxAllowedValidators',
  },
  sudo_set_tempo: { index: 30, argument: 'tempo', type: 'u16', item: 'Tempo' },
  sudo_set_stake_threshold: { index: 42, argument: 'min_stake', type: 'u64', item: 'StakeThreshold', global: true },
  sudo_set_commit_reveal_weights_enabled: {
    index: 49,
    argument: 'enabled',
    type: 'bool',
    item: 'CommitRevealWeightsEnabled',
    owner: true,
  },
  sudo_set_commit_reveal_weights_interval: {
    index: 57,
    argument: 'interval',
    type: 'u64',
    item: 'RevealPeriodEpochs',
    owner: true,
  },
};

const CALLS = Object.entries(SETTINGS).map(([name, { index, argument, type, global }]) => {
  const fields: Record<string, string> = { ...(global ? {} : { netuid: 'NetUid' }), [argument]: type };
  return { name, index, fields } satisfies EnumVariant;
});

/** Pallets by which root, owners and accounts act: hyperparameters, `sudo`, several calls at once, transfers. */
export const ADMIN_PALLETS: PalletDescription[] = [
  { name: 'AdminUtils', index: 19, calls: CALLS },
  {
    name: 'Sudo',
    index: 12,
    calls: [{ name: 'sudo', index: 0, fields: { call: 'RuntimeCall' } }],
    storage: [{ name: 'Key', value: 'AccountId' }],
    events: [{ name: 'Sudid', fields: { sudo_result: 'Result<(), DispatchError>' } }],
    errors: [{ name: 'RequireSudo' }],
  },
  {
    name: 'Utility',
    index: 11,
    calls: [
      { name: 'batch', index: 0, fields: { calls: 'Vec<RuntimeCall>' } },
      { name: 'batch_all', index: 2, fields: { calls: 'Vec<RuntimeCall>' } },
      { name: 'force_batch', index: 4, fields: { calls: 'Vec<RuntimeCall>' } },
    ],
    events: [
      { name: 'BatchInterrupted', fields: { index: 'u32', error: 'DispatchError' } },
      { name: 'BatchCompleted' },
      { name: 'BatchCompletedWithErrors' },
      { name: 'ItemCompleted' },
      { name: 'ItemFailed', fields: { error: 'DispatchError' } },
    ],
    errors: [{ name: 'TooManyCalls' }],
    constants: [{ name: 'batched_calls_limit', type: 'u32', value: 10_922 }],
  },
];
