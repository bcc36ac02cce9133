import type { Competition } from '../schema/competition.ts';
import type { LeftOutEvidence } from '../schema/left-out-evidence.ts';
import { reject, type Verdict } from '../schema/verdict.ts';
import type { Ledger } from './ledger/ledger.ts';
import { unpackRows } from './ledger/packed.ts';
import type { Judgement, LeftOut, ShownDataset } from './ledger/showing.ts';
import type { ReadPointer } from './pointers.ts';
import { keyOf } from './score-dataset.ts';

/** Indexes of the rows that are trained on, in order; `null` before they were compared with everybody's. */
export function keptRows(showing: ShownDataset | undefined): Uint32Array | null {
  if (!showing?.judgement) return null;
  return unpackRows(showing.judgement.kept, showing.rows);
}

/** Names the rows that are trained on, `null` where that is not known. */
export function ownRowsOf(ledger: Ledger, pointer: ReadPointer | undefined): string | null {
  const showing = pointer?.submission.ok ? ledger.showing(pointer.hotkey, pointer.submission.value.pointer) : undefined;
  return showing?.judgement ? keyOf([showing.sha256, showing.judgement.kept]) : null;
}

/** What it takes to tell whether too little is left. */
export type LeftOutRules = Pick<Competition, 'minOwnRows' | 'minRows' | 'evaluationSets'>;

/**
 * Verdicts on the datasets that pointers name now of which too little is left, by hotkey. Shares of what is left out decide
 * nothing else.
 */
export function leftOutVerdicts(
  rules: LeftOutRules,
  ledger: Ledger,
  pointers: Map<string, ReadPointer>,
): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const uidOf = (hotkey: string) => pointers.get(hotkey)?.uid ?? null;
  for (const { hotkey, submission } of pointers.values()) {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    const verdict = showing && leftOutVerdict(rules, showing, uidOf);
    if (verdict) verdicts.set(hotkey, verdict);
  }
  return verdicts;
}

/**
 * The verdict where fewer rows are left than are asked for; `null` where enough are. Rows of a time-locked set count as left:
 * nobody could know them, and whoever makes a set could put a rival's rows into it.
 */
export function leftOutVerdict(
  { minOwnRows, minRows, evaluationSets }: LeftOutRules,
  { rows, judgement }: { rows: number; judgement: Pick<Judgement, 'leftOut'> | null },
  uidOf: (hotkey: string) => number | null,
): Verdict | null {
  if (judgement === null) return null;
  const { leftOut } = judgement;
  const { others, evaluation, repeats } = leftOut;
  const different = rows - repeats;
  const left = different - others - (evaluationSets ? 0 : evaluation);
  const needed = Math.min(minOwnRows, Math.ceil(different / 2));
  const facts = { rows, leftOut: evidenceOf(leftOut, uidOf) };
  const why = leftOutText(leftOut, uidOf);
  if (left < needed) {
    const reason = evaluationSets || others >= evaluation ? 'duplicate' : 'evaluation-rows';
    const sentence = `${why}: ${left} of ${different} rows are left, at least ${needed} are needed`;
    return reject(reason, sentence, { ...facts, rowsLeft: left, rowsNeeded: needed }).verdict;
  }
  if (left >= minRows) return null;
  const sentence = `${why}: ${left} rows are left, at least ${minRows} are needed`;
  return reject('row-count', sentence, { ...facts, minRows }).verdict;
}

/** The evidence with the uids of today. */
export function evidenceOf(
  { sources, examples, ...counts }: LeftOut,
  uidOf: (hotkey: string) => number | null,
): LeftOutEvidence {
  return {
    ...counts,
    sources: sources.slice(0, 20).map((source) => ({ uid: uidOf(source.hotkey), ...source })),
    examples: examples.map((row) => ({ ...row, uid: row.hotkey === null ? null : uidOf(row.hotkey) })),
  };
}

/** Such as "6 rows were shown earlier by uid 0, 2 are of the evaluation set, 1 is repeated"; empty where nothing is left out. */
export function leftOutText(
  { others, evaluation, repeats, sources }: LeftOut,
  uidOf: (hotkey: string) => number | null,
): string {
  const parts: string[] = [];
  if (others > 0) parts.push(`${others} shown earlier by ${sourcesText(sources, uidOf)}`);
  if (evaluation > 0) parts.push(`${evaluation} of the evaluation set`);
  if (repeats > 0) parts.push(`${repeats} repeated`);
  return parts.length === 0 ? '' : `rows left out: ${parts.join(', ')}`;
}

function sourcesText(sources: LeftOut['sources'], uidOf: (hotkey: string) => number | null): string {
  const named = sources.slice(0, 3).map(({ hotkey, rows }) => {
    const uid = uidOf(hotkey);
    return `${uid === null ? hotkey : `uid ${uid}`}${sources.length > 1 ? ` (${rows})` : ''}`;
  });
  if (sources.length > 3) named.push(`${sources.length - 3} more`);
  return named.join(', ');
}
