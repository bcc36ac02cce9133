import { givenShares, portionOf } from '../../shares/blend.ts';
import { SHARES_ROUNDING } from '../../shares/schedule.ts';
import type { Receipt } from '../receipt.ts';
import { type Findings, firstDifference, shownValue } from './difference.ts';

/** What a report of one competition has for those of the others that the same validator plays. */
interface OwnWeights {
  startBlock: number;
  endBlock: number;
  action: Receipt['inputs']['weighed']['action'];
  weights: Receipt['inputs']['weighed']['weights'];
  /** What it blends: the shares that competitions have of what was sent, and the epochs that their weights are of. */
  parts: { competition: string; share: number; startBlock: number | null }[];
  restUid: number | null;
  /** From when on the chain's consensus follows from that; `null` where nothing was sent, or it does not say. */
  countsFrom: number | null;
  /** The block of its last report before, -1 without any, where one in between could not be stored; else `null`. */
  gapFrom: number | null;
}

/** What the reports that are looked at came to, by competition. */
export type WeightsByCompetition = Map<string, OwnWeights[]>;

export function addOwnWeights(all: WeightsByCompetition, { competition, previous, inputs }: Receipt): void {
  if (!inputs.blend) return;
  const { epoch, end, weighed, blend } = inputs;
  const { countsFrom = null, restUid, parts } = blend;
  const own: OwnWeights = {
    ...{ startBlock: epoch.startBlock, endBlock: end.block, action: weighed.action, weights: weighed.weights, restUid },
    parts: givenShares(blend).map((given, i) => ({ ...given, startBlock: parts[i]!.startBlock })),
    countsFrom: blend.action === 'set' ? countsFrom : null,
    gapFrom: inputs.lastStartBlock === (previous?.startBlock ?? null) ? null : (previous?.startBlock ?? -1),
  };
  all.set(competition, [...(all.get(competition) ?? []), own]);
}

type Part = NonNullable<Receipt['inputs']['blend']>['parts'][number];

/**
 * Whether the parts that a report blends can be what a validator has, and their weights those that reports came to: of
 * other competitions, and of its own where its epoch came to none.
 */
export function checkParts(receipt: Receipt, all: WeightsByCompetition): Findings {
  const { competition, inputs } = receipt;
  const { findings, unchecked } = checkPortion(receipt, all);
  const parts = inputs.blend?.parts ?? [];
  const everybody = [...all.values()].flat();
  findings.push(...checkForms(parts));
  for (const [i, part] of parts.entries()) {
    if (part.missed > 0)
      unchecked.push(`why competition ${part.competition} could not be evaluated in ${part.missed} of its epochs`);
    // What the epoch itself came to is computed again.
    if (part.competition === competition && inputs.weighed.action !== 'keep') continue;
    const place = `inputs.blend.parts[${i}]`;
    const reports = all.get(part.competition) ?? [];
    // Where it was left out for a while, what it had before is forgotten.
    const isBefore = ({ endBlock }: OwnWeights) => endBlock < inputs.end.block;
    const joined = everybody.reduce((end, one) => {
      const isWithout = isBefore(one) && !one.parts.some((of) => of.competition === part.competition);
      return isWithout ? Math.max(end, one.endBlock) : end;
    }, -1);
    const later = reports.find(
      (one) =>
        one.action !== 'keep' && one.startBlock > (part.startBlock ?? -1) && isBefore(one) && one.endBlock > joined,
    );
    if (later)
      findings.push({
        place: `${place}.startBlock`,
        why: `is ${part.startBlock}, and the report of competition ${part.competition} of block ${later.startBlock} came to its weights before these were sent`,
      });
    const whose = `the weights of competition ${part.competition}`;
    if (part.startBlock === null) {
      if (reports.length === 0) unchecked.push(`${whose}: none of its reports was given, so it may have come to some`);
      continue;
    }
    const report = reports.find(({ startBlock }) => startBlock === part.startBlock);
    if (report?.action === 'keep') {
      findings.push({
        place: `${place}.startBlock`,
        why: `is ${part.startBlock}, and the report of competition ${part.competition} of that block came to no weights`,
      });
      continue;
    }
    if (!report) {
      unchecked.push(`${whose}: its report of block ${part.startBlock} was not given`);
      continue;
    }
    const difference = firstDifference(part.weights, report.weights, `${place}.weights`);
    if (!difference) continue;
    if (report.endBlock > inputs.end.block)
      unchecked.push(`${whose}: its epoch of block ${part.startBlock} was finished again in block ${report.endBlock}`);
    else
      findings.push({
        place: difference.place,
        why: `is ${shownValue(difference.seen)}, and its report of block ${part.startBlock} has ${shownValue(difference.expected)}`,
      });
  }
  return { findings, unchecked };
}

/** Whether its miners' part of the chain's consensus is that of the weights that this validator had sent by then. */
function checkPortion(receipt: Receipt, all: WeightsByCompetition): Findings {
  const { version, competition, inputs } = receipt;
  if (!inputs.blend || version === 1) return { findings: [], unchecked: [] };
  const { portion = null } = inputs.blend;
  const { startBlock } = inputs.epoch;
  let stood: OwnWeights | null = null;
  for (const one of [...all.values()].flat())
    if (one.countsFrom !== null && one.countsFrom <= startBlock && isAfter(one, stood)) stood = one;
  // Where it had none of them, its share is as good as any.
  if (!stood?.parts.some((part) => part.competition === competition && part.share > 0))
    return {
      findings: [],
      unchecked: [
        `whether competition ${competition} had ${portion ?? 'all'} of the weights on the chain in block ${startBlock}: no report that was given sent any of its`,
      ],
    };
  const missing = missingReport(receipt, all, stood);
  if (missing !== null)
    return {
      findings: [],
      unchecked: [
        `whether competition ${competition} had ${portion ?? 'all'} of the weights on the chain in block ${startBlock}: without ${missing} it is not known what was sent`,
      ],
    };
  const expected = portionOf(stood, competition) ?? null;
  if (portion === expected) return { findings: [], unchecked: [] };
  const why = `is ${portion}, and the weights that stood on the chain in block ${startBlock} were sent with ${expected}`;
  return { findings: [{ place: 'inputs.blend.portion', why }], unchecked: [] };
}

/**
 * A report without which it is not known what stood on the chain when the epoch began: of a competition of which none was given,
 * one that was not given and that others since then name, or one that could not be stored; `null` where there is none.
 */
function missingReport({ inputs }: Receipt, all: WeightsByCompetition, stood: OwnWeights): string | null {
  const { startBlock: block } = inputs.epoch;
  for (const { competition } of [...stood.parts, ...(inputs.blend?.parts ?? [])])
    if (!all.has(competition)) return `any report of competition ${competition}`;
  const since = [...all.values()].flat().filter(({ endBlock }) => endBlock >= stood.endBlock);
  for (const { competition, startBlock } of since.flatMap(({ parts }) => parts)) {
    const isLater = startBlock === null || startBlock >= block;
    if (!isLater && !all.get(competition)?.some((one) => one.startBlock === startBlock))
      return `the report of competition ${competition} of block ${startBlock}`;
  }
  const after = since.find(({ gapFrom }) => gapFrom !== null && gapFrom < block);
  return after ? `the one before the report of block ${after.startBlock}` : null;
}

/** Whether it is what stood later; of what was sent twice in one epoch of the subnet, the last. */
function isAfter(one: OwnWeights, other: OwnWeights | null): boolean {
  if (other === null) return true;
  return one.countsFrom! > other.countsFrom! || (one.countsFrom === other.countsFrom && one.endBlock > other.endBlock);
}

/** What holds of parts whatever they are of. */
function checkForms(parts: Part[]): Findings['findings'] {
  const findings: Findings['findings'] = [];
  const ids = new Set<string>();
  for (const [i, { competition, from, startBlock, weights }] of parts.entries()) {
    const place = `inputs.blend.parts[${i}]`;
    if (ids.has(competition))
      findings.push({ place: `${place}.competition`, why: `is ${competition}, which is named before` });
    ids.add(competition);
    const [hasBlock, hasWeights] = [from !== 'empty' && from !== 'unknown', from === 'epoch' || from === 'earlier'];
    if ((startBlock !== null) !== hasBlock)
      findings.push({
        place: `${place}.startBlock`,
        why: `is ${startBlock}, and what is ${from} has ${hasBlock ? 'one' : 'none'}`,
      });
    if (weights.some(({ weight }) => weight > 0) !== hasWeights)
      findings.push({
        place: `${place}.weights`,
        why: `are ${weights.length > 0 ? shownValue(weights) : 'none'}, and what is ${from} has ${hasWeights ? 'some' : 'none'}`,
      });
  }
  const sum = parts.reduce((total, { share }) => total + share, 0);
  if (sum > 1 + SHARES_ROUNDING)
    findings.push({ place: 'inputs.blend.parts', why: `have shares that sum to ${sum}, and 1 is all there is` });
  return findings;
}
