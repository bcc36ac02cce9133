import { type Snapshot, toItems } from './snapshot.ts';

/**
 * The runtime's own view of a neuron (`NeuronInfoLite`), of the same layout from spec 218 to 425. Ranks, trust and pruning
 * scores are no longer computed.
 */
export interface NeuronInfo {
  hotkey: string;
  coldkey: string;
  uid: number;
  netuid: number;
  active: boolean;
  axon: unknown;
  prometheus: unknown;
  /** Stake of the hotkey by coldkey, in smallest units. */
  stake: [coldkey: string, amount: number | string][];
  rank: number;
  emission: number;
  incentive: number;
  consensus: number;
  trust: number;
  validatorTrust: number;
  dividends: number;
  lastUpdate: number;
  validatorPermit: boolean;
  pruningScore: number;
}

/** `uNN` in compact form has the same bytes for every NN, so one width reads those of all runtimes. */
const COMPACT = 'Compact<u64>';
const NEURON_INFO_LITE = JSON.stringify({
  hotkey: 'AccountId32',
  coldkey: 'AccountId32',
  uid: COMPACT,
  netuid: COMPACT,
  active: 'bool',
  axon: '(u64, u32, u128, u16, u8, u8, u8, u8)',
  prometheus: '(u64, u32, u128, u16, u8)',
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
});

/**
 * Every neuron of a subnet in one call of the runtime, `null` where it has no such function. Runtimes before spec 233 hand
 * the list out as bytes; it is read all the same.
 */
export async function readNeuronInfos(snapshot: Snapshot, netuid: number): Promise<NeuronInfo[] | null> {
  const infos = await snapshot.call(
    'NeuronInfoRuntimeApi_get_neurons_lite',
    [['u16', netuid]],
    `Vec<${NEURON_INFO_LITE}>`,
  );
  return infos && toItems(infos).map((info) => info.toJSON() as unknown as NeuronInfo);
}
