import { type ChainValue, type Snapshot, toItems } from '../node/snapshot.ts';

/** `uNN` in compact form has the same bytes for every NN, so one width reads those of all runtimes. */
const COMPACT = 'Compact<u64>';
/** `NeuronInfoLite`, of the same layout from spec 218 to 425. */
const NEURON_INFO_LITE = {
  hotkey: 'AccountId32',
  coldkey: 'AccountId32',
  uid: COMPACT,
  netuid: COMPACT,
  active: 'bool',
  /** Where it serves an axon and Prometheus: addresses, ports, versions. */
  served: '[u8; 65]',
  /** By coldkey, in smallest units. */
  stake: `Vec<(AccountId32, ${COMPACT})>`,
  rank: COMPACT,
  emission: COMPACT,
  incentive: COMPACT,
  consensus: COMPACT,
  trust: COMPACT,
  validatorTrust: COMPACT,
  dividends: COMPACT,
  lastUpdate: COMPACT,
  validatorPermit: 'bool',
  pruningScore: COMPACT,
} as const;

/** The runtime's own view of a neuron. Ranks, trust and pruning scores are no longer computed. */
export type NeuronInfo = ChainValue & Record<keyof typeof NEURON_INFO_LITE, ChainValue>;

/**
 * Every neuron of a subnet in one call of the runtime, `null` where it has no such function. Runtimes before spec 233 hand
 * the list out as bytes; it is read all the same.
 */
export async function readNeuronInfos(snapshot: Snapshot, netuid: number): Promise<NeuronInfo[] | null> {
  const infos = await snapshot.call(
    'NeuronInfoRuntimeApi_get_neurons_lite',
    [['u16', netuid]],
    `Vec<${JSON.stringify(NEURON_INFO_LITE)}>`,
  );
  return infos && (toItems(infos) as NeuronInfo[]);
}
