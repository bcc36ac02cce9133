import type { Block, Chain } from '../chain.ts';
import type { ApiHandlers } from './handlers.ts';
import { SubnetView } from './subnet-view.ts';

/** `StakeInfoRuntimeApi`: what a coldkey has staked. All stake of a hotkey is its owner's on this chain. */
export function stakeInfo(chain: Chain, netuids: number[]): ApiHandlers {
  const ofColdkey = (coldkey: unknown, at: Block) =>
    netuids.flatMap((netuid) =>
      chain.storage
        .getAt<string[]>(at.number, 'SubtensorModule.OwnedHotkeys', coldkey)
        .map((hotkey) => describe(chain, at, { netuid, hotkey, coldkey }))
        .filter(({ stake }) => BigInt(stake) > 0n),
    );
  return {
    get_stake_info_for_coldkey: ([coldkey], at) => ofColdkey(coldkey, at),
    get_stake_info_for_coldkeys: ([coldkeys], at) =>
      (coldkeys as string[]).map((coldkey) => [coldkey, ofColdkey(coldkey, at)]),
    get_stake_info_for_hotkey_coldkey_netuid: ([hotkey, coldkey, netuid], at) =>
      new SubnetView(chain, at, netuid as number).exists
        ? describe(chain, at, { netuid: netuid as number, hotkey: hotkey as string, coldkey })
        : null,
  };
}

function describe(
  chain: Chain,
  { number }: Block,
  { netuid, hotkey, coldkey }: { netuid: number; hotkey: string; coldkey: unknown },
) {
  const get = <T>(item: string, ...keys: unknown[]) =>
    chain.storage.getAt<T>(number, `SubtensorModule.${item}`, ...keys);
  const isOwner = get<string>('Owner', hotkey) === coldkey;
  return {
    ...{ hotkey, coldkey, netuid },
    stake: isOwner ? get<number | string>('TotalHotkeyAlpha', hotkey, netuid) : 0,
    ...{ locked: 0, emission: 0, tao_emission: 0, drain: 0 },
    is_registered: get('Uids', netuid, hotkey) !== null,
  };
}
