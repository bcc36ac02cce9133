import type { Chain } from './chain.ts';
import type { RuntimeApi } from './runtime-api.ts';

/** Places of the fields of `SelectiveMetagraph`, of which there are so many. */
const FIELDS = 74;
const HOTKEYS = 52;
const ALPHA_STAKE = 67;
const TAO_STAKE = 68;
const TOTAL_STAKE = 69;

/** `SubnetInfoRuntimeApi` (`current`): keys and stakes of a subnet, of the fields that are asked for. */
export function subnetInfoApi(chain: Chain): RuntimeApi {
  const { registry } = chain.codec;
  return {
    id: '0x8375104b299b74c5',
    version: 1,
    functions: {
      get_selective_metagraph: (args, { number }) => {
        const [netuid, indexes] = registry.createType('(u16, Vec<u16>)', args).toJSON() as [number, number[]];
        const get = <T>(item: string, ...keys: unknown[]) =>
          chain.storage.getAt<T>(number, `SubtensorModule.${item}`, ...keys);
        if (!get('NetworksAdded', netuid)) return registry.createType('Option<Null>').toU8a();
        const uids = Array.from({ length: get<number>('SubnetworkN', netuid) }, (_, uid) => uid);
        const hotkeys = uids.map((uid) => get<string>('Keys', netuid, uid));
        // There is neither TAO staked nor a parent hotkey on this chain: alpha is all that counts.
        const alpha = () => hotkeys.map((hotkey) => get<number>('TotalHotkeyAlpha', hotkey, netuid));
        const fields: Record<number, () => [type: string, value: unknown]> = {
          [HOTKEYS]: () => ['Vec<AccountId>', hotkeys],
          [ALPHA_STAKE]: () => ['Vec<Compact<u64>>', alpha()],
          [TAO_STAKE]: () => ['Vec<Compact<u64>>', uids.map(() => 0)],
          [TOTAL_STAKE]: () => ['Vec<Compact<u64>>', alpha()],
        };
        const parts = Array.from({ length: FIELDS }, (_, place) => {
          if (place === 0) return registry.createType('Compact<u16>', netuid).toU8a();
          const [type, value] = indexes.includes(place) && fields[place] ? fields[place]() : ['Null', null];
          return registry.createTypeUnsafe(`Option<${type}>`, type === 'Null' ? [] : [value]).toU8a();
        });
        const SOME = Uint8Array.of(1);
        return Buffer.concat([SOME, ...parts]);
      },
    },
  };
}
