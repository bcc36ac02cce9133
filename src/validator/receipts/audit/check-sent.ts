import { normaliseWeights } from '../../../chain/weights/normalise.ts';
import { clipToLimit } from '../../../chain/weights/row.ts';
import { type Blend, blend, type SentBlend } from '../../shares/blend.ts';
import type { Receipt } from '../receipt.ts';
import { compareWith, type Findings, shownValue } from './difference.ts';

type Weighed = Pick<Blend, 'weights' | 'action'>;

/** What several competitions come to; the weights of others are theirs to show. */
export function checkBlend(
  { receipt: sent, competition, version, inputs }: Receipt,
  { weights, action }: Weighed,
  { parts, restUid, portion: _, countsFrom, ...said }: SentBlend,
  { findings }: Findings,
): Weighed {
  const compare = compareWith(findings);
  const sentIn = sent?.block ?? null;
  if (version > 1 && (countsFrom === null ? sentIn !== null : sentIn === null || countsFrom! < sentIn))
    findings.push({
      place: 'inputs.blend.countsFrom',
      why: `is ${countsFrom}, and weights were sent in ${sentIn === null ? 'no block' : `block ${sentIn}`}`,
    });
  const i = parts.findIndex((part) => part.competition === competition);
  const own = parts[i];
  if (!own) findings.push({ place: 'inputs.blend.parts', why: `have nothing of competition ${competition}` });
  else if (action === 'set') {
    const { from, startBlock, missed } = own;
    const expected = { from: 'epoch', startBlock: inputs.epoch.startBlock, missed: 0, weights };
    const seen = { from, startBlock, missed, weights: own.weights };
    compare(`inputs.blend.parts[${i}]`, seen, expected, 'the epoch gives');
  } else if (
    own.from === 'epoch' ||
    (action === 'take-back') !== (own.from === 'nobody' && own.startBlock === inputs.epoch.startBlock)
  )
    findings.push({
      place: `inputs.blend.parts[${i}].from`,
      why: `is ${own.from}, and what follows is to ${action} weights`,
    });
  else if (own.from === 'earlier' && own.missed > 0)
    findings.push({
      place: `inputs.blend.parts[${i}].missed`,
      why: `is ${own.missed}, and this report is of an epoch that was evaluated`,
    });
  const { weights: blended, action: of } = blend({ parts, restUid, neurons: inputs.end.neurons });
  compare('inputs.blend', said, { action: of, weights: blended }, 'computed from its parts');
  return { weights: blended, action: of };
}

/** Weights as the chain takes them; whoever left before they were sent is missing, and uids of weight 0 fill up. */
export function checkSent(
  { receipt: sent, signer, inputs }: Receipt,
  { weights, action }: Weighed,
  { findings, unchecked }: Findings,
): void {
  if ((sent === null) !== (action === 'keep'))
    findings.push({ place: 'receipt', why: `is ${shownValue(sent)}, and what follows is to ${action} weights` });
  if (sent === null || action === 'keep') return;
  const seen = new Map(sent.uids.map((uid, i) => [uid, sent.values[i] ?? 0]));
  const own = inputs.end.neurons.find(({ hotkey }) => hotkey === signer)?.uid;
  if (action === 'take-back' && own === undefined) {
    unchecked.push('what was sent: it goes to the uid of the signer, who was not registered when it was computed');
    return;
  }
  if (action === 'take-back' && !seen.get(own!))
    findings.push({ place: 'receipt.uids', why: `give nothing to uid ${own}, and what was taken back goes there` });
  const still =
    action === 'take-back' ? [{ uid: own!, weight: 1 }] : weights.filter(({ uid }) => (seen.get(uid) ?? 0) > 0);
  const { maxWeightsLimit = 1 } = sent;
  if (maxWeightsLimit < 1)
    unchecked.push(`whether the subnet limits a weight to ${maxWeightsLimit} of all: its hyperparameters tell`);
  const { uids, values } = normaliseWeights(clipToLimit(still, { uid: own ?? -1, maxWeightsLimit }));
  const expected = new Map(uids.map((uid, i) => [uid, values[i]!]));
  for (const [i, uid] of sent.uids.entries())
    if (sent.values[i] !== (expected.get(uid) ?? 0))
      findings.push({
        place: `receipt.values[${i}]`,
        why: `is ${sent.values[i]}, and the weights give ${expected.get(uid) ?? 0} to uid ${uid}`,
      });
  const gone = normaliseWeights(weights).uids.filter((uid) => !seen.has(uid));
  if (gone.length > 0)
    unchecked.push(`why uid ${gone.join(', ')} has weight and was not sent: it may have left the subnet by then`);
}
