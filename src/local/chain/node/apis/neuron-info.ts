import type { Block, Chain } from '../chain.ts';
import type { ApiHandlers } from './handlers.ts';
import { SubnetView } from './subnet-view.ts';

/** Of every neuron, since they are no longer computed. */
const NO_PRUNING_SCORE = 65_535;
/** `PrometheusInfo` of a neuron that serves none, encoded. */
const NO_PROMETHEUS = new Uint8Array(8 + 4 + 16 + 2 + 1);

/** `NeuronInfoRuntimeApi`: one neuron of a subnet or all of them, with their rows of weights and bonds or without. */
export function neuronInfo(chain: Chain): ApiHandlers {
  const all = (netuid: number, at: Block) => describe(new SubnetView(chain, at, netuid));
  const one = (netuid: number, uid: number, at: Block) => all(netuid, at)[uid] ?? null;
  return {
    get_neurons: ([netuid], at) => all(netuid as number, at),
    get_neurons_lite: ([netuid], at) => all(netuid as number, at),
    get_neuron: ([netuid, uid], at) => one(netuid as number, uid as number, at),
    get_neuron_lite: ([netuid, uid], at) => one(netuid as number, uid as number, at),
  };
}

function describe(subnet: SubnetView) {
  const vector = (item: string) => subnet.get<number[]>(item);
  const [active, permits] = [subnet.get<boolean[]>('Active'), subnet.get<boolean[]>('ValidatorPermit')];
  const [emission, consensus, validatorTrust, dividends] = ['Emission', 'Consensus', 'ValidatorTrust', 'Dividends'].map(
    vector,
  ) as [number[], number[], number[], number[]];
  const [incentive, lastUpdate] = [subnet.vector('Incentive'), subnet.vector('LastUpdate')];
  const scores = subnet.getOr<number[]>('PruningScores', []);
  return subnet.neurons().map(({ uid, hotkey, coldkey, stake, axon }) => ({
    ...{ hotkey, coldkey, uid, netuid: subnet.netuid, active: active[uid], axon_info: axon },
    prometheus_info: NO_PROMETHEUS,
    // One coldkey, the owner's, with the whole stake.
    stake: [[coldkey, stake]],
    rank: 0,
    emission: emission[uid] ?? 0,
    incentive: incentive[uid],
    consensus: consensus[uid],
    trust: 0,
    validator_trust: validatorTrust[uid],
    dividends: dividends[uid],
    last_update: lastUpdate[uid],
    validator_permit: permits[uid],
    get weights() {
      return subnet.row('Weights', uid);
    },
    get bonds() {
      return subnet.row('Bonds', uid);
    },
    pruning_score: scores[uid] ?? NO_PRUNING_SCORE,
  }));
}
