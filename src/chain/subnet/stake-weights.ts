import { toField } from '../codec/chain-value.ts';
import { type ChainValue, type Snapshot, toItems, toNullable, toNumber } from '../node/snapshot.ts';
import { RAO } from './owners.ts';

/** Fields of the runtime's SelectiveMetagraph, in its order, up to the last one that is asked for. */
const FIELDS = `netuid name symbol identity networkRegisteredAt ownerHotkey ownerColdkey block tempo lastStep
  blocksSinceLastStep subnetEmission alphaIn alphaOut taoIn alphaOutEmission alphaInEmission taoInEmission
  pendingAlphaEmission pendingRootEmission subnetVolume movingPrice rho kappa minAllowedWeights maxWeightsLimit
  weightsVersion weightsRateLimit activityCutoff maxValidators numUids maxUids burn difficulty registrationAllowed
  powRegistrationAllowed immunityPeriod minDifficulty maxDifficulty minBurn maxBurn adjustmentAlpha adjustmentInterval
  targetRegsPerInterval maxRegsPerBlock servingRateLimit commitRevealWeightsEnabled commitRevealPeriod
  liquidAlphaEnabled alphaHigh alphaLow bondsMovingAvg hotkeys coldkeys identities axons active validatorPermit
  pruningScore lastUpdate emission dividends incentives consensus trust rank blockAtRegistration alphaStake taoStake
  totalStake`.split(/\s+/);
const TYPES: Record<string, string> = {
  netuid: 'Compact<u16>',
  hotkeys: 'Option<Vec<AccountId32>>',
  totalStake: 'Option<Vec<Compact<u64>>>',
};
/** Every field that was not asked for is one empty byte. */
const NOT_ASKED_FOR = 'Option<Null>';
const SELECTED = JSON.stringify(Object.fromEntries(FIELDS.map((name) => [name, TYPES[name] ?? NOT_ASKED_FOR])));
/** The runtime is asked for fields by their place; the netuid comes unasked. */
const ASKED_FOR = ['hotkeys', 'totalStake'].map((name) => FIELDS.indexOf(name));

/**
 * Stake weights, in alpha, by public key in hex: what the chain decides permits and the least stake for weights by. They follow
 * from the stakes of all subnets, so only the runtime can tell; `null` where it does not (before spec 261).
 */
export async function readStakeWeights(snapshot: Snapshot, netuid: number): Promise<Map<string, number> | null> {
  const selected = await snapshot.call(
    'SubnetInfoRuntimeApi_get_selective_metagraph',
    [
      ['u16', netuid],
      ['Vec<u16>', ASKED_FOR],
    ],
    `Option<${SELECTED}>`,
  );
  const fields = selected && toNullable(selected);
  if (!fields) return null;
  const hotkeys = list(fields, 'hotkeys');
  const stakes = list(fields, 'totalStake');
  if (hotkeys.length !== stakes.length) return null;
  return new Map(hotkeys.map((hotkey, uid) => [hotkey.toHex(), toNumber(stakes[uid]) / RAO]));
}

function list(fields: ChainValue, name: string): ChainValue[] {
  const field = toNullable(toField(fields, name));
  return field ? toItems(field) : [];
}
