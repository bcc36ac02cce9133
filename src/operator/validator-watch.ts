import { hostname } from 'node:os';
import type { EpochPosition } from '../chain/subnet/epoch-schedule.ts';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { PACKAGE_VERSION } from '../shared/own-package.ts';
import type { EpochReport } from '../validator/epoch-report.ts';
import type { Outcome } from '../validator/outcome.ts';
import type { ValidatorEvent } from '../validator/validator.ts';
import type { ValidatorSnapshot } from './snapshot.ts';

export interface ValidatorWatchParameters {
  netuid: number;
  /** Id of the competition, or of each of several. */
  competition: string | string[];
  /** The validator's own, ss58. */
  hotkey: string;
  /** Masks secrets in what others wrote. Default: nothing is masked. */
  mask?: (text: string) => string;
  clock?: Pick<Clock, 'nowMs'>;
}

/** What the watch tells on, as it happens: the validator's events, and what was read of the chain beside them. */
export type WatchEvent =
  | ValidatorEvent
  | { kind: 'block'; block: number }
  | { kind: 'chain-fault'; error: unknown }
  | { kind: 'device'; device: string };

/** What views, metrics and pages are made of: {@link ValidatorWatch}, or one of a run that is over. */
export interface WatchedValidator {
  /** Whether several competitions are played together. */
  readonly isOfSeveral?: boolean;
  /** As of now; the caller may keep it. */
  snapshot(): ValidatorSnapshot;
  /** Calls back on each event, after the snapshot has it, until the returned function is called. */
  subscribe(listener: WatchListener): () => void;
}

/** Also told of which of several competitions it is; `null`: of none. */
export type WatchListener = (event: WatchEvent, competition?: string | null) => void;

/** Who is told where the chain is: {@link ValidatorWatch}. */
export interface ChainListener {
  sawPosition(position: Pick<EpochPosition, 'block' | 'nextEpochBlock'>): void;
  sawSubnet(subnet: Metagraph): void;
  chainFailed(error: unknown): void;
}

type OfCompetition = NonNullable<ValidatorSnapshot['competitions']>[number];

/** Subtensor's. */
const BLOCK_TIME_MS = 12_000;
/** A pace over fewer blocks says little. */
const LEAST_BLOCKS = 10;

/**
 * Keeps what a validator does as one {@link ValidatorSnapshot}. It reads and writes nothing by itself, and throws nothing.
 * @example
 * const watch = new ValidatorWatch({ netuid, competition: competition.id, hotkey: hotkey.address });
 * await runValidator({ validator: { ...validator, onEvent: watch.onEvent } });
 */
export class ValidatorWatch implements WatchedValidator, ChainListener {
  readonly #now: () => number;
  readonly #mask: (text: string) => string;
  readonly #listeners = new Set<WatchListener>();
  readonly #state: Omit<ValidatorSnapshot, 'atMs' | keyof OfCompetition>;
  readonly #parts: OfCompetition[];
  /** Of which something was told last. */
  #part: OfCompetition;
  #firstBlock: { block: number; seenMs: number } | null = null;

  constructor({ netuid, competition, hotkey, mask = (text) => text, clock = systemClock }: ValidatorWatchParameters) {
    this.#now = () => clock.nowMs();
    this.#mask = mask;
    const startedMs = this.#now();
    const ids = typeof competition === 'string' ? [competition] : competition;
    this.#parts = ids.map((id) => ({ competition: id, epoch: null, lastEpoch: null, fault: null }));
    this.#part = this.#partOf(ids[0] ?? '');
    this.#state = {
      ...{ format: 1, version: PACKAGE_VERSION, host: hostname(), pid: process.pid, startedMs, endedMs: null },
      ...{ netuid, hotkey, device: null, movedMs: startedMs, chain: null, subnet: null, lastWeights: null },
      totals: { epochs: 0, interruptions: 0, chainFaults: 0, weights: 0, epochsWithoutWeights: 0, trainingSteps: 0 },
    };
  }

  get isOfSeveral(): boolean {
    return this.#parts.length > 1;
  }

  snapshot(): ValidatorSnapshot {
    const { epoch, lastEpoch } = this.#part;
    return structuredClone({
      ...this.#state,
      atMs: this.#now(),
      competition: this.#parts.map((part) => part.competition).join(', '),
      ...{ epoch, lastEpoch, fault: this.#parts.find(({ fault }) => fault !== null)?.fault ?? null },
      ...(this.isOfSeveral && { competitions: this.#parts }),
    });
  }

  subscribe(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** For `Validator.onEvent`; of several, of the first. */
  readonly onEvent = (event: ValidatorEvent): void => this.#note(this.#parts[0]!, event);

  /** For `Validator.onEvent` of one of several competitions. */
  onEventOf(competition: string): (event: ValidatorEvent) => void {
    const part = this.#partOf(competition);
    return (event) => this.#note(part, event);
  }

  #partOf(competition: string): OfCompetition {
    const known = this.#parts.find((part) => part.competition === competition);
    if (known) return known;
    const part = { competition, epoch: null, lastEpoch: null, fault: null };
    this.#parts.push(part);
    return part;
  }

  #note(part: OfCompetition, event: ValidatorEvent): void {
    const state = this.#state;
    this.#part = part;
    state.movedMs = this.#now();
    if (event.kind !== 'interrupted') part.fault = null;
    switch (event.kind) {
      case 'drawn':
        part.epoch = {
          ...{ startBlock: event.block, seed: event.epochSeed, sinceMs: state.movedMs, resumed: event.resumed },
          ...{ drawn: event.hotkeys.length, scoring: null, settled: [], work: [], weightsBlock: null },
        };
        break;
      case 'fetching':
        this.#work(event.uid, 'downloading', { done: 0, of: 0 });
        break;
      case 'fetched':
        this.#endWork(event.uid);
        break;
      case 'training': {
        const { step, steps, lossNatsPerToken, gradNorm, tokensPerSecond } = event.progress;
        state.totals.trainingSteps++;
        this.#work(event.uid, 'training', { done: step, of: steps, lossNatsPerToken, gradNorm, tokensPerSecond });
        break;
      }
      case 'evaluating':
        this.#work(event.uid, 'evaluating', { done: event.progress.rowsDone, of: event.progress.rows });
        break;
      case 'settled':
        this.#settle(event.uid, event.outcome);
        break;
      case 'scoring':
        if (part.epoch) part.epoch.scoring = [...event.uids];
        break;
      case 'opening':
        this.#sawBlock(event.block);
        break;
      case 'waiting':
        if (part.epoch) part.epoch.weightsBlock = event.untilBlock;
        this.#sawBlock(event.block);
        break;
      case 'finished':
        this.#finish(event.report, event.durationMs);
        this.#readSubnet(event.subnet);
        break;
      case 'interrupted':
        this.#interrupt(event);
        break;
    }
    this.#tell(event, event.kind === 'interrupted' && event.ofAll ? null : part.competition);
  }

  /** The training device is ready. */
  deviceOpened(device: string): void {
    this.#state.device = device;
    this.#state.movedMs = this.#now();
    this.#tell({ kind: 'device', device });
  }

  /** What the chain says of its head. */
  sawPosition({ block, nextEpochBlock }: Pick<EpochPosition, 'block' | 'nextEpochBlock'>): void {
    this.#sawBlock(block);
    this.#state.chain!.nextEpochBlock = Number.isFinite(nextEpochBlock) ? nextEpochBlock : null;
    this.#tell({ kind: 'block', block });
  }

  sawSubnet(subnet: Metagraph): void {
    this.#readSubnet(subnet);
    this.#tell({ kind: 'block', block: subnet.block });
  }

  chainFailed(error: unknown): void {
    this.#state.totals.chainFaults++;
    this.#tell({ kind: 'chain-fault', error });
  }

  /** The process is about to end. */
  ended(): void {
    this.#state.endedMs = this.#now();
  }

  #tell(event: WatchEvent, competition: string | null = null): void {
    for (const listener of this.#listeners) {
      try {
        listener(event, competition);
      } catch {
        // Who watches must not disturb the work.
      }
    }
  }

  #sawBlock(block: number): void {
    const nowMs = this.#now();
    const { chain } = this.#state;
    this.#firstBlock ??= { block, seenMs: nowMs };
    const blocks = block - this.#firstBlock.block;
    const blockTimeMs = blocks >= LEAST_BLOCKS ? (nowMs - this.#firstBlock.seenMs) / blocks : BLOCK_TIME_MS;
    if (chain === null) this.#state.chain = { block, nextEpochBlock: null, blockSeenMs: nowMs, blockTimeMs };
    else if (block > chain.block) Object.assign(chain, { block, blockSeenMs: nowMs, blockTimeMs });
    else return;
    // Between the work of epochs a new block is what was waited for; so it is for what is tried again with the next weights.
    const waits = ({ epoch, fault }: OfCompetition) => !epoch || epoch.weightsBlock !== null || fault?.retryMs === null;
    if (this.#parts.every(waits)) this.#state.movedMs = nowMs;
  }

  #readSubnet({ block, neurons, nextEpochBlock }: Metagraph): void {
    this.#sawBlock(block);
    this.#state.chain!.nextEpochBlock = Number.isFinite(nextEpochBlock) ? nextEpochBlock : null;
    const own = neurons.find(({ hotkey }) => hotkey === this.#state.hotkey);
    this.#state.subnet = {
      ...{ block, readMs: this.#now(), neurons: neurons.length },
      neuron: own
        ? {
            ...{ uid: own.uid, validatorTrust: own.validatorTrust, validatorPermit: own.validatorPermit },
            ...{ stakeWeight: own.stakeWeight, lastUpdateBlock: own.lastUpdateBlock },
          }
        : null,
    };
  }

  #work(
    uid: number,
    phase: 'downloading' | 'training' | 'evaluating',
    progress: { done: number; of: number; lossNatsPerToken?: number; gradNorm?: number; tokensPerSecond?: number },
  ): void {
    const { epoch } = this.#part;
    if (!epoch) return;
    const before = epoch.work.find((work) => work.uid === uid && work.phase === phase);
    this.#endWork(uid);
    const { lossNatsPerToken, gradNorm, tokensPerSecond, done, of } = progress;
    epoch.work.push({
      ...{ uid, phase, sinceMs: before?.sinceMs ?? this.#now(), done, of },
      ...{ lossNatsPerToken: finite(lossNatsPerToken), gradNorm: finite(gradNorm) },
      tokensPerSecond: finite(tokensPerSecond),
    });
  }

  #endWork(uid: number): void {
    const { epoch } = this.#part;
    if (epoch) epoch.work = epoch.work.filter((work) => work.uid !== uid);
  }

  #settle(uid: number, outcome: Outcome): void {
    const { epoch } = this.#part;
    this.#endWork(uid);
    if (!epoch) return;
    const settled = { uid, kind: outcome.kind, lossNatsPerToken: lossOf(outcome), reason: reasonOf(outcome) };
    epoch.settled = [...epoch.settled.filter((miner) => miner.uid !== uid), settled];
  }

  #finish({ startBlock, entries, baselineLossNatsPerToken, receipt, notSent }: EpochReport, durationMs: number): void {
    const state = this.#state;
    const count = (kind: Outcome['kind']) => entries.filter(({ outcome }) => outcome.kind === kind).length;
    const atMs = this.#now();
    this.#part.epoch = null;
    // The weights of all are sent together, and what was met meanwhile was told of one that may have no epoch.
    for (const part of this.#parts) if (part.epoch === null) part.fault = null;
    this.#part.lastEpoch = {
      ...{ startBlock, atMs, durationMs, baselineLossNatsPerToken, notSent },
      ...{ scored: count('scored'), rejected: count('rejected'), postponed: count('postponed') },
      miners: entries.map(({ uid, outcome, score, weight }) => ({
        ...{ uid, score, weight, lossNatsPerToken: lossOf(outcome), reason: reasonOf(outcome) },
      })),
    };
    state.totals.epochs++;
    if (receipt) {
      state.totals.weights++;
      state.lastWeights = { block: receipt.block, atMs, mode: receipt.mode };
    } else state.totals.epochsWithoutWeights++;
  }

  #interrupt({ error, delayMs, ofAll }: ValidatorEvent & { kind: 'interrupted' }): void {
    const atMs = this.#now();
    this.#state.totals.interruptions++;
    const fault = {
      code: error instanceof FlockOffError ? error.code : 'unknown',
      message: this.#mask(messageOf(error)),
      ...{ atMs, retryMs: delayMs === null ? null : atMs + delayMs },
    };
    // Of all: an epoch that goes on meanwhile is not the one that it stops.
    if (!ofAll && this.#part.epoch) this.#part.epoch.work = [];
    for (const part of ofAll ? this.#parts : [this.#part]) part.fault = fault;
  }
}

function lossOf(outcome: Outcome): number | null {
  return outcome.kind === 'scored' ? outcome.lossNatsPerToken : null;
}

/** The verdict, or what a postponed miner waits for. */
function reasonOf(outcome: Outcome): string | null {
  return outcome.kind === 'rejected' ? outcome.verdict.reason : outcome.kind === 'postponed' ? outcome.by : null;
}

/** JSON has no other numbers. */
function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
