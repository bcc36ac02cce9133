import type { Policy } from '../../../policy/policy.ts';
import type { Submission } from '../../../schema/submission.ts';
import { queueAfter } from '../../draw-from.ts';
import { SEED_DELAY_BLOCKS } from '../../epoch-start.ts';
import { hasBit, unpackBits } from '../../ledger/packed.ts';
import { leftOutVerdict } from '../../left-out.ts';
import type { Outcome } from '../../outcome.ts';
import type { ReadPointer } from '../../pointers.ts';
import { intakeOf } from '../../policy.ts';
import { writeReport } from '../../report.ts';
import { meanLoss, unpackRowLosses } from '../../row-losses.ts';
import { keyOf } from '../../score-dataset.ts';
import type { Standings } from '../../standing.ts';
import type { MeasuredScore } from '../../state-store.ts';
import { weighEpoch } from '../../weigh-epoch.ts';
import { decidedBy, drawAgain } from '../draw-again.ts';
import { hintsOf } from '../leave-receipt.ts';
import { portionIn, type Receipt, type ReceiptDataset } from '../receipt.ts';
import { placeIn } from '../seal.ts';
import { checkBlend, checkSent } from './check-sent.ts';
import { compareWith, type Findings, jsonOf } from './difference.ts';
import { asEarlierVersion } from './earlier-version.ts';

/** What does not follow from a receipt's own inputs. */
export interface Recomputed extends Findings {
  /** What the next epoch begins with, computed anew. */
  after: { standings: Standings; memory: unknown; queue: unknown };
}

export interface RecomputeParameters {
  receipt: Receipt;
  /** In place of the one of this package that the competition names. */
  policy?: Policy;
}

/** Sums of losses are made in an order that is not known here. */
const ROUNDING = 1e-9;

/**
 * Computes all that follows from a receipt's inputs with the functions that the validator used, and compares: pointers,
 * draw, verdicts by arithmetic, losses from their rows, scores, weights, what the chain was sent, and the report's own words.
 * @throws FlockOffError of a policy that fails, and for inputs that cannot be computed with.
 */
export function recompute({ receipt, policy: own }: RecomputeParameters): Recomputed {
  const { inputs } = receipt;
  const decided = decidedBy(receipt, own);
  const { competition, pointers, context } = decided;
  const noted: Findings = { findings: [], unchecked: [] };
  const { findings, unchecked } = noted;
  /** Whose verdicts nothing in the report can show to be right. */
  const believed: string[] = [];
  const compare = compareWith(findings);

  const intake = intakeOf({ competition, policy: own });
  const rules = { ...competition, ...intake };
  const { name, parameters } = context.policy;
  const policy = asEarlierVersion(jsonOf({ name, parameters }), receipt.policy, competition);
  compare('policy', receipt.policy, policy, 'the competition and the policy say');
  compare('competition', receipt.competition, competition.id, 'the inputs say');
  for (const key of ['startBlock', 'seedBlock', 'epochSeed'] as const)
    compare(key, receipt[key], inputs.epoch[key], 'the inputs say');
  checkBlocks();

  const queue = checkDraw();
  const outcomes = checkOutcomes();
  const { weighed, ...after } = weighEpoch({
    ...{ context, pointers, drawn: drawnFrom(pointers, inputs.epoch.hotkeys), outcomes, standings: inputs.standings },
    ...{
      neurons: inputs.epoch.neurons,
      endNeurons: inputs.end.neurons,
      served: inputs.served,
      hidden: new Set(inputs.hidden),
    },
    ownRowsOf: (hotkey) => datasetOf(hotkey)?.ownRows ?? null,
    countsFrom: ({ hotkey, commitBlock }) => datasetOf(hotkey)?.countsFrom ?? commitBlock,
    baselineLossNatsPerToken: receipt.baselineLossNatsPerToken,
    evaluationSha256: inputs.evaluation.sha256,
    portion: portionIn(receipt),
  });
  const { weights, action, averages, memory } = weighed;
  const expected = asEarlierVersion(jsonOf({ weights, action, averages, memory }), inputs.weighed, competition);
  compare('inputs.weighed', inputs.weighed, expected, 'computed from its inputs');
  const toSend = inputs.blend ? checkBlend(receipt, { weights, action }, inputs.blend, noted) : { weights, action };
  checkReport();
  checkSent(receipt, toSend, noted);
  const postponed = receipt.entries.flatMap(({ hotkey, outcome }) => (outcome.kind === 'postponed' ? hotkey : []));
  return {
    ...noted,
    after: {
      standings: after.standings,
      memory: { policy: name, value: memory },
      queue: queue && queueAfter(queue, postponed),
    },
  };

  function datasetOf(hotkey: string) {
    return Object.hasOwn(inputs.datasets, hotkey) ? inputs.datasets[hotkey] : undefined;
  }

  /** Whoever may choose the block that seeds the draw may choose who is drawn. */
  function checkBlocks(): void {
    const { startBlock, seedBlock } = inputs.epoch;
    const { blocksPerEpoch } = competition;
    if (startBlock % blocksPerEpoch !== 0)
      findings.push({
        place: 'inputs.epoch.startBlock',
        why: `is ${startBlock}, and epochs begin at multiples of ${blocksPerEpoch}`,
      });
    const expected = startBlock + SEED_DELAY_BLOCKS;
    compare('inputs.epoch.seedBlock', seedBlock, expected, 'of an epoch that began then, it is');
  }

  /** The queue after the draw, `null` where it is not known. */
  function checkDraw(): unknown {
    const drawn = drawAgain(receipt, decided);
    if (drawn === null) {
      if (receipt.previous === null)
        unchecked.push('the draw: an earlier version of flock-off made it, and did not store what from');
      else
        for (const key of ['seedBlockHash', 'drawnFrom'] as const)
          if (!inputs.epoch[key])
            findings.push({ place: `inputs.epoch.${key}`, why: 'is missing, and nobody can draw again without it' });
      return null;
    }
    const { epochSeed, hotkeys } = inputs.epoch;
    const expected = { epochSeed: drawn.epochSeed, hotkeys: drawn.hotkeys };
    compare('inputs.epoch', { epochSeed, hotkeys }, expected, 'drawn again');
    return drawn.queue;
  }

  /** What the epoch itself found, with what of it can be computed again. */
  function checkOutcomes(): Map<string, Outcome> {
    const found = new Map<string, Outcome>();
    const drawn = new Set(inputs.epoch.hotkeys);
    for (const [i, { hotkey, outcome }] of receipt.entries.entries()) {
      const itself = Object.hasOwn(inputs.stood, hotkey) ? inputs.stood[hotkey]! : outcome;
      if (itself !== null) found.set(hotkey, itself);
      const pointer = pointers.get(hotkey);
      if (!pointer) {
        findings.push({ place: `entries[${i}].hotkey`, why: `is ${hotkey}, who has no pointer in the inputs` });
        found.delete(hotkey);
      } else if (itself !== null) checkVerdict(`entries[${i}].outcome`, pointer, itself);
      if (itself?.kind !== 'scored') continue;
      checkLoss(`entries[${i}].outcome.lossNatsPerToken`, hotkey, itself.lossNatsPerToken);
      if (!drawn.has(hotkey))
        findings.push({ place: `entries[${i}].outcome`, why: `is a loss of ${hotkey}, who was not drawn` });
      if ((datasetOf(hotkey)?.kept ?? null) === null)
        findings.push({
          place: `${placeIn('inputs.datasets', hotkey)}.kept`,
          why: 'is missing, though there is a loss: nobody can train on the same rows',
        });
    }
    for (const hotkey of drawn)
      if (pointers.get(hotkey)?.submission.ok && !found.has(hotkey))
        findings.push({ place: 'entries', why: `have nothing of ${hotkey}, who was drawn` });
    for (const pointer of pointers.values())
      if (!pointer.submission.ok && !found.has(pointer.hotkey))
        findings.push({ place: 'entries', why: `have nothing of ${pointer.hotkey}, whose pointer is none` });
    for (const [hotkey, dataset] of Object.entries(inputs.datasets))
      checkDataset(placeIn('inputs.datasets', hotkey), dataset, pointers.get(hotkey));
    const packed = inputs.baselineRowLosses;
    const { baselineLossNatsPerToken: baseline } = receipt;
    if (
      baseline === null &&
      competition.baseline !== 'off' &&
      [...found.values()].some(({ kind }) => kind === 'scored')
    )
      findings.push({
        place: 'baselineLossNatsPerToken',
        why: 'is null, though there are losses: nobody can tell whether they beat the base model',
      });
    if (packed === null && baseline !== null)
      unchecked.push('the loss of the base model: its losses by row are not in the report');
    if (packed !== null && baseline !== null)
      checkMean('baselineLossNatsPerToken', baseline, packed, 'inputs.baselineRowLosses');
    if (believed.length > 0)
      unchecked.push(`the verdicts on ${believed.join(', ')}: they rest on what the datasets hold, or on the hub`);
    return found;
  }

  function checkDataset(place: string, dataset: ReceiptDataset, pointer: ReadPointer | undefined): void {
    const { sha256, kept, ownRows, countsFrom } = dataset;
    if (kept !== null) {
      compare(`${place}.ownRows`, ownRows, keyOf([sha256, kept]), 'the rows kept give');
      checkKept(`${place}.kept`, { ...dataset, kept });
    }
    if (!pointer?.submission.ok) return;
    const { commitBlock } = pointer.submission.value;
    const latest = Math.max(commitBlock, inputs.epoch.startBlock);
    if (countsFrom < commitBlock || countsFrom > latest)
      findings.push({
        place: `${place}.countsFrom`,
        why: `is ${countsFrom}, and its pointer is of block ${commitBlock}: it counts from then on, or from when it could be read, block ${latest} at the latest`,
      });
  }

  function checkKept(place: string, { kept, rows, leftOut }: ReceiptDataset & { kept: string }): void {
    const bits = bitsOf(kept, rows);
    if (bits === null) {
      findings.push({ place, why: `does not name any of ${rows} rows` });
      return;
    }
    let seen = 0;
    for (let row = 0; row < rows; row++) if (hasBit(bits, row)) seen++;
    const left = leftOut && rows - leftOut.others - leftOut.evaluation - leftOut.repeats;
    if (seen !== left)
      findings.push({ place, why: `has ${seen} rows, and what is left out leaves ${left ?? 'nothing known'}` });
  }

  function checkVerdict(place: string, { uid, hotkey, submission }: ReadPointer, outcome: Outcome): void {
    if (!submission.ok) {
      compare(place, outcome, { kind: 'rejected', verdict: submission.verdict }, 'the pointer gives');
      return;
    }
    const dataset = datasetOf(hotkey);
    const { rows: rowsOfFile = 0, leftOut: without = null } = dataset ?? {};
    const judgement = without && { leftOut: without };
    const verdict = leftOutVerdict(rules, { rows: rowsOfFile, judgement }, uidOf);
    const seen = outcome.kind === 'rejected' ? outcome.verdict : null;
    if (verdict) {
      if (seen === null) findings.push({ place, why: `is ${outcome.kind}, though too few rows are left` });
      else if (seen.reason === verdict.reason)
        compare(`${place}.verdict`, seen, jsonOf(verdict), 'the rows left out give');
      else believed.push(`uid ${uid} (${seen.reason})`);
      return;
    }
    if (seen === null) return;
    if (seen.reason !== 'duplicate' && seen.reason !== 'evaluation-rows') {
      believed.push(`uid ${uid} (${seen.reason})`);
      return;
    }
    // Of rows in common with one earlier dataset, by the policy.
    const { leftOut, rows = 0, rowsLeft } = seen.facts ?? {};
    const common = leftOut?.others ?? 0;
    if (common > intake.mostCommonRows && rowsLeft === rows - common) return;
    findings.push({ place: `${place}.verdict`, why: `is ${seen.reason}, and the rows left out do not give that` });
  }

  function checkLoss(place: string, hotkey: string, loss: number): void {
    const packed = Object.hasOwn(inputs.measured, hotkey) ? inputs.measured[hotkey]!.rowLosses : null;
    if (packed === null) unchecked.push(`the loss of ${hotkey}: its losses by row are not in the report`);
    else checkMean(place, loss, packed, `${placeIn('inputs.measured', hotkey)}.rowLosses`);
  }

  function checkMean(place: string, loss: number, packed: string, from: string): void {
    const losses = unpackRowLosses(packed, inputs.evaluation.rows);
    if (losses === null)
      findings.push({ place: from, why: `holds no losses of ${inputs.evaluation.rows} rows of the evaluation set` });
    const mean = losses && meanLoss(losses);
    if (mean !== null && Math.abs(mean - loss) > ROUNDING * Math.max(mean, loss))
      findings.push({ place, why: `is ${loss}, and the mean of its rows is ${mean}` });
  }

  /** The report says of all this what the validator's own function says. */
  function checkReport(): void {
    const { trainer, netuid, baselineLossNatsPerToken, receipt: sent, ledger } = receipt;
    const settled = new Map(outcomes);
    for (const [hotkey, verdict] of after.standing) settled.set(hotkey, { kind: 'rejected', verdict });
    for (const hotkey of settled.keys()) if (!pointers.has(hotkey)) settled.delete(hotkey);
    const again = writeReport({
      ...{ netuid, competition: competition.id, policy: context.policy, trainer, receipt: sent, datasetOf },
      ...{ baselineLossNatsPerToken, weighed, outcomes: settled, neurons: inputs.end.neurons, blend: inputs.blend },
      epoch: { ...inputs.epoch, pointers, history: ledger },
      hints: hintsOf({
        ...{ pointers, evaluationRows: inputs.evaluation.rows, baselineRowLosses: inputs.baselineRowLosses },
        // Nobody else was evaluated: of more, pairs without end could be made.
        measured: new Map(inputs.epoch.hotkeys.flatMap((hotkey) => measuredOf(hotkey) ?? [])),
      }),
    });
    for (const key of ['entries', 'hints', 'notSent'] as const)
      compare(key, receipt[key], jsonOf(again[key]), 'computed from its inputs');
    compare('share', receipt.share, again.share, 'computed from its inputs');
  }

  function measuredOf(hotkey: string): [[string, MeasuredScore]] | null {
    return Object.hasOwn(inputs.measured, hotkey) ? [[hotkey, inputs.measured[hotkey]!]] : null;
  }

  function uidOf(hotkey: string): number | null {
    return pointers.get(hotkey)?.uid ?? null;
  }
}

function drawnFrom(pointers: Map<string, ReadPointer>, hotkeys: string[]): Submission[] {
  return hotkeys.flatMap((hotkey) => {
    const submission = pointers.get(hotkey)?.submission;
    return submission?.ok ? [submission.value] : [];
  });
}

function bitsOf(packed: string, rows: number): Uint8Array | null {
  try {
    return unpackBits(packed, rows);
  } catch {
    return null;
  }
}
