import { SHARES_ROUNDING } from '../../shares/schedule.ts';
import type { Receipt } from '../receipt.ts';
import { firstDifference, shownValue } from './difference.ts';
import type { Recomputed } from './recompute.ts';

/** What a report of one competition has for those of the others that the same validator plays. */
interface OwnWeights {
  startBlock: number;
  endBlock: number;
  action: Receipt['inputs']['weighed']['action'];
  weights: Receipt['inputs']['weighed']['weights'];
}

/** What the reports that are looked at came to, by competition. */
export type WeightsByCompetition = Map<string, OwnWeights[]>;

export function addOwnWeights(all: WeightsByCompetition, { competition, inputs }: Receipt): void {
  if (!inputs.blend) return;
  const { epoch, end, weighed } = inputs;
  const own = { startBlock: epoch.startBlock, endBlock: end.block, action: weighed.action, weights: weighed.weights };
  all.set(competition, [...(all.get(competition) ?? []), own]);
}

type Part = NonNullable<Receipt['inputs']['blend']>['parts'][number];

/**
 * Whether the parts that a report blends can be what a validator has, and their weights those that reports came to: of
 * other competitions, and of its own where its epoch came to none.
 */
export function checkParts(
  { competition, inputs }: Receipt,
  all: WeightsByCompetition,
): Pick<Recomputed, 'findings' | 'unchecked'> {
  const findings: Recomputed['findings'] = [];
  const unchecked: string[] = [];
  const parts = inputs.blend?.parts ?? [];
  findings.push(...checkForms(parts));
  for (const [i, part] of parts.entries()) {
    if (part.missed > 0)
      unchecked.push(`why competition ${part.competition} could not be evaluated in ${part.missed} of its epochs`);
    // What the epoch itself came to is computed again.
    if (part.competition === competition && inputs.weighed.action !== 'keep') continue;
    const place = `inputs.blend.parts[${i}]`;
    const reports = all.get(part.competition) ?? [];
    const later = reports.find(
      ({ startBlock, endBlock, action }) =>
        action !== 'keep' && startBlock > (part.startBlock ?? -1) && endBlock < inputs.end.block,
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

/** What holds of parts whatever they are of. */
function checkForms(parts: Part[]): Recomputed['findings'] {
  const findings: Recomputed['findings'] = [];
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
