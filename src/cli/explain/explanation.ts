import { FlockOffError } from '../../errors/flock-off-error.ts';
import { takenSet } from '../../evaluation-sets/used-sets.ts';
import type { LeftOutEvidence } from '../../schema/left-out-evidence.ts';
import { blend, normalised } from '../../scoring/shares.ts';
import type { RowLossHint } from '../../validator/hints.ts';
import type { Outcome } from '../../validator/outcome.ts';
import { type Comparing, comparingBy, decidedOr } from '../../validator/receipts/compare-two.ts';
import { type NextEvaluation, nextEvaluations } from '../../validator/receipts/next-evaluation.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';

/** Another miner of the same epoch, or the base model (`uid` `null`). */
export interface Comparison {
  uid: number | null;
  lossNatsPerToken: number;
  /** Whether it counts from an earlier block, which gives it an advantage. */
  wasEarlier: boolean;
  /** Who has the better of the two under the policy; `null` for nobody, or where the policy is not known here. */
  winner: 'this' | 'other' | null;
}

/** What one epoch came to for a miner. */
export interface EpochOfMiner {
  startBlock: number;
  /** Number of the time-locked evaluation set that losses are on; `null` where there was none, or all epochs have one set. */
  set: number | null;
  /** `null` where it was not drawn, and had no verdict. */
  outcome: Outcome | null;
  score: number | null;
  average: number | null;
  weight: number;
}

/** All that reports say of one miner: plain JSON. */
export interface Explanation {
  uid: number;
  hotkey: string;
  /** Of the last report. */
  startBlock: number;
  /** When that epoch began, by the chain's clock. */
  timeMs: number;
  /** As committed; `null` where nothing is, or it is not text. */
  pointer: string | null;
  commitBlock: number | null;
  /** Rows of its dataset, `null` where none was read. */
  rows: number | null;
  rowsTrainedOn: number | null;
  leftOut: LeftOutEvidence | null;
  policy: string;
  competition: string;
  /** Where several are played: what that competition has of all weights, and what the miner has of all; else `null`. */
  ofAll: { share: number; weight: number } | null;
  baselineLossNatsPerToken: number | null;
  /** Whether memory was too short for the rows of a step as other machines compute them ({@link MeasuredScore}). */
  divided: boolean;
  /** From the last report to earlier ones. */
  epochs: EpochOfMiner[];
  /** Its report's sentence, `null` where it has no entry in the last one. */
  why: string | null;
  /** Those of the last report, with the next loss first. */
  comparisons: Comparison[];
  /** The way from the average to the weight, of the last report; `null` without any average. */
  shares: { average: number; share: number; consensus: number; blended: number; weight: number } | null;
  hints: RowLossHint[];
  next: NextEvaluation;
}

/**
 * What the reports of the last epochs say of a miner.
 * @param receipts the last first.
 * @param who a uid or a hotkey.
 * @throws FlockOffError `bad-argument` where nobody has that uid or hotkey.
 */
export function explainMiner(receipts: Receipt[], who: string): Explanation {
  const last = receipts[0]!;
  const neuron = neuronOf(last, who);
  if (!neuron)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `nobody had the uid or hotkey ${who} in block ${last.startBlock}, of which the last report is`,
      fix: `take one of the ${last.inputs.epoch.neurons.length} uids of the subnet`,
      facts: { name: 'who', value: who },
    });
  const { uid, hotkey } = neuron;
  const entry = entryOf(last, hotkey);
  const decided = decidedOr(last);
  const commitment = last.inputs.epoch.commitments.find((one) => one.hotkey === hotkey);
  const dataset = last.inputs.datasets[hotkey];
  const leftOut = entry?.leftOut ?? null;
  const out = dataset?.leftOut;
  return {
    ...{ uid, hotkey, startBlock: last.startBlock, timeMs: last.inputs.epoch.timeMs },
    pointer: commitment?.text ?? null,
    commitBlock: commitment?.block ?? null,
    rows: dataset?.rows ?? null,
    rowsTrainedOn: dataset && out ? dataset.rows - out.others - out.evaluation - out.repeats : null,
    leftOut,
    policy: last.policy.name,
    competition: last.competition,
    ofAll: ofAll(last, hotkey),
    baselineLossNatsPerToken: last.baselineLossNatsPerToken,
    divided: last.inputs.measured[hotkey]?.divided === true,
    epochs: receipts
      .filter(({ inputs }) => inputs.epoch.neurons.some((one) => one.hotkey === hotkey))
      .map((receipt) => epochOf(receipt, hotkey)),
    why: entry?.why ?? null,
    comparisons: comparisonsOf(last, hotkey, comparingBy(last, decided)),
    shares: sharesOf(last, hotkey, neuron.consensus),
    hints: last.hints.filter(({ hotkeys }) => hotkeys.includes(hotkey)),
    next: (decided && nextEvaluations(last, decided, [hotkey]).get(hotkey)) ?? { kind: 'unknown' },
  };
}

/** Who has a uid or hotkey in a report. */
export function neuronOf({ inputs }: Receipt, who: string): Receipt['inputs']['epoch']['neurons'][number] | undefined {
  return inputs.epoch.neurons.find(({ uid, hotkey }) => hotkey === who || String(uid) === who);
}

function ofAll({ share = 0, inputs }: Receipt, hotkey: string): Explanation['ofAll'] {
  if (!inputs.blend) return null;
  return { share, weight: inputs.blend.weights.find((one) => one.hotkey === hotkey)?.weight ?? 0 };
}

function entryOf({ entries }: Receipt, hotkey: string): Receipt['entries'][number] | undefined {
  return entries.find((entry) => entry.hotkey === hotkey);
}

function epochOf(receipt: Receipt, hotkey: string): EpochOfMiner {
  const entry = entryOf(receipt, hotkey);
  const { averages, weights } = receipt.inputs.weighed;
  return {
    startBlock: receipt.startBlock,
    set: (receipt.inputs.sets && takenSet(receipt.inputs.sets)?.index) ?? null,
    outcome: entry?.outcome ?? null,
    score: entry?.score ?? null,
    average: averages[hotkey] ?? null,
    weight: weights.find((one) => one.hotkey === hotkey)?.weight ?? 0,
  };
}

/** Two at a time, by what the policy says of two. */
function comparisonsOf(receipt: Receipt, hotkey: string, winnerOf: Comparing): Comparison[] {
  const lossOf = ({ outcome }: Receipt['entries'][number]) =>
    outcome.kind === 'scored' ? outcome.lossNatsPerToken : null;
  const own = entryOf(receipt, hotkey);
  const loss = own ? lossOf(own) : null;
  if (!own || loss === null) return [];
  const countsFrom = (one: string) => receipt.inputs.datasets[one]?.countsFrom ?? 0;
  const others = receipt.entries.flatMap((other): Comparison[] => {
    const lossNatsPerToken = lossOf(other);
    if (other === own || lossNatsPerToken === null) return [];
    return [
      {
        ...{ uid: other.uid, lossNatsPerToken },
        wasEarlier: countsFrom(other.hotkey) < countsFrom(hotkey),
        winner: nameOf(winnerOf({ hotkey, lossNatsPerToken: loss }, { hotkey: other.hotkey, lossNatsPerToken })),
      },
    ];
  });
  others.sort((a, b) => a.lossNatsPerToken - b.lossNatsPerToken);
  return others;

  function nameOf(winner: string | null): Comparison['winner'] {
    if (winner === null) return null;
    return winner === hotkey ? 'this' : 'other';
  }
}

/** As `averageWeights` goes from averages to weights, a step at a time. */
function sharesOf(receipt: Receipt, hotkey: string, consensus: number): Explanation['shares'] {
  const { averages, weights } = receipt.inputs.weighed;
  const average = averages[hotkey];
  if (average === undefined || weights.length === 0) return null;
  const own = normalised(new Map(Object.entries(averages)));
  const { neurons } = receipt.inputs.epoch;
  const worthless = new Set(
    receipt.entries.filter((entry) => entry.outcome.kind === 'rejected').map((entry) => entry.hotkey),
  );
  const all = new Map(neurons.flatMap((one) => (worthless.has(one.hotkey) ? [] : [[one.hotkey, one.consensus]])));
  const portion = Number(receipt.policy.parameters.consensusShare ?? 0);
  const hasConsensus = [...all.values()].some((value) => value > 0);
  const blended = hasConsensus ? blend(own, normalised(all), portion) : own;
  return {
    ...{ average, share: own.get(hotkey) ?? 0, consensus, blended: blended.get(hotkey) ?? 0 },
    weight: weights.find((one) => one.hotkey === hotkey)?.weight ?? 0,
  };
}
