import type { InProfile } from './profile.ts';

export interface ApiMethod {
  inputs: Record<string, string>;
  output: string;
}

/** A runtime API of some profiles: its methods by name. */
export type ApiDescription = InProfile & {
  name: string;
  version: number;
  methods: Record<string, ApiMethod & InProfile>;
};

const SUBNET = { netuid: 'NetUid' };

/** The runtime APIs that `state_call` reaches. Those of `legacy` answer Subtensor's own types as plain bytes. */
export const RUNTIME_APIS: ApiDescription[] = [
  { name: 'Core', version: 5, methods: { version: { inputs: {}, output: 'RuntimeVersion' } } },
  {
    name: 'Metadata',
    version: 2,
    methods: {
      metadata: { inputs: {}, output: 'OpaqueMetadata' },
      metadata_at_version: { inputs: { version: 'u32' }, output: 'Option<OpaqueMetadata>' },
      metadata_versions: { inputs: {}, output: 'Vec<u32>' },
    },
  },
  {
    name: 'AccountNonceApi',
    version: 1,
    methods: { account_nonce: { inputs: { account: 'AccountId' }, output: 'u32' } },
  },
  {
    name: 'TransactionPaymentApi',
    version: 4,
    methods: {
      query_info: { inputs: { uxt: 'UncheckedExtrinsic', len: 'u32' }, output: 'RuntimeDispatchInfo' },
    },
  },
  {
    name: 'NeuronInfoRuntimeApi',
    version: 1,
    methods: {
      get_neurons: { since: 'current', inputs: SUBNET, output: 'Vec<NeuronInfo>' },
      get_neuron: { since: 'current', inputs: { ...SUBNET, uid: 'u16' }, output: 'Option<NeuronInfo>' },
      get_neurons_lite: { inputs: SUBNET, output: 'Vec<NeuronInfoLite>' },
      get_neuron_lite: { since: 'current', inputs: { ...SUBNET, uid: 'u16' }, output: 'Option<NeuronInfoLite>' },
    },
  },
  {
    name: 'SubnetInfoRuntimeApi',
    since: 'current',
    version: 1,
    methods: {
      get_subnet_info_v2: { inputs: SUBNET, output: 'Option<SubnetInfov2>' },
      get_subnets_info_v2: { inputs: {}, output: 'Vec<Option<SubnetInfov2>>' },
      get_subnet_hyperparams: { inputs: SUBNET, output: 'Option<SubnetHyperparams>' },
      get_subnet_hyperparams_v2: { inputs: SUBNET, output: 'Option<SubnetHyperparamsV2>' },
      get_subnet_hyperparams_v3: { inputs: SUBNET, output: 'Option<Vec<HyperparamEntry>>' },
      get_all_dynamic_info: { inputs: {}, output: 'Vec<Option<DynamicInfo>>' },
      get_dynamic_info: { inputs: SUBNET, output: 'Option<DynamicInfo>' },
      get_metagraph: { inputs: SUBNET, output: 'Option<Metagraph>' },
      get_all_metagraphs: { inputs: {}, output: 'Vec<Option<Metagraph>>' },
      get_mechagraph: { inputs: { ...SUBNET, mecid: 'MechId' }, output: 'Option<Metagraph>' },
      get_selective_metagraph: {
        inputs: { ...SUBNET, metagraph_indexes: 'Vec<u16>' },
        output: 'Option<SelectiveMetagraph>',
      },
      get_selective_mechagraph: {
        inputs: { ...SUBNET, subid: 'MechId', metagraph_indexes: 'Vec<u16>' },
        output: 'Option<SelectiveMetagraph>',
      },
      get_subnet_state: { inputs: SUBNET, output: 'Option<SubnetState>' },
      get_next_epoch_start_block: { inputs: SUBNET, output: 'Option<u64>' },
    },
  },
  {
    name: 'StakeInfoRuntimeApi',
    since: 'current',
    version: 1,
    methods: {
      get_stake_info_for_coldkey: { inputs: { coldkey_account: 'AccountId' }, output: 'Vec<StakeInfo>' },
      get_stake_info_for_coldkeys: {
        inputs: { coldkey_accounts: 'Vec<AccountId>' },
        output: 'Vec<(AccountId, Vec<StakeInfo>)>',
      },
      get_stake_info_for_hotkey_coldkey_netuid: {
        inputs: { hotkey_account: 'AccountId', coldkey_account: 'AccountId', ...SUBNET },
        output: 'Option<StakeInfo>',
      },
    },
  },
  {
    name: 'SubnetRegistrationRuntimeApi',
    since: 'current',
    version: 1,
    methods: { get_network_registration_cost: { inputs: {}, output: 'TaoBalance' } },
  },
  {
    name: 'SwapRuntimeApi',
    since: 'current',
    version: 1,
    methods: {
      current_alpha_price: { inputs: SUBNET, output: 'u64' },
      current_alpha_price_all: { inputs: {}, output: 'Vec<SubnetPrice>' },
      sim_swap_tao_for_alpha: { inputs: { ...SUBNET, tao: 'TaoBalance' }, output: 'SimSwapResult' },
      sim_swap_alpha_for_tao: { inputs: { ...SUBNET, alpha: 'AlphaBalance' }, output: 'SimSwapResult' },
    },
  },
];
