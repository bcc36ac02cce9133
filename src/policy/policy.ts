import type { DrawParameters } from '../queue/draw-by-shares.ts';
import type { Contestant } from '../scoring/win-rates.ts';

/** When an epoch begins: the same for every validator. */
export interface EpochMoment {
  block: number;
  /** Of that block, by the chain's clock: milliseconds UTC. */
  timeMs: number;
}

/** A miner whose pointer counts. */
export interface PolicyMiner {
  uid: number;
  hotkey: string;
  coldkey: string;
  /** Block of its pointer. */
  commitBlock: number;
  /** Names what the pointer names: the same for the same commit of the same repository. */
  dataset?: string;
}

/** What of a dataset counts. What is left out is as the competition says. */
export interface Intake {
  /**
   * Rows of the evaluation set: `leave-out` before training, `allow` (they are nobody's), or `require`, where a dataset is a
   * choice among them and any other row is refused.
   */
  evaluationRows?: 'leave-out' | 'allow' | 'require';
  /** Rows that must be left once others' are left out. */
  minOwnRows?: number;
  /** Rows that a dataset may have in common with an earlier one before it is a duplicate. Default: any number. */
  mostCommonRows?: number;
  /**
   * Whether it is looked, too, who can read earlier datasets of a miner with a share (`averages`), for `hidden` of `weigh`:
   * where a share rests on a dataset after its pointer was replaced. Default: no.
   */
  watchEarlier?: boolean;
  /** Repositories that take no part, with the reason that their miners are told. */
  excluded?: { repo: string; reason: string }[];
}

export interface PolicyDrawParameters extends DrawParameters {
  /** The candidates' pointers, by hotkey. */
  miners: Map<string, PolicyMiner>;
  now: EpochMoment;
  memory: unknown;
}

export interface PolicyScoreParameters {
  /** Who has a loss this epoch, by uid. */
  contestants: Contestant[];
  /** Loss of the base model alone; `null` where it takes no part. */
  baselineLossNatsPerToken: number | null;
  /** SHA-256 of the evaluation set that the losses are on, where it is told: those on another set are other numbers. */
  evaluationSha256?: string | null;
  now: EpochMoment;
  memory: unknown;
}

export interface PolicyWeighParameters extends PolicyScoreParameters {
  /** What `score` returned. */
  scores: Map<string, number>;
  /** Hotkeys with a verdict, and contestants without a score. */
  worthless: ReadonlySet<string>;
  /** Hotkeys with a submission that this epoch neither scored nor rejected. */
  unjudged: ReadonlySet<string>;
  /** Datasets (`dataset` of a miner) that could be read once and that nobody can read any more, by the Hub's own word. */
  hidden: ReadonlySet<string>;
  /** What `averages` of the last epoch was, 0..1 by hotkey. */
  previous: Record<string, number>;
  /** Everybody registered, by uid, with the chain's consensus (0..1). */
  neurons: { uid: number; hotkey: string; coldkey: string; consensus: number }[];
  /** Whose pointers count. */
  miners: Map<string, PolicyMiner>;
  /** Of the subnet's owner; `null` where it has none that is registered. */
  ownerUid: number | null;
}

export interface Weighed {
  /** Of registered uids, each once; in any proportion. */
  weights: { uid: number; weight: number }[];
  /**
   * What to do with them. `set`: send them. `take-back`: nobody is worth any, and what was set before must not stand; all goes
   * to the validator's own uid. `keep`: send nothing, what was set before stands. Default: `set`, or `keep` without weights.
   */
  action?: 'set' | 'take-back' | 'keep';
  /** What of everybody goes into the next epoch, and ranks him in the draw: 0..1 by hotkey. */
  averages: Record<string, number>;
  /** What the policy knows in the next epoch: JSON. Default: nothing. */
  memory?: unknown;
}

/**
 * The decisions that a competition makes. Each is a pure function: what it may use is in its parameters, `memory` is what
 * `weigh` returned of the last epoch (`null` at first), and the same parameters give every validator the same.
 *
 * One of one's own is a shipped one with another decision in it: `{ ...winRatesPolicy(), name: 'mine', score }`.
 */
export interface Policy {
  /** Lower-case letters, digits and `-`; reports have it. */
  name: string;
  /** JSON; reports have them. */
  parameters: Record<string, unknown>;
  /** What of a dataset counts, and whose its rows are. */
  intake: Intake;
  /**
   * The moment until which pointers were committed that an epoch evaluates: not after `now`. Where evaluation sets are
   * time-locked, the epoch is measured on the first one that opens, by the margin, after that, of a list that the chain named
   * by then. Default: when the epoch begins.
   */
  pointersUntil?(now: EpochMoment): EpochMoment;
  /** Who is evaluated, in which order: hotkeys of candidates, each once. */
  draw(parameters: PolicyDrawParameters): string[];
  /** What each loss is worth, from 0 on, by hotkey. Whoever is left out has weight and average 0, and no claim on its rows. */
  score(parameters: PolicyScoreParameters): Map<string, number>;
  /** What weights follow. */
  weigh(parameters: PolicyWeighParameters): Weighed;
  /** A score in one sentence for its miner, without a full stop. */
  explain(parameters: PolicyExplainParameters): string;
}

export interface PolicyExplainParameters {
  lossNatsPerToken: number;
  /** `null` for who was left out. */
  score: number | null;
  /** Scores of the epoch, and the base model where it takes part, without this one. */
  rivals: number;
  baselineLossNatsPerToken: number | null;
}
