import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { ExpectedSubnet } from '../../schema/subnet-identity.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import type { HotkeyChain } from '../chain.ts';
import type { Snapshot } from '../node/snapshot.ts';
import { readWeights } from '../subnet/metagraph.ts';
import { readWeightRow } from '../subnet/stored-weights.ts';
import type { DrandBeacon } from '../timelock/drand.ts';
import { isRejection } from '../transaction/explain-rejection.ts';
import type { Inclusion } from '../transaction/submit.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { setCall } from './calls.ts';
import { nextWeightsBlock, requireEpochs, requireMaySetWeights } from './checks.ts';
import { commitHashedWeights, commitTimelockedWeights, readCommitsLike, type WeightsAccount } from './commit.ts';
import { type NormalisedWeights, normaliseWeights, type WeightEntry } from './normalise.ts';
import { isTimelocked, type PendingReveal, type PendingRevealStore } from './pending-reveals.ts';
import { Revealing, type RevealReport } from './reveal.ts';
import { isSameRow, readStanding, weightRow } from './row.ts';
import { readWeightTerms, storageIndex, type WeightTerms } from './terms.ts';

export type { PendingReveal, PendingRevealStore } from './pending-reveals.ts';
export type { RevealReport, WaitingReveal } from './reveal.ts';

export interface WeightSetterParameters {
  subtensor: HotkeyChain;
  netuid: number;
  /** The subnet that is meant: no weights are sent to another one. Default: whatever the number names. */
  expected?: ExpectedSubnet;
  /** Which of the subnet's mechanisms the weights are for. Default 0, which every subnet has. */
  mechanism?: number;
  hotkey: HotkeySigner;
  pendingReveals: PendingRevealStore;
  /** Sent when the subnet's own key is not higher. Default 0. */
  versionKey?: number;
  /**
   * How weights are hidden on subnets with commit-reveal. `timelock`: the chain reveals them by itself. `hash`: this
   * program has to, with {@link WeightSetter.reveal}. Default: `timelock` where the runtime has it, else `hash`.
   */
  hide?: 'timelock' | 'hash';
  /** For chains that follow another drand beacon than quicknet, such as a local one. */
  beacon?: DrandBeacon;
  logger?: Logger;
}

export interface SetWeightsParameters {
  weights: WeightEntry[];
  signal?: AbortSignal;
  /** Called when the chain will take the weights only from a later block on, with that block. */
  onWait?: (wait: { block: number; blocksLeft: number }) => void;
}

export interface ReadWeightsParameters {
  uid: number;
  signal?: AbortSignal;
}

/** How weights went to the chain. */
export interface WeightsReceipt extends NormalisedWeights {
  /**
   * `set`: they count at once. `commit`: they count after {@link WeightSetter.reveal} has revealed them. `timelock`: they
   * count when the chain has revealed them; {@link WeightSetter.reveal} tells whether it did.
   */
  mode: 'set' | 'commit' | 'timelock';
  /** Block that holds the call. */
  block: number;
  /** First and last block for the reveal, as far as they can be foreseen; not with `set`. */
  revealFromBlock?: number;
  revealUntilBlock?: number;
  /** The drand round that opens them; only with `timelock`. */
  revealRound?: number;
  /** The share (0..1) that shares were clipped to; only where the subnet has a limit. */
  maxWeightsLimit?: number;
}

/** Where a validator's weights go: {@link WeightSetter}, or something of one's own in its place. */
export interface WeightStore {
  /** Sends weights, waiting first for the chain's rate limit where it has not passed. */
  set(parameters: SetWeightsParameters): Promise<WeightsReceipt>;
  /** Reveals committed weights whose window is open, and checks those that the chain reveals. */
  reveal(parameters?: { signal?: AbortSignal }): Promise<RevealReport>;
}

/** Refusals after which the chain's state is read again: other weights of this hotkey came first, or the state has changed. */
const OVERTAKEN = [
  'SettingWeightsTooFast',
  'CommittingWeightsTooFast',
  'RateLimitExceeded',
  'InvalidRevealRound',
  'CommitRevealEnabled',
  'CommitRevealDisabled',
  'IncorrectWeightVersionKey',
];
const MOST_ATTEMPTS = 4;

/**
 * Sets a validator's weights: directly, locked with the drand beacon, or by hash commit and reveal, as the subnet's
 * hyperparameters demand and the runtime can.
 *
 * @example
 * const setter = new WeightSetter({ subtensor, netuid, hotkey, pendingReveals: state.pendingReveals });
 * await setter.set({ weights: [{ uid: 3, weight: 0.9 }, { uid: 5, weight: 0.1 }] });
 * await setter.reveal(); // from time to time, on subnets with commit-reveal
 */
export class WeightSetter implements WeightStore {
  readonly #account: WeightsAccount;
  readonly #expected: ExpectedSubnet | undefined;
  readonly #versionKey: number;
  readonly #hide: WeightSetterParameters['hide'];
  readonly #beacon: DrandBeacon | undefined;
  readonly #logger: Logger;

  constructor(parameters: WeightSetterParameters) {
    const { subtensor, netuid, mechanism = 0, hotkey, pendingReveals } = parameters;
    const key = { netuid, mechanism, hotkey: hotkey.address };
    this.#account = { subtensor, key, hotkey, pending: pendingReveals };
    this.#expected = parameters.expected;
    this.#versionKey = parameters.versionKey ?? 0;
    this.#hide = parameters.hide;
    this.#beacon = parameters.beacon;
    this.#logger = safeLogger(parameters.logger);
  }

  /**
   * Resolves when the hotkey may set weights now: to be asked before a long evaluation.
   * @throws FlockOffError `wrong-subnet`; `unregistered`; `chain-rejected` without a validator permit, or with too little stake.
   */
  async requirePermit({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    requireMaySetWeights(await this.#readTerms([], signal), this.#account.key.netuid);
  }

  /**
   * Normalises the weights and sends them, waiting first for the weights rate limit where it has not passed. Where the
   * subnet demands more entries than there are positive weights, uids of weight 0 fill up. An empty list takes back what
   * was set before: all weight goes to the validator's own uid, where the chain does not count it. Weights that the chain
   * took just before, of a process that was killed for instance, are not sent again.
   * @throws FlockOffError `wrong-subnet`; `unregistered`; `chain-rejected` (no permit, too little stake, or the runtime's own reason);
   *   `bad-argument` for weights that are negative, all zero, or of uids the subnet does not have, and for a chain that
   *   trusts another beacon.
   */
  async set({ weights, signal, onWait }: SetWeightsParameters): Promise<WeightsReceipt> {
    const { key, subtensor } = this.#account;
    normaliseWeights(weights);
    for (let attempt = 1; ; attempt++) {
      const terms = await this.#readTerms(weights, signal);
      const row = weightRow(weights, key.netuid, terms);
      const limit = terms.maxWeightsLimit < 1 ? { maxWeightsLimit: terms.maxWeightsLimit } : {};
      requireMaySetWeights(terms, key.netuid);
      const { block: current } = terms.position;
      const allowed = nextWeightsBlock(terms);
      const rows = `${row.uids.length} uids on subnet ${key.netuid}`;
      this.#logger.debug(`weights of ${rows}: in block ${current}, the chain takes them from block ${allowed} on`);
      // What is sent now is in the next block at the earliest.
      if (allowed > current + 1) {
        const sent = await this.#sentBefore(row, terms, signal);
        if (sent) {
          this.#logger.debug(`the same weights were sent before, in block ${sent.block}`);
          return { ...sent, ...limit };
        }
        this.#logger.info(`the chain takes the next weights in block ${allowed}, ${allowed - current} to go`);
        onWait?.({ block: allowed, blocksLeft: allowed - current });
        await subtensor.waitForBlock({ block: allowed - 1, signal });
        continue;
      }
      try {
        return { ...(await this.#send(row, terms, signal)), ...limit };
      } catch (error) {
        if (!isRejection(error, OVERTAKEN) || attempt >= MOST_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Advances pending commits: reveals every hash commit whose window is open, checks whether the chain has
   * revealed time-locked ones, and gives up those that can no longer count, with the reason. Call it every few blocks, also
   * after a restart.
   * A reveal that the chain refuses for a reason that may pass stays pending, with a warning.
   * @throws FlockOffError `chain-unreachable` or `timeout` when it is not known what became of a reveal; it stays pending.
   */
  async reveal({ signal }: { signal?: AbortSignal } = {}): Promise<RevealReport> {
    const pending = await this.#pending();
    const revealing = new Revealing(this.#account, { logger: this.#logger, signal });
    await revealing.timelocked(pending.filter(isTimelocked));
    await revealing.hashed(pending.filter((reveal) => !isTimelocked(reveal)));
    return revealing.report;
  }

  /** The weights a uid has set, as shares that sum to 1; empty when it has set none. */
  read({ uid, signal }: ReadWeightsParameters): Promise<WeightEntry[]> {
    const use = (snapshot: Snapshot) => readWeights(snapshot, storageIndex(this.#account.key), uid);
    return this.#account.subtensor.read({ what: 'reading weights', use, signal });
  }

  /** What is pending of this account, oldest first. */
  async #pending(): Promise<PendingReveal[]> {
    const { key, pending } = this.#account;
    return (await pending.list())
      .filter(
        ({ netuid, mechanism = 0, hotkey }) =>
          netuid === key.netuid && mechanism === key.mechanism && hotkey === key.hotkey,
      )
      .sort((a, b) => a.storedAtBlock - b.storedAtBlock);
  }

  #readTerms(weights: WeightEntry[], signal?: AbortSignal): Promise<WeightTerms> {
    const uids = weights.flatMap(({ uid, hotkey }) => (hotkey === undefined ? [] : uid));
    return this.#account.subtensor.read({
      what: 'reading what weights depend on',
      use: (snapshot) => readWeightTerms(snapshot, { ...this.#account.key, uids, expected: this.#expected }),
      signal,
    });
  }

  async #send(row: NormalisedWeights, terms: WeightTerms, signal?: AbortSignal): Promise<WeightsReceipt> {
    const versionKey = Math.max(this.#versionKey, terms.versionKey);
    if (!terms.commitRevealEnabled) {
      const { block } = await this.#setDirectly(row, versionKey, terms, signal);
      return { mode: 'set', block, ...row };
    }
    requireEpochs(terms, this.#account.key.netuid);
    const { timelock } = terms;
    const commit = { ...row, versionKey, terms, signal };
    if (this.#hide === 'hash' || (this.#hide === undefined && !timelock))
      return { mode: 'commit', ...row, ...(await commitHashedWeights(this.#account, commit)) };
    if (!timelock) throw noTimelock(this.#account.key.netuid);
    const committed = await commitTimelockedWeights(this.#account, { ...commit, timelock, beacon: this.#beacon });
    return { mode: 'timelock', ...row, ...committed };
  }

  #setDirectly(
    row: NormalisedWeights,
    versionKey: number,
    before: WeightTerms,
    signal?: AbortSignal,
  ): Promise<Inclusion> {
    const { subtensor, key, hotkey } = this.#account;
    const landed = async (snapshot: Snapshot) => {
      const { lastUpdateBlock: block, row: standing } = await readStanding(snapshot, storageIndex(key), before.uid);
      // Weights that another process sent just before are not these.
      return block > before.lastUpdateBlock && isSameRow(row, standing) ? { block, blockHash: null } : null;
    };
    return subtensor.submit({ ...setCall(key, row, versionKey), hotkey, landed, signal });
  }

  /** The receipt of the hotkey's last weights when they are these ones. */
  async #sentBefore(row: NormalisedWeights, terms: WeightTerms, signal?: AbortSignal): Promise<WeightsReceipt | null> {
    const { key, subtensor } = this.#account;
    const block = terms.lastUpdateBlock;
    if (!terms.commitRevealEnabled) {
      const index = storageIndex(key);
      const standing = await subtensor.read({
        what: 'reading weights',
        use: (at) => readWeightRow(at, index, terms.uid),
        signal,
      });
      return isSameRow(row, standing) ? { mode: 'set', block, ...row } : null;
    }
    const last = (await this.#pending()).findLast(({ storedAtBlock }) => storedAtBlock <= block);
    if (!last || !isSameRow(row, last)) return null;
    const read = (snapshot: Snapshot) => readCommitsLike(snapshot, key, last);
    const commit = (await subtensor.read({ what: 'reading weight commits', use: read, signal })).commits.get(last.id);
    if (!commit) return null;
    const { revealFromBlock, revealUntilBlock } = commit;
    const mode = last.timelock ? 'timelock' : 'commit';
    return { mode, block, ...row, revealFromBlock, revealUntilBlock, revealRound: last.timelock?.round };
  }
}

function noTimelock(netuid: number): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `this chain cannot reveal time-locked weights by itself, and subnet ${netuid} wants weights committed`,
    fix: "leave `hide` out, or set it to 'hash'",
    facts: { netuid },
  });
}
