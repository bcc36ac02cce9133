import { type Snapshot, toItems, toNullable, toNumber } from '../node/snapshot.ts';
import { RAO } from './owners.ts';

// Fields of the runtime's SelectiveMetagraph, by their place: every field that was not asked for is one empty byte.
const HOTKEYS = 52;
const TOTAL_STAKE = 69;
const NOT_ASKED_FOR = 'Option<Null>';
const FIELD_TYPES: Record<number, string> = {
  0: 'Compact<u16>',
  [HOTKEYS]: 'Option<Vec<AccountId32>>',
  [TOTAL_STAKE]: 'Option<Vec<Compact<u64>>>',
};
const SELECTED = `Option<(${Array.from({ length: TOTAL_STAKE + 1 }, (_, place) => FIELD_TYPES[place] ?? NOT_ASKED_FOR).join()})>`;

/**
 * Stake weights, in alpha, by public key in hex: what the chain decides permits and the least stake for weights by. They follow
 * from the stakes of all subnets, so only the runtime can tell; `null` where it does not (before spec 261).
 */
export async function readStakeWeights(snapshot: Snapshot, netuid: number): Promise<Map<string, number> | null> {
  const selected = await snapshot.call(
    'SubnetInfoRuntimeApi_get_selective_metagraph',
    [
      ['u16', netuid],
      ['Vec<u16>', [HOTKEYS, TOTAL_STAKE]],
    ],
    SELECTED,
  );
  const fields = selected && toNullable(selected);
  if (!fields) return null;
  const [hotkeys, stakes] = [HOTKEYS, TOTAL_STAKE].map((place) => {
    const field = toNullable(toItems(fields)[place]!);
    return field ? toItems(field) : [];
  });
  if (hotkeys!.length !== stakes!.length) return null;
  return new Map(hotkeys!.map((hotkey, uid) => [hotkey.toHex(), toNumber(stakes![uid]) / RAO]));
}
