import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { ExpectedSubnet } from '../../schema/subnet-identity.ts';
import { ifOfType, toBigInt, toBoolean } from '../codec/chain-value.ts';
import {
  type ChainValue,
  readsFor,
  type Snapshot,
  type StorageRead,
  toItems,
  toNullable,
  toNumber,
} from '../node/snapshot.ts';
import { type EpochPosition, epochPosition, epochReads } from '../subnet/epoch-schedule.ts';
import { identityOf, identityReads, requireSubnet } from '../subnet/identity.ts';
import { unregistered } from '../subnet/unregistered.ts';
import { readTimelockTerms, type TimelockTerms, timelockReads } from '../timelock/terms.ts';

/** One subnet's weights of one hotkey. */
export interface WeightsKey {
  netuid: number;
  /** Mechanism of the subnet, 0 where it has one only. */
  mechanism: number;
  /** ss58 address. */
  hotkey: string;
}

export interface ReadWeightTermsParameters extends WeightsKey {
  /** Whose hotkeys are asked for. Default: none. */
  uids?: number[];
  /** The subnet that is meant. Default: whatever the number names. */
  expected?: ExpectedSubnet;
}

/** What decides whether, how and when a hotkey's weights go to the chain. */
export interface WeightTerms {
  /** Where the subnet stands; `position.block` is the block all this was read at. */
  position: EpochPosition;
  /** Of the hotkey. */
  uid: number;
  /** Neurons of the subnet: uids are below it. */
  size: number;
  /** Who has the uids that were asked for. */
  hotkeys: Map<number, string>;
  validatorPermit: boolean;
  /** The subnet owner's hotkey needs neither permit nor stake on newer runtimes. */
  isOwner: boolean;
  /**
   * Whether the subnet's epochs take over the weights of its largest validator (`Null`) instead of agreeing on them: then
   * nobody sets weights without a permit, the owner neither.
   */
  isNullConsensus: boolean;
  /** Stake weights in rao; `null` where this runtime's storage does not tell. */
  stake: { seenRao: bigint; leastRao: bigint } | null;
  /** Block of the last weights set or committed, or of the registration; 0 when none. */
  lastUpdateBlock: number;
  rateLimitBlocks: number;
  versionKey: number;
  minAllowedWeights: number;
  /** The largest share that one uid may have, 0..1. */
  maxWeightsLimit: number;
  commitRevealEnabled: boolean;
  revealPeriodEpochs: number;
  /** `null` where the runtime has no time-locked weights. */
  timelock:
    | (TimelockTerms & {
        /** To be named in the commit; `null` on runtimes that take none, and whose payload has no hotkey. */
        commitRevealVersion: number | null;
      })
    | null;
}

const U16_MAX = 65_535;

/** A mechanism's weights are stored under this in place of the netuid. */
const MECHANISM_STRIDE = 4096;

export function storageIndex({ netuid, mechanism }: Pick<WeightsKey, 'netuid' | 'mechanism'>): number {
  return mechanism * MECHANISM_STRIDE + netuid;
}

/**
 * Reads all of it in one round trip.
 * @throws FlockOffError `wrong-subnet`; `unregistered`; `bad-argument` for a mechanism that the subnet does not have.
 */
export async function readWeightTerms(
  snapshot: Snapshot,
  { uids = [], expected, ...key }: ReadWeightTermsParameters,
): Promise<WeightTerms> {
  const { netuid, hotkey, mechanism } = key;
  const perSubnet = (item: string): StorageRead => snapshot.forSubnet(`subtensorModule.${item}`, netuid);
  const ifThere = (item: string) => snapshot.optional(perSubnet(item));
  const leastStake = snapshot.has('subtensorModule.stakeThreshold') ? 'stakeThreshold' : 'weightsMinStake';
  const read = await snapshot.read({
    uid: ['subtensorModule.uids', netuid, hotkey],
    size: perSubnet('subnetworkN'),
    rateLimit: perSubnet('weightsSetRateLimit'),
    versionKey: perSubnet('weightsVersionKey'),
    minAllowedWeights: perSubnet('minAllowedWeights'),
    maxWeightsLimit: ifThere('maxWeightsLimit'),
    commitRevealEnabled: perSubnet('commitRevealWeightsEnabled'),
    revealPeriod: perSubnet('revealPeriodEpochs'),
    permits: perSubnet('validatorPermit'),
    lastUpdate: snapshot.forSubnet('subtensorModule.lastUpdate', storageIndex(key)),
    owner: ifThere('subnetOwnerHotkey'),
    mechanisms: ifThere('mechanismCountCurrent'),
    stake: {
      least: ifThere(leastStake),
      alpha: snapshot.optional(['subtensorModule.totalHotkeyAlpha', hotkey, netuid]),
      rootAlpha: snapshot.optional(['subtensorModule.totalHotkeyAlpha', hotkey, 0]),
      // A weight of each subnet on the runtime that launched alpha (spec 218), one for all since.
      taoWeight: ifThere('taoWeight'),
      parents: snapshot.optional(['subtensorModule.parentKeys', hotkey, netuid]),
    },
    hotkeys: readsFor(uids, (uid) => ['subtensorModule.keys', netuid, uid]),
    schedule: epochReads(snapshot, netuid),
    timelock: timelockReads(snapshot),
    commitRevealVersion: ifThere('commitRevealWeightsVersion'),
    consensus: ifThere('subnetEpochConsensus'),
    identity: identityReads(snapshot, netuid),
  });
  if (expected) requireSubnet({ seen: identityOf(netuid, snapshot.genesisHash, read.identity), expected });

  const uid = toNullable(read.uid);
  if (!uid) throw unregistered(hotkey, netuid);
  const mechanisms = read.mechanisms ? toNumber(read.mechanisms) : 1;
  if (mechanism >= mechanisms) throw noMechanism(netuid, mechanism, mechanisms);
  const own = toNumber(uid);
  const lastUpdate = toItems(read.lastUpdate)[own];
  const timelock = readTimelockTerms(snapshot, read.timelock);
  const commitRevealVersion = read.commitRevealVersion && toNumber(read.commitRevealVersion);
  return {
    position: epochPosition(netuid, read.schedule),
    uid: own,
    size: toNumber(read.size),
    hotkeys: new Map(Array.from(read.hotkeys, ([one, account]) => [one, String(account)])),
    validatorPermit: isPermitted(toItems(read.permits)[own]),
    isOwner: String(read.owner) === hotkey,
    isNullConsensus: String(read.consensus) === 'Null',
    stake: ifOfType(() => stakeOf(read.stake)),
    lastUpdateBlock: lastUpdate ? toNumber(lastUpdate) : 0,
    rateLimitBlocks: toNumber(read.rateLimit),
    versionKey: toNumber(read.versionKey),
    minAllowedWeights: toNumber(read.minAllowedWeights),
    maxWeightsLimit: read.maxWeightsLimit ? toNumber(read.maxWeightsLimit) / U16_MAX : 1,
    commitRevealEnabled: toBoolean(read.commitRevealEnabled),
    revealPeriodEpochs: toNumber(read.revealPeriod),
    timelock: timelock && locksWeights(snapshot) ? { ...timelock, commitRevealVersion } : null,
  };
}

/** Uids beyond the end of the list have no permit. */
function isPermitted(permit: ChainValue | undefined): boolean {
  return permit !== undefined && toBoolean(permit);
}

function locksWeights(snapshot: Snapshot): boolean {
  return ['commitTimelockedWeights', 'commitCrv3Weights'].some((call) => snapshot.hasCall(`subtensorModule.${call}`));
}

const TAO_WEIGHT_ONE = 2n ** 64n;

/**
 * A hotkey's stake weight: its alpha on the subnet, and a part of its stake on the root. What it inherits from parents
 * cannot be told from storage alone.
 */
function stakeOf({
  least,
  alpha,
  rootAlpha,
  taoWeight,
  parents,
}: Record<'least' | 'alpha' | 'rootAlpha' | 'taoWeight' | 'parents', ChainValue | null>): WeightTerms['stake'] {
  if (!least || !alpha || (parents && toItems(parents).length > 0)) return null;
  const onRoot = rootAlpha ? toBigInt(rootAlpha) : 0n;
  // What stake on the root counts for is not known.
  if (onRoot > 0n && !taoWeight) return null;
  const fromRoot = taoWeight ? (onRoot * toBigInt(taoWeight)) / TAO_WEIGHT_ONE : 0n;
  return { seenRao: toBigInt(alpha) + fromRoot, leastRao: toBigInt(least) };
}

function noMechanism(netuid: number, mechanism: number, mechanisms: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `subnet ${netuid} has ${mechanisms === 1 ? 'mechanism 0 only' : `mechanisms 0 to ${mechanisms - 1}`}, saw mechanism ${mechanism}`,
    facts: { name: 'mechanism', value: mechanism, most: mechanisms - 1, netuid },
  });
}
