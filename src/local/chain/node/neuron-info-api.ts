import type { Chain } from './chain.ts';
import type { RuntimeApi } from './runtime-function.ts';

const AXON_INFO_BYTES = 8 + 4 + 16 + 2 + 4;
const PROMETHEUS_INFO_BYTES = 8 + 4 + 16 + 2 + 1;
const NOTHING_SERVED = new Uint8Array(AXON_INFO_BYTES + PROMETHEUS_INFO_BYTES);
/** Of every neuron, since they are no longer computed. */
const NO_PRUNING_SCORE = 65_535;
/** The current runtime has neither. */
const RANK = 0;
const TRUST = 0;

/** `NeuronInfoRuntimeApi`: all neurons of a subnet at once. */
export function neuronInfoApi(chain: Chain): RuntimeApi {
  const { registry } = chain.codec;
  return {
    id: '0x806df4ccaa9ed485',
    version: 1,
    functions: {
      get_neurons_lite: (args, { number }) => {
        const netuid = registry.createType('u16', args).toNumber();
        const codec = chain.codecAt(number);
        const compact = (value: number | string = 0) => codec.compact(value);
        const flag = (value: unknown) => Uint8Array.of(value ? 1 : 0);
        const name = (item: string) => `SubtensorModule.${item}`;
        const get = <T>(item: string, ...keys: unknown[]) => chain.storage.getAt<T>(number, name(item), ...keys);
        const vector = (item: string) => get<number[]>(item, netuid);
        const [active, permits, lastUpdate, emission] = ['Active', 'ValidatorPermit', 'LastUpdate', 'Emission'].map(
          vector,
        );
        const [incentive, consensus, validatorTrust, dividends] = [
          'Incentive',
          'Consensus',
          'ValidatorTrust',
          'Dividends',
        ].map(vector);
        const pruningScores = codec.profile === 'legacy' ? vector('PruningScores') : [];
        const size = get<number>('SubnetworkN', netuid);
        const neurons = Array.from({ length: size }, (_, uid) => {
          const hotkey = chain.storage.bytesAt(number, name('Keys'), netuid, uid);
          const coldkey = chain.storage.bytesAt(number, name('Owner'), hotkey);
          const alpha = get<number | string>('TotalHotkeyAlpha', hotkey, netuid);
          return Buffer.concat([
            ...[bytesOf(hotkey), bytesOf(coldkey), compact(uid), compact(netuid), flag(active![uid]), NOTHING_SERVED],
            // One coldkey, the owner's, with the whole stake.
            ...[compact(1), bytesOf(coldkey), compact(alpha)],
            ...[compact(RANK), compact(emission![uid]), compact(incentive![uid]), compact(consensus![uid])],
            ...[compact(TRUST), compact(validatorTrust![uid]), compact(dividends![uid]), compact(lastUpdate![uid])],
            ...[flag(permits![uid]), compact(pruningScores[uid] ?? NO_PRUNING_SCORE)],
          ]);
        });
        const list = Buffer.concat([compact(size), ...neurons]);
        // Typed since spec 233; before, the list was encoded as `Vec<u8>`.
        return codec.profile === 'legacy' ? Buffer.concat([compact(list.length), list]) : list;
      },
    },
  };
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.slice(2), 'hex');
}
