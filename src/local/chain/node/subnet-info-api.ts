import type { Chain } from './chain.ts';
import type { RuntimeApi } from './runtime-function.ts';

/** Fields of `SelectiveMetagraph` after the netuid. */
const FIELDS = 73;
const HOTKEYS = 52;
const ALPHA_STAKE = 67;
const TAO_STAKE = 68;
const TOTAL_STAKE = 69;

const NONE = Uint8Array.of(0);
const SOME = Uint8Array.of(1);

/** `SubnetInfoRuntimeApi` (`current`): those of a subnet's keys and stakes that are asked for. */
export function subnetInfoApi(chain: Chain): RuntimeApi {
  const { registry } = chain.codec;
  return {
    id: '0x8375104b299b74c5',
    version: 1,
    functions: {
      get_selective_metagraph: (args, { number }) => {
        const [netuid, indexes] = registry.createType('(u16, Vec<u16>)', args).toJSON() as [number, number[]];
        const { codec, storage } = chain;
        const name = (item: string) => `SubtensorModule.${item}`;
        if (!storage.getAt(number, name('NetworksAdded'), netuid)) return NONE;
        const uids = Array.from(
          { length: storage.getAt<number>(number, name('SubnetworkN'), netuid) },
          (_, uid) => uid,
        );
        const hotkeys = uids.map((uid) => storage.bytesAt(number, name('Keys'), netuid, uid));
        const alphaOf = (hotkey: string) =>
          codec.compact(storage.getAt<number | string>(number, name('TotalHotkeyAlpha'), hotkey, netuid));
        // No TAO is staked on this chain, and no hotkey has a parent: alpha is all that counts.
        const fields: Record<number, () => Uint8Array[]> = {
          [HOTKEYS]: () => hotkeys.map((hotkey) => Buffer.from(hotkey.slice(2), 'hex')),
          [ALPHA_STAKE]: () => hotkeys.map(alphaOf),
          [TAO_STAKE]: () => uids.map(() => codec.compact(0)),
          [TOTAL_STAKE]: () => hotkeys.map(alphaOf),
        };
        const parts = Array.from({ length: FIELDS }, (_, i) => {
          const values = indexes.includes(i + 1) ? fields[i + 1]?.() : undefined;
          return values ? [SOME, codec.compact(values.length), ...values] : [NONE];
        });
        return Buffer.concat([SOME, codec.compact(netuid), ...parts.flat()]);
      },
    },
  };
}
