import type { Outcome } from '../../validator/outcome.ts';
import { amount, labelled, number, printable } from '../check/words.ts';
import type { Comparison, EpochOfMiner, Explanation } from './explanation.ts';

const MOST_RIVALS = 8;
const MOST_EXAMPLES = 5;

/** One page about a miner: plain sentences under labels, 80 characters wide. */
export function explanationText(explanation: Explanation): string {
  const { epochs, startBlock, timeMs } = explanation;
  const [now] = epochs;
  const time = `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return [
    ...labelled('Miner', `uid ${explanation.uid}, hotkey ${explanation.hotkey}`),
    ...labelled('As of', `the report of block ${startBlock} (${time}), policy ${explanation.policy}`),
    ...labelled('Dataset', datasetText(explanation)),
    ...labelled('Result', `${resultText(now?.outcome ?? null, explanation)}.`),
    ...evidenceLines(explanation),
    ...comparisonLines(explanation, now),
    ...weightLines(explanation),
    ...ofAllLines(explanation),
    ...historyLines(epochs),
    ...labelled('Next', `${nextText(explanation)}.`),
    ...explanation.hints.flatMap((hint) => labelled('Hint', hintText(explanation, hint))),
  ]
    .map(printable)
    .join('\n');
}

function datasetText({ pointer, commitBlock, rows, rowsTrainedOn }: Explanation): string {
  if (pointer === null) return 'no pointer on the chain.';
  const committed = `${pointer}, committed in block ${commitBlock}`;
  if (rows === null) return `${committed}. It has not been read.`;
  const trained = rowsTrainedOn === null ? '' : `, of which ${number(rowsTrainedOn)} are trained on`;
  return `${committed}. It has ${amount(rows, 'row')}${trained}.`;
}

function resultText(outcome: Outcome | null, explanation: Explanation): string {
  const { epochs, why, baselineLossNatsPerToken: base, divided } = explanation;
  if (outcome === null) {
    const before = epochs.find((one) => one.outcome !== null);
    const last = before
      ? `last ${outcomeText(before.outcome)} in the epoch of block ${before.startBlock}`
      : `nor in the ${epochs.length - 1} before it`;
    return `it was not drawn in this epoch, ${last}`;
  }
  if (outcome.kind !== 'scored')
    return `${outcome.kind === 'rejected' ? `refused as ${outcome.verdict.reason}` : 'postponed'}: ${why ?? ''}`;
  const beside = base === null ? '' : `; the base model alone has ${base.toFixed(4)}`;
  const inParts = divided ? ', in its last digits perhaps not that of other validators: memory was short' : '';
  return `loss ${outcome.lossNatsPerToken.toFixed(4)} nats per token${inParts}${beside}. It ${why}`;
}

function outcomeText(outcome: Outcome | null): string {
  if (outcome === null) return 'not drawn';
  if (outcome.kind === 'scored') return `loss ${outcome.lossNatsPerToken.toFixed(4)}`;
  return outcome.kind === 'rejected' ? outcome.verdict.reason : 'postponed';
}

function evidenceLines({ leftOut }: Explanation): string[] {
  if (!leftOut || leftOut.others + leftOut.evaluation + leftOut.repeats === 0) return [];
  const { others, evaluation, repeats, sources, examples } = leftOut;
  const whose = sources.slice(0, 3).map(({ uid, hotkey, rows }) => `${number(rows)} of ${nameOf(uid, hotkey)}`);
  const counts = [
    others > 0 ? `${amount(others, 'row')} that others showed earlier (${whose.join(', ')})` : '',
    evaluation > 0 ? `${amount(evaluation, 'row')} of the evaluation set` : '',
    repeats > 0 ? `${amount(repeats, 'row')} that stand further up already` : '',
  ];
  const lines = examples.slice(0, MOST_EXAMPLES).map(({ line, uid, hotkey, ofLine, block, alike }) => {
    const whole = `${Math.round(100 * alike)} % alike`;
    return hotkey === null
      ? `Line ${line} is of the evaluation set (${whole}).`
      : `Line ${line} is line ${ofLine} of ${nameOf(uid, hotkey)}, shown in block ${block} (${whole}).`;
  });
  return [
    ...labelled('Left out', `${counts.filter(Boolean).join(', ')}.`),
    ...lines.flatMap((line) => labelled('', line)),
  ];
}

function comparisonLines({ comparisons }: Explanation, now: EpochOfMiner | undefined): string[] {
  const own = now?.outcome?.kind === 'scored' ? now.outcome.lossNatsPerToken : null;
  if (own === null || comparisons.length === 0) return [];
  const text = ({ uid, lossNatsPerToken, wasEarlier, winner }: Comparison) => {
    const gap = (Math.abs(lossNatsPerToken - own) / own) * 100;
    const than = lossNatsPerToken < own ? 'lower' : 'higher';
    const verb = winner === 'this' ? 'beats' : winner === 'other' ? 'loses to' : 'is even with';
    return `${verb} uid ${uid}: loss ${lossNatsPerToken.toFixed(4)}, ${gap.toFixed(2)} % ${than}, ${wasEarlier ? 'earlier' : 'not earlier'}`;
  };
  // Those whose loss is nearest.
  const nearest = comparisons
    .toSorted((a, b) => Math.abs(a.lossNatsPerToken - own) - Math.abs(b.lossNatsPerToken - own))
    .slice(0, MOST_RIVALS)
    .sort((a, b) => a.lossNatsPerToken - b.lossNatsPerToken);
  const won = comparisons.filter(({ winner }) => winner === 'this').length;
  const lost = comparisons.filter(({ winner }) => winner === 'other').length;
  const more = comparisons.length > nearest.length ? `; the ${nearest.length} nearest:` : ':';
  return [
    ...labelled('Rivals', `beats ${won} and loses to ${lost} of ${amount(comparisons.length, 'other')}${more}`),
    ...nearest.flatMap((one) => labelled('', `${text(one)}.`)),
  ];
}

function weightLines({ shares, epochs }: Explanation): string[] {
  const [now, before] = epochs;
  if (!now) return [];
  const was = before ? ` (before: ${shown(before.average)})` : '';
  if (!shares) return labelled('Weight', `${shown(now.weight)}; its average is ${shown(now.average)}${was}.`);
  const { average, share, consensus, blended, weight } = shares;
  return [
    ...labelled('Average', `${shown(average)}${was}, which is ${shown(share)} of all averages.`),
    ...labelled('Consensus', `${shown(consensus)} on the chain; blended with it the share is ${shown(blended)}.`),
    ...labelled(
      'Weight',
      `${shown(weight)}: ${shown(Math.abs(weight - blended))} ${weight < blended ? 'less' : 'more'} by what keeps validator trust up, and by caps where there are any.`,
    ),
  ];
}

function ofAllLines({ competition, ofAll }: Explanation): string[] {
  if (ofAll === null) return [];
  const percent = Number((100 * ofAll.share).toFixed(2));
  const text = `${shown(ofAll.weight)}: competition ${competition} has ${percent} % of the weights, and what is above is within it.`;
  return labelled('Of all', text);
}

function historyLines(epochs: EpochOfMiner[]): string[] {
  if (epochs.length < 2) return [];
  const sets = new Set(epochs.flatMap(({ set }) => set ?? []));
  const note = 'Each epoch has an evaluation set of its own: losses can be compared within an epoch, not between two.';
  return [
    ...labelled('Epochs', 'from the last to earlier ones: block, result, score, average, weight'),
    ...epochs.map(({ startBlock, outcome, score, average, weight }) =>
      [
        `           ${String(startBlock).padStart(9)}`,
        outcomeText(outcome).padEnd(18),
        (score === null ? '-' : score.toFixed(2)).padStart(6),
        shown(average).padStart(8),
        shown(weight).padStart(8),
      ].join('  '),
    ),
    ...(sets.size > 0 ? labelled('', note) : []),
  ];
}

function nextText({ next, startBlock }: Explanation): string {
  if (next.kind === 'always') return 'it is evaluated in every epoch: there are places for all';
  if (next.kind === 'never') return 'it takes no part in the draw until its pointer is a valid one';
  if (next.kind === 'unknown') return 'the policy draws in a way that cannot be told beforehand';
  const chance = `it has a chance of about ${Math.round(100 * next.chance)} % to be drawn in the epoch after block ${startBlock}`;
  if (next.withinEpochs === null)
    return `${chance}; no places go to those who have waited longest, so it may wait for any time`;
  return `${chance}, and is evaluated within ${amount(next.withinEpochs, 'epoch')} at the latest`;
}

function hintText({ uid }: Explanation, { uids, correlation, rows }: Explanation['hints'][number]): string {
  const other = uids.find((one) => one !== uid);
  return `its losses move with those of uid ${other} over ${rows} evaluation rows (correlation ${correlation.toFixed(3)}): one may be a paraphrase of the other, or both say the same in the same manner. Nobody is refused for it.`;
}

const nameOf = (uid: number | null, hotkey: string) => (uid === null ? hotkey : `uid ${uid}`);
const shown = (share: number | null) =>
  share === null ? '-' : share > 0 && share < 0.0001 ? '<0.0001' : share.toFixed(4);
