import type { Profile } from '../description/profile.ts';
import type { Storage } from '../state/storage.ts';
import { appendNeurons, type LocalNeuron } from './registration.ts';

/** A subnet's hyperparameters. */
export interface Hyperparameters {
  /** Blocks of an epoch; on a `legacy` chain it has one more. Default 360. */
  tempo?: number;
  /** Blocks between two weight calls of a neuron, and after its registration. Default 100. */
  weightsRateLimit?: number;
  /** Least version key of a weight call. Default 0: any. */
  weightsVersionKey?: number;
  /** Default 0. */
  minAllowedWeights?: number;
  /** Of 65535: the largest share one weight may have. Since `current` any. Default 65535. */
  maxWeightsLimit?: number;
  /** Whether weights are committed and revealed instead of set. Default: false on a `legacy` chain, true since `current`. */
  commitRevealEnabled?: boolean;
  /** Epochs from a commit to its reveal. Default 1. */
  revealPeriodEpochs?: number;
  /** Default 256. */
  maxAllowedUids?: number;
  /** The most validator permits. Default 128. */
  maxAllowedValidators?: number;
  /** Blocks after its registration in which a neuron is not pruned. Default 4096. */
  immunityPeriod?: number;
  /**
   * On a `latest` chain, who may set weights: with `Null` only who has a permit, even the owner. Epochs compute the
   * same with both here. Default `Yuma`.
   */
  epochConsensus?: 'Yuma' | 'Null';
  /** Price of a registration, in smallest units. Default 0. */
  burn?: number;
}

export interface LocalSubnetParameters extends Hyperparameters {
  netuid: number;
  /** Of its identity. Default: it has no name. */
  name?: string;
  /** The owner's coldkey, ss58. Default: nobody owns it. */
  owner?: string;
  /** Block in which the subnet was registered. Default 0. */
  registrationBlock?: number;
  /** A neuron's uid is its index. */
  neurons: LocalNeuron[];
}

const STORAGE_ITEMS: Record<keyof Hyperparameters, string> = {
  tempo: 'Tempo',
  weightsRateLimit: 'WeightsSetRateLimit',
  weightsVersionKey: 'WeightsVersionKey',
  minAllowedWeights: 'MinAllowedWeights',
  maxWeightsLimit: 'MaxWeightsLimit',
  commitRevealEnabled: 'CommitRevealWeightsEnabled',
  revealPeriodEpochs: 'RevealPeriodEpochs',
  maxAllowedUids: 'MaxAllowedUids',
  maxAllowedValidators: 'MaxAllowedValidators',
  immunityPeriod: 'ImmunityPeriod',
  epochConsensus: 'SubnetEpochConsensus',
  burn: 'Burn',
};

const LEGACY_FIELDS = ['github_repo', 'subnet_contact'];
const V3 = [...LEGACY_FIELDS, 'subnet_url', 'discord', 'description', 'logo_url', 'additional'];
const IDENTITIES: Record<Profile, { item: string; fields: string[] }> = {
  legacy: { item: 'SubtensorModule.SubnetIdentities', fields: LEGACY_FIELDS },
  current: { item: 'SubtensorModule.SubnetIdentitiesV3', fields: V3 },
  latest: { item: 'SubtensorModule.SubnetIdentitiesV3', fields: V3 },
};

/** Writes a subnet to the genesis state. What is not given is the runtime's default. */
export function writeSubnet(storage: Storage, parameters: LocalSubnetParameters): void {
  const { netuid, neurons, name, owner, registrationBlock = 0, ...hyperparameters } = parameters;
  storage.put('SubtensorModule.NetworksAdded', netuid, true);
  for (const name of Object.keys(STORAGE_ITEMS) as (keyof Hyperparameters)[]) {
    if (hyperparameters[name] !== undefined) setHyperparameter(storage, netuid, name, hyperparameters[name]);
  }
  storage.put('SubtensorModule.NetworkRegisteredAt', netuid, registrationBlock);
  if (owner !== undefined) storage.put('SubtensorModule.SubnetOwner', netuid, owner);
  if (name !== undefined) writeName(storage, netuid, name);
  appendNeurons(storage, 0, netuid, neurons);
}

/** As the runtime's subnet identity, its other fields empty. */
function writeName(storage: Storage, netuid: number, name: string): void {
  const { item, fields } = IDENTITIES[storage.profile];
  const nothing = Object.fromEntries(fields.map((field) => [field, '0x']));
  storage.put(item, netuid, { ...nothing, subnet_name: `0x${Buffer.from(name).toString('hex')}` });
}

export function setHyperparameter(
  storage: Storage,
  netuid: number,
  name: keyof Hyperparameters,
  value: number | boolean | string,
): void {
  storage.put(`SubtensorModule.${STORAGE_ITEMS[name]}`, netuid, value);
}
