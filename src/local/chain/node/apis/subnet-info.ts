import { selectableFields } from '../../description/api-types.ts';
import type { Block, Chain } from '../chain.ts';
import type { ApiHandlers } from './handlers.ts';
import { SubnetView } from './subnet-view.ts';

/** Settings that this chain does not have, as the runtime's defaults. */
const FIXED = {
  rho: 10,
  kappa: 32_767,
  difficulty: 10_000_000,
  min_difficulty: 10_000_000,
  max_difficulty: 2n ** 62n - 1n,
  adjustment_interval: 100,
  adjustment_alpha: 0,
  target_regs_per_interval: 2,
  max_regs_per_block: 1,
  bonds_moving_avg: 900_000,
  serving_rate_limit: 50,
  liquid_alpha_enabled: false,
  alpha_high: 58_982,
  alpha_low: 45_875,
};
/** Alpha costs one TAO: there is no pool. */
const PRICE_ONE = { bits: 2n ** 32n };
const NO_POOL = {
  ...{ emission: 0, alpha_in: 0, alpha_out: 0, tao_in: 0, alpha_out_emission: 0, alpha_in_emission: 0 },
  ...{ tao_in_emission: 0, pending_alpha_emission: 0, pending_root_emission: 0, subnet_volume: 0 },
  moving_price: PRICE_ONE,
};
const SYMBOL = Buffer.from('α');

/** `SubnetInfoRuntimeApi`: a subnet's settings, its neurons as vectors by uid, and its next epoch. */
export function subnetInfo(chain: Chain, netuids: number[]): ApiHandlers {
  const ofSubnet =
    (describe: (subnet: SubnetView) => unknown) =>
    ([netuid, mecid]: unknown[], at: Block) => {
      const subnet = new SubnetView(chain, at, netuid as number, mecid as number | undefined);
      return subnet.exists ? describe(subnet) : null;
    };
  const ofAll = (describe: (subnet: SubnetView) => unknown) => (_: unknown[], at: Block) =>
    netuids.map((netuid) => describe(new SubnetView(chain, at, netuid)));
  const selected = (netuid: unknown, mecid: number, indexes: unknown, at: Block) => {
    const names = selectableFields(chain.codecAt(at.number).profile);
    const asked = new Set((indexes as number[]).map((index) => names[index]));
    return ofSubnet((subnet) => {
      const graph = metagraph(subnet);
      const more = asked.has('validators') || asked.has('commitments') ? onlySelected(chain, subnet) : {};
      const partOf = (name: string) => (name in more ? (more as Record<string, unknown>)[name] : graph[name]);
      return Object.fromEntries(names.map((name, i) => [name, i === 0 || asked.has(name) ? partOf(name) : null]));
    })([netuid, mecid], at);
  };
  return {
    get_subnet_info_v2: ofSubnet(subnetInfoV2),
    get_subnets_info_v2: ofAll(subnetInfoV2),
    get_subnet_hyperparams: ofSubnet(hyperparameters),
    get_subnet_hyperparams_v2: ofSubnet(hyperparametersV2),
    get_subnet_hyperparams_v3: ofSubnet(hyperparametersV3),
    get_dynamic_info: ofSubnet(dynamicInfo),
    get_all_dynamic_info: ofAll(dynamicInfo),
    get_metagraph: ([netuid], at) => ofSubnet(metagraph)([netuid], at),
    get_mechagraph: ofSubnet(metagraph),
    get_all_metagraphs: ofAll(metagraph),
    get_selective_metagraph: ([netuid, indexes], at) => selected(netuid, 0, indexes, at),
    get_selective_mechagraph: ([netuid, mecid, indexes], at) => selected(netuid, mecid as number, indexes, at),
    get_subnet_state: ofSubnet((subnet) => Object.assign(metagraph(subnet), { emission_history: [] })),
    get_next_epoch_start_block: ofSubnet((subnet) => subnet.nextEpoch()),
  };
}

function hyperparameters(subnet: SubnetView) {
  return {
    ...FIXED,
    immunity_period: subnet.get('ImmunityPeriod'),
    min_allowed_weights: subnet.get('MinAllowedWeights'),
    max_weights_limit: subnet.get('MaxWeightsLimit'),
    tempo: subnet.get('Tempo'),
    weights_version: subnet.get('WeightsVersionKey'),
    weights_rate_limit: subnet.get('WeightsSetRateLimit'),
    activity_cutoff: subnet.activityCutoff(),
    registration_allowed: subnet.get('NetworkRegistrationAllowed'),
    min_burn: subnet.get('MinBurn'),
    max_burn: subnet.get('MaxBurn'),
    max_validators: subnet.get('MaxAllowedValidators'),
    commit_reveal_period: subnet.get('RevealPeriodEpochs'),
    commit_reveal_weights_enabled: subnet.get('CommitRevealWeightsEnabled'),
  };
}

function hyperparametersV2(subnet: SubnetView) {
  return {
    ...hyperparameters(subnet),
    alpha_sigmoid_steepness: { bits: 1000n << 32n },
    yuma_version: 2,
    subnet_is_active: true,
    transfers_enabled: true,
    bonds_reset_enabled: false,
    user_liquidity_enabled: false,
  };
}

/** Kind of a value of the third version, which lists names and values. */
const KINDS: [kind: string, names: string][] = [
  [
    'Bool',
    'registration_allowed commit_reveal_weights_enabled liquid_alpha_enabled subnet_is_active transfers_enabled bonds_reset_enabled user_liquidity_enabled',
  ],
  [
    'U16',
    'kappa immunity_period min_allowed_weights max_weights_limit tempo max_validators alpha_high alpha_low yuma_version',
  ],
  [
    'U64',
    'weights_version weights_rate_limit activity_cutoff bonds_moving_avg serving_rate_limit commit_reveal_period',
  ],
  ['TaoBalance', 'min_burn max_burn'],
  ['I32F32', 'alpha_sigmoid_steepness'],
];

function hyperparametersV3(subnet: SubnetView) {
  const values: Record<string, unknown> = hyperparametersV2(subnet);
  return KINDS.flatMap(([kind, names]) =>
    names.split(' ').map((name) => ({ name: Buffer.from(name), value: { [kind]: values[name] } })),
  );
}

function subnetInfoV2(subnet: SubnetView) {
  return {
    ...hyperparameters(subnet),
    netuid: subnet.netuid,
    max_allowed_validators: subnet.get('MaxAllowedValidators'),
    scaling_law_power: 50,
    subnetwork_n: subnet.get('SubnetworkN'),
    max_allowed_uids: subnet.get('MaxAllowedUids'),
    blocks_since_last_step: subnet.get('BlocksSinceLastStep'),
    network_modality: 0,
    network_connect: [],
    emission_value: 0,
    burn: subnet.get('Burn'),
    owner: subnet.key('SubnetOwner'),
    identity: subnet.identity(),
  };
}

function heading(subnet: SubnetView) {
  return {
    netuid: subnet.netuid,
    owner_hotkey: subnet.key('SubnetOwnerHotkey'),
    owner_coldkey: subnet.key('SubnetOwner'),
    tempo: subnet.get('Tempo'),
    last_step: subnet.get('LastMechansimStepBlock'),
    blocks_since_last_step: subnet.get('BlocksSinceLastStep'),
    network_registered_at: subnet.get('NetworkRegisteredAt'),
  };
}

function dynamicInfo(subnet: SubnetView) {
  return {
    ...heading(subnet),
    ...NO_POOL,
    subnet_name: subnet.name(),
    token_symbol: SYMBOL,
    subnet_identity: subnet.identity(),
  };
}

/** Vectors by uid are made when they are asked for: most callers want a few. */
function metagraph(subnet: SubnetView) {
  const neurons = subnet.neurons();
  const zeros = neurons.map(() => 0);
  const graph = {
    ...heading(subnet),
    ...NO_POOL,
    ...hyperparameters(subnet),
    name: subnet.name(),
    symbol: SYMBOL,
    identity: subnet.identity(),
    block: subnet.block,
    subnet_emission: 0,
    num_uids: neurons.length,
    max_uids: subnet.get('MaxAllowedUids'),
    burn: subnet.get('Burn'),
    pow_registration_allowed: false,
    hotkeys: neurons.map(({ hotkey }) => hotkey),
    identities: neurons.map(() => null),
    // No longer computed.
    ...{ pruning_score: [], trust: [], rank: [] },
    tao_stake: zeros,
    ...{ tao_dividends_per_hotkey: [], alpha_dividends_per_hotkey: [] },
    ...{ collateral_locked: zeros, collateral_min: zeros, collateral_earned: zeros },
  };
  const vectors: Record<string, () => unknown> = {
    coldkeys: () => neurons.map(({ coldkey }) => coldkey),
    axons: () => neurons.map(({ axon }) => axon),
    active: () => subnet.get('Active'),
    validator_permit: () => subnet.get('ValidatorPermit'),
    last_update: () => subnet.vector('LastUpdate'),
    emission: () => subnet.get('Emission'),
    dividends: () => subnet.get('Dividends'),
    incentives: () => subnet.vector('Incentive'),
    consensus: () => subnet.get('Consensus'),
    block_at_registration: () => neurons.map(({ registeredAt }) => registeredAt),
    alpha_stake: () => neurons.map(({ stake }) => stake),
    total_stake: () => neurons.map(({ stake }) => stake),
  };
  for (const [name, get] of Object.entries(vectors)) Object.defineProperty(graph, name, { get, enumerable: false });
  return graph as typeof graph & Record<string, unknown>;
}

/** The uids with a permit, and each neuron's commitment as the bytes of its storage entry. */
function onlySelected(chain: Chain, subnet: SubnetView) {
  const permits = subnet.get<boolean[]>('ValidatorPermit');
  const key = (hotkey: string) => chain.codecAt(subnet.block).key('Commitments.CommitmentOf', [subnet.netuid, hotkey]);
  return {
    validators: permits.flatMap((permit, uid) => (permit ? [uid] : [])),
    commitments: subnet.neurons().flatMap(({ hotkey }) => {
      const raw = chain.storage.raw(key(hotkey), subnet.block);
      return raw === null ? [] : [[hotkey, Buffer.from(raw.slice(2), 'hex')]];
    }),
  };
}
