import { announcedIn, listFault } from '../../../evaluation-sets/announcement.ts';
import { readList, type SetEntry } from '../../../evaluation-sets/list.ts';
import { beaconOf, firstSetFor } from '../../../evaluation-sets/schedule.ts';
import { candidates, checkTried, takenSet, type UsedSets } from '../../../evaluation-sets/used-sets.ts';
import type { Policy } from '../../../policy/policy.ts';
import type { EvaluationSetsRule } from '../../../schema/evaluation-sets.ts';
import { pointersUntilOf } from '../../policy.ts';
import type { Receipt } from '../receipt.ts';
import { type Findings, firstDifference } from './difference.ts';

const PLACE = 'inputs.sets';

/**
 * Whether the epoch of a receipt was measured on the time-locked set that it had to be, from the receipt alone: the list is
 * the one that its own pointers' block names, in time, whole and signed; the set is the first that opens late enough; the pulse is the
 * beacon's; and the rows' hash is what was pinned before. Without a network, also when the chain has forgotten the pulse.
 */
export async function checkSets({ inputs, entries }: Receipt, policy?: Policy): Promise<Findings> {
  const findings: Findings['findings'] = [];
  const unchecked: string[] = [];
  const { sets, epoch, evaluation } = inputs;
  const rule = inputs.competition.evaluationSets;
  const find = (place: string, why: string): Findings => ({ findings: [...findings, { place, why }], unchecked });
  if (rule === undefined)
    return sets === undefined ? { findings, unchecked } : find(PLACE, 'is there, and the competition has no such sets');
  if (sets === undefined) return find(PLACE, 'is missing, and the competition has time-locked sets');
  const taken = takenSet(sets);
  const scored = entries.findIndex(({ outcome }) => outcome.kind === 'scored');
  if (taken === null && scored >= 0)
    findings.push({ place: `entries[${scored}].outcome`, why: 'is a loss, and no evaluation set was opened' });

  // Nobody was drawn, so no set was taken.
  if (epoch.hotkeys.length === 0 && sets.fault === null && sets.tried.length === 0 && sets.lines.length === 0)
    return { findings, unchecked };
  const announcement = announcedIn(rule, epoch.commitments);
  const until = pointersUntilOf({ competition: inputs.competition, policy }, epoch);
  const fault = listFault(announcement, until);
  if (fault !== (sets.fault === 'not-announced' || sets.fault === 'late' ? sets.fault : null))
    return find(
      `${PLACE}.fault`,
      `is ${sets.fault}, and the list of ${rule.signer} is ${fault ?? 'announced in time'}`,
    );
  if (announcement === null || sets.fault !== null) {
    if (sets.lines.length > 0 || sets.tried.length > 0) return find(PLACE, 'has sets of a list that was not used');
    if (fault === null)
      unchecked.push(
        `whether the list of evaluation sets was ${sets.fault}, which only its files at ${announcement?.commit} tell`,
      );
    return { findings, unchecked };
  }
  const from = firstSetFor(rule, until.timeMs);
  const read = await readList({ lines: sets.lines, rule, announcement, from });
  if ('problem' in read) return find(`${PLACE}.lines`, `are not the list that the chain names: it ${read.problem}`);
  if (firstDifference(sets.lines, read.lines)) return find(`${PLACE}.lines`, `have more than what follows set ${from}`);
  findings.push(...checkOrder(sets, candidates(rule, from, read.entries)));
  const { verifyPulse } = await import('../../../chain/timelock/pulse.ts');
  const isPulse = (round: number, signature: string) =>
    verifyPulse({ round, signature: Buffer.from(signature, 'hex'), publicKey: beaconOf(rule).publicKey });
  for (const [i, tried] of sets.tried.entries()) {
    const entry = read.entries.get(tried.index);
    const wrong = checkTried({ rule, tried, entry, isPulse });
    if (wrong) findings.push({ place: `${PLACE}.tried[${i}].${wrong.place}`, why: wrong.why });
    const believed = [tried.fault, ...tried.parts.map(({ fault }) => fault)].filter((fault) => fault !== null);
    if (!wrong && believed.length > 0 && entry !== undefined)
      unchecked.push(
        `whether evaluation set ${tried.index}, or a part of it, was void (${[...new Set(believed)].join(', ')}): its files tell`,
      );
  }
  if (taken !== null) findings.push(...checkTaken(taken, read.entries.get(taken.index), evaluation, unchecked));
  return { findings, unchecked };
}

/** Sets are tried one after the other until one is sound, or none is left. */
function checkOrder({ tried }: UsedSets, expected: number[]): Findings['findings'] {
  const findings: Findings['findings'] = [];
  for (const [i, { index, fault }] of tried.entries()) {
    if (index !== expected[i])
      findings.push({
        place: `${PLACE}.tried[${i}].index`,
        why: `is ${index}, and the next one is ${expected[i] ?? 'none'}`,
      });
    if (fault === null && i < tried.length - 1)
      findings.push({ place: `${PLACE}.tried[${i + 1}]`, why: `is there, though set ${index} was sound` });
  }
  if (tried.at(-1)?.fault !== null && tried.length < expected.length)
    findings.push({ place: `${PLACE}.tried`, why: `end before set ${expected[tried.length]}, which was listed` });
  return findings;
}

/** Whether the losses are on the rows that were pinned. */
function checkTaken(
  { parts, index }: UsedSets['tried'][number],
  entry: SetEntry | undefined,
  evaluation: Receipt['inputs']['evaluation'],
  unchecked: string[],
): Findings['findings'] {
  const sound = parts.flatMap(({ fault, sha256 }, i) => (fault === null ? { sha256, part: entry?.parts[i] } : []));
  const rows = sound.reduce((sum, { part }) => sum + (part?.plain.rows ?? 0), 0);
  const findings: Findings['findings'] = [];
  if (rows !== evaluation.rows)
    findings.push({ place: 'inputs.evaluation.rows', why: `is ${evaluation.rows}, and set ${index} has ${rows}` });
  if (sound.length > 1)
    unchecked.push(
      `whether the ${sound.length} parts of evaluation set ${index}, each as it was pinned, give the file ${evaluation.sha256}: their rows tell`,
    );
  else if (sound[0]?.sha256 !== evaluation.sha256)
    findings.push({
      place: 'inputs.evaluation.sha256',
      why: `is ${evaluation.sha256}, and set ${index} is ${sound[0]?.sha256}`,
    });
  return findings;
}

/** What of two reports in a row says something of who lists the sets, in clauses. */
export function compareSets(rule: EvaluationSetsRule, before: ReadonlyMap<number, string>, now: UsedSets): string[] {
  const said: string[] = [];
  for (const [index, line] of linesByIndex(now)) {
    const earlier = before.get(index);
    if (earlier !== undefined && earlier !== line)
      said.push(`why evaluation set ${index} was replaced: ${rule.signer} has signed two of that number`);
  }
  return said;
}

/** The lines of a receipt by the numbers of their sets. */
export function linesByIndex({ lines }: Pick<UsedSets, 'lines'>): Map<number, string> {
  return new Map(
    lines.flatMap((line) => {
      const index = /"index":(\d+)/.exec(line)?.[1];
      return index === undefined ? [] : [[Number(index), line] as const];
    }),
  );
}
