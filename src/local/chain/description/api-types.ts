import type { Profile } from './profile.ts';
import type { TypeDefinition } from './type-table.ts';

/** What the runtime's APIs answer with. Fields in Subtensor's order: answers are read by position. */

/** "name: Type, other: Type" as fields. */
function fields(text: string): Record<string, string> {
  const parts = text.split(/,\s*(?=\w+: )/).map((part) => part.trim().split(/:\s*(.*)/s) as [string, string]);
  return Object.fromEntries(parts);
}

/** Hyperparameters of the first version of their API. */
const HYPERPARAMS = `rho: Compact<u16>, kappa: Compact<u16>, immunity_period: Compact<u16>,
  min_allowed_weights: Compact<u16>, max_weights_limit: Compact<u16>, tempo: Compact<u16>, min_difficulty: Compact<u64>,
  max_difficulty: Compact<u64>, weights_version: Compact<u64>, weights_rate_limit: Compact<u64>,
  adjustment_interval: Compact<u16>, activity_cutoff: Compact<u64>, registration_allowed: bool,
  target_regs_per_interval: Compact<u16>, min_burn: Compact<TaoBalance>, max_burn: Compact<TaoBalance>,
  bonds_moving_avg: Compact<u64>, max_regs_per_block: Compact<u16>, serving_rate_limit: Compact<u64>,
  max_validators: Compact<u16>, adjustment_alpha: Compact<u64>, difficulty: Compact<u64>,
  commit_reveal_period: Compact<u64>, commit_reveal_weights_enabled: bool, alpha_high: Compact<u16>,
  alpha_low: Compact<u16>, liquid_alpha_enabled: bool`;

const NEURON = `hotkey: AccountId, coldkey: AccountId, uid: Compact<u16>, netuid: Compact<NetUid>, active: bool,
  axon_info: AxonInfo, prometheus_info: PrometheusInfo, stake: Vec<(AccountId, Compact<AlphaBalance>)>,
  rank: Compact<u16>, emission: Compact<AlphaBalance>, incentive: Compact<PerU16>, consensus: Compact<PerU16>,
  trust: Compact<PerU16>, validator_trust: Compact<PerU16>, dividends: Compact<PerU16>, last_update: Compact<u64>,
  validator_permit: bool`;

const SUBNET = `netuid: Compact<NetUid>, rho: Compact<u16>, kappa: Compact<u16>, difficulty: Compact<u64>,
  immunity_period: Compact<u16>, max_allowed_validators: Compact<u16>, min_allowed_weights: Compact<u16>,
  max_weights_limit: Compact<u16>, scaling_law_power: Compact<u16>, subnetwork_n: Compact<u16>,
  max_allowed_uids: Compact<u16>, blocks_since_last_step: Compact<u64>, tempo: Compact<u16>,
  network_modality: Compact<u16>, network_connect: Vec<[u16; 2]>, emission_value: Compact<u64>,
  burn: Compact<TaoBalance>, owner: AccountId, identity: Option<SubnetIdentityV3>`;

const POOL = `emission: Compact<u64>, alpha_in: Compact<AlphaBalance>, alpha_out: Compact<AlphaBalance>,
  tao_in: Compact<TaoBalance>, alpha_out_emission: Compact<AlphaBalance>, alpha_in_emission: Compact<AlphaBalance>,
  tao_in_emission: Compact<TaoBalance>, pending_alpha_emission: Compact<AlphaBalance>,
  pending_root_emission: Compact<TaoBalance>, subnet_volume: Compact<u128>`;

const PER_UID = `active: Vec<bool>, validator_permit: Vec<bool>, pruning_score: Vec<Compact<u16>>,
  last_update: Vec<Compact<u64>>, emission: Vec<Compact<AlphaBalance>>, dividends: Vec<Compact<PerU16>>,
  incentives: Vec<Compact<PerU16>>, consensus: Vec<Compact<PerU16>>, trust: Vec<Compact<PerU16>>,
  rank: Vec<Compact<u16>>, block_at_registration: Vec<Compact<u64>>, alpha_stake: Vec<Compact<AlphaBalance>>,
  tao_stake: Vec<Compact<TaoBalance>>, total_stake: Vec<Compact<TaoBalance>>`;

const METAGRAPH = `netuid: Compact<NetUid>, name: Vec<Compact<u8>>, symbol: Vec<Compact<u8>>,
  identity: Option<SubnetIdentityV3>, network_registered_at: Compact<u64>, owner_hotkey: AccountId,
  owner_coldkey: AccountId, block: Compact<u64>, tempo: Compact<u16>, last_step: Compact<u64>,
  blocks_since_last_step: Compact<u64>, subnet_${POOL}, moving_price: FixedI128, rho: Compact<u16>, kappa: Compact<u16>,
  min_allowed_weights: Compact<u16>, max_weights_limit: Compact<u16>, weights_version: Compact<u64>,
  weights_rate_limit: Compact<u64>, activity_cutoff: Compact<u64>, max_validators: Compact<u16>, num_uids: Compact<u16>,
  max_uids: Compact<u16>, burn: Compact<TaoBalance>, difficulty: Compact<u64>, registration_allowed: bool,
  pow_registration_allowed: bool, immunity_period: Compact<u16>, min_difficulty: Compact<u64>,
  max_difficulty: Compact<u64>, min_burn: Compact<TaoBalance>, max_burn: Compact<TaoBalance>,
  adjustment_alpha: Compact<u64>, adjustment_interval: Compact<u16>, target_regs_per_interval: Compact<u16>,
  max_regs_per_block: Compact<u16>, serving_rate_limit: Compact<u64>, commit_reveal_weights_enabled: bool,
  commit_reveal_period: Compact<u64>, liquid_alpha_enabled: bool, alpha_high: Compact<u16>, alpha_low: Compact<u16>,
  bonds_moving_avg: Compact<u64>, hotkeys: Vec<AccountId>, coldkeys: Vec<AccountId>,
  identities: Vec<Option<ChainIdentityV2>>, axons: Vec<AxonInfo>, ${PER_UID},
  tao_dividends_per_hotkey: Vec<(AccountId, Compact<TaoBalance>)>,
  alpha_dividends_per_hotkey: Vec<(AccountId, Compact<AlphaBalance>)>`;
const COLLATERAL = `collateral_locked: Vec<Compact<AlphaBalance>>, collateral_min: Vec<Compact<AlphaBalance>>,
  collateral_earned: Vec<Compact<AlphaBalance>>`;
const ONLY_SELECTED = 'validators: Vec<Compact<u16>>, commitments: Vec<(AccountId, Vec<Compact<u8>>)>';

/** Since spec 435 miners can put up collateral. */
const collateralOf = (profile: Profile) => (profile === 'latest' ? `, ${COLLATERAL}` : '');

function selectable(profile: Profile): Record<string, string> {
  const { netuid: _, ...others } = fields(`${METAGRAPH}, ${ONLY_SELECTED}${collateralOf(profile)}`);
  return others;
}

/** What `get_selective_metagraph` can be asked for, by position; 0 is the netuid, which always comes. */
export function selectableFields(profile: Profile): string[] {
  return ['netuid', ...Object.keys(selectable(profile))];
}

const RPC = 'pallet_subtensor::rpc_info';

export function apiTypes(profile: Profile): Record<string, TypeDefinition> {
  const optional = Object.entries(selectable(profile)).map(([name, type]) => [name, `Option<${type}>`]);
  return {
    ...TYPES,
    Metagraph: { path: `${RPC}::metagraph::Metagraph`, struct: fields(METAGRAPH + collateralOf(profile)) },
    SelectiveMetagraph: {
      path: `${RPC}::metagraph::SelectiveMetagraph`,
      struct: { netuid: 'Compact<NetUid>', ...Object.fromEntries(optional) },
    },
  };
}

const TYPES: Record<string, TypeDefinition> = {
  FixedI64: { path: 'substrate_fixed::FixedI64', struct: { bits: 'i64' } },
  FixedI128: { path: 'substrate_fixed::FixedI128', struct: { bits: 'i128' } },
  FixedU128: { path: 'substrate_fixed::FixedU128', struct: { bits: 'u128' } },
  ChainIdentityV2: {
    path: 'pallet_subtensor::pallet::ChainIdentityV2',
    struct: fields(`name: Vec<u8>, url: Vec<u8>, github_repo: Vec<u8>, image: Vec<u8>, discord: Vec<u8>,
      description: Vec<u8>, additional: Vec<u8>`),
  },
  NeuronInfo: {
    path: `${RPC}::neuron_info::NeuronInfo`,
    struct: fields(`${NEURON}, weights: Vec<(Compact<u16>, Compact<u16>)>, bonds: Vec<(Compact<u16>, Compact<u16>)>,
      pruning_score: Compact<u16>`),
  },
  NeuronInfoLite: {
    path: `${RPC}::neuron_info::NeuronInfoLite`,
    struct: fields(`${NEURON}, pruning_score: Compact<u16>`),
  },
  SubnetInfov2: { path: `${RPC}::subnet_info::SubnetInfov2`, struct: fields(SUBNET) },
  SubnetHyperparams: { path: `${RPC}::subnet_info::SubnetHyperparams`, struct: fields(HYPERPARAMS) },
  SubnetHyperparamsV2: {
    path: `${RPC}::subnet_info::SubnetHyperparamsV2`,
    struct: fields(`${HYPERPARAMS}, alpha_sigmoid_steepness: FixedI64, yuma_version: Compact<u16>,
      subnet_is_active: bool, transfers_enabled: bool, bonds_reset_enabled: bool, user_liquidity_enabled: bool`),
  },
  HyperparamValue: {
    path: `${RPC}::subnet_info::HyperparamValue`,
    enum: [
      { name: 'Bool', fields: ['bool'] },
      { name: 'U16', fields: ['Compact<u16>'] },
      { name: 'U32', fields: ['Compact<u32>'] },
      { name: 'U64', fields: ['Compact<u64>'] },
      { name: 'U128', fields: ['Compact<u128>'] },
      { name: 'TaoBalance', fields: ['Compact<TaoBalance>'] },
      { name: 'I32F32', fields: ['FixedI64'] },
      { name: 'U64F64', fields: ['FixedU128'] },
    ],
  },
  HyperparamEntry: {
    path: `${RPC}::subnet_info::HyperparamEntry`,
    struct: { name: 'Vec<u8>', value: 'HyperparamValue' },
  },
  DynamicInfo: {
    path: `${RPC}::dynamic_info::DynamicInfo`,
    struct: fields(`netuid: Compact<NetUid>, owner_hotkey: AccountId, owner_coldkey: AccountId,
      subnet_name: Vec<Compact<u8>>, token_symbol: Vec<Compact<u8>>, tempo: Compact<u16>, last_step: Compact<u64>,
      blocks_since_last_step: Compact<u64>, ${POOL}, network_registered_at: Compact<u64>,
      subnet_identity: Option<SubnetIdentityV3>, moving_price: FixedI128`),
  },
  SubnetState: {
    path: `${RPC}::show_subnet::SubnetState`,
    struct: fields(`netuid: Compact<NetUid>, hotkeys: Vec<AccountId>, coldkeys: Vec<AccountId>, ${PER_UID},
      emission_history: Vec<Vec<Compact<AlphaBalance>>>`),
  },
  StakeInfo: {
    path: `${RPC}::stake_info::StakeInfo`,
    struct: fields(`hotkey: AccountId, coldkey: AccountId, netuid: Compact<NetUid>, stake: Compact<AlphaBalance>,
      locked: Compact<u64>, emission: Compact<AlphaBalance>, tao_emission: Compact<TaoBalance>, drain: Compact<u64>,
      is_registered: bool`),
  },
  SubnetPrice: { path: 'pallet_subtensor_swap_runtime_api::SubnetPrice', struct: { netuid: 'NetUid', price: 'u64' } },
  SimSwapResult: {
    path: 'pallet_subtensor_swap_runtime_api::SimSwapResult',
    struct: fields(`tao_amount: TaoBalance, alpha_amount: AlphaBalance, tao_fee: TaoBalance, alpha_fee: AlphaBalance,
      tao_slippage: TaoBalance, alpha_slippage: AlphaBalance`),
  },
  RuntimeDispatchInfo: {
    path: 'pallet_transaction_payment::types::RuntimeDispatchInfo',
    params: { Balance: 'TaoBalance', Weight: 'Weight' },
    struct: { weight: 'Weight', class: 'DispatchClass', partial_fee: 'TaoBalance' },
  },
  OpaqueMetadata: { path: 'sp_core::OpaqueMetadata', struct: ['Vec<u8>'] },
};
