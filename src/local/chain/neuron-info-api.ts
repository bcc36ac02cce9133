import type { Chain } from './chain.ts';
import type { RuntimeApi } from './runtime-api.ts';

const AXON_INFO = '(u64, u32, u128, u16, u8, u8, u8, u8)';
const PROMETHEUS_INFO = '(u64, u32, u128, u16, u8)';
const NOTHING_SERVED = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0],
];
/** In Subtensor's order; stake is one pair of coldkey and alpha. */
const NEURON_INFO_LITE = `(AccountId, AccountId, Compact<u16>, Compact<u16>, bool, ${AXON_INFO}, ${PROMETHEUS_INFO},
  Vec<(AccountId, Compact<u64>)>, Compact<u16>, Compact<u64>, Compact<u16>, Compact<u16>, Compact<u16>, Compact<u16>,
  Compact<u16>, Compact<u64>, bool, Compact<u16>)`;
/** Since they are no longer computed. */
const NO_PRUNING_SCORE = 65_535;

/** `NeuronInfoRuntimeApi`: all neurons of a subnet at once. */
export function neuronInfoApi(chain: Chain): RuntimeApi {
  const { registry } = chain.codec;
  return {
    id: '0x806df4ccaa9ed485',
    version: 1,
    functions: {
      get_neurons_lite: (args, { number }) => {
        const netuid = registry.createType('u16', args).toNumber();
        const { profile } = chain.codecAt(number);
        const get = <T>(item: string, ...keys: unknown[]) =>
          chain.storage.getAt<T>(number, `SubtensorModule.${item}`, ...keys);
        const vector = (item: string) => get<number[]>(item, netuid);
        const names = [
          'Active',
          'Emission',
          'Incentive',
          'Consensus',
          'ValidatorTrust',
          'Dividends',
          'LastUpdate',
          'ValidatorPermit',
        ];
        const [active, emission, incentive, consensus, validatorTrust, dividends, lastUpdate, permits] =
          names.map(vector);
        const pruning = profile === 'legacy' ? vector('PruningScores') : [];
        const neurons = Array.from({ length: get<number>('SubnetworkN', netuid) }, (_, uid) => {
          const hotkey = get<string>('Keys', netuid, uid);
          const coldkey = get<string>('Owner', hotkey);
          const stake = [[coldkey, get<number>('TotalHotkeyAlpha', hotkey, netuid)]];
          return [
            ...[
              hotkey,
              coldkey,
              uid,
              netuid,
              active![uid],
              ...NOTHING_SERVED,
              stake,
              0,
              emission![uid],
              incentive![uid],
            ],
            ...[consensus![uid], 0, validatorTrust![uid], dividends![uid], lastUpdate![uid], permits![uid]],
            pruning[uid] ?? NO_PRUNING_SCORE,
          ];
        });
        const list = registry.createTypeUnsafe(`Vec<${NEURON_INFO_LITE}>`, [neurons]).toU8a();
        // Its own type came with spec 233.
        return profile === 'legacy'
          ? registry.createType('Bytes', `0x${Buffer.from(list).toString('hex')}`).toU8a()
          : list;
      },
    },
  };
}
