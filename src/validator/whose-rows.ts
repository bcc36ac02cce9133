import { fingerprintRows } from '../dataset/fingerprint/fingerprint-rows.ts';
import { FINGERPRINT_VERSION, JUDGING_VERSION } from '../dataset/fingerprint/format.ts';
import type { OthersRow } from '../dataset/fingerprint/judged-showing.ts';
import type { RepeatedRow } from '../dataset/fingerprint/repeated-rows.ts';
import { yieldToEventLoop } from '../shared/yield-to-event-loop.ts';
import { type Compared, compareDatasets } from './compare-datasets.ts';
import type { Ledger, LedgerEntry } from './ledger/ledger.ts';
import { allBits, clearBit, hasBit, packBits, unpackBits, unpackNumbers } from './ledger/packed.ts';
import { blockOf } from './ledger/position.ts';
import {
  claimedRows,
  claimedUntil,
  firstShownAt,
  type Judgement,
  type LeftOut,
  type ShownDataset,
} from './ledger/showing.ts';
import type { ReadPointer } from './pointers.ts';
import { intakeOf } from './policy.ts';
import { restoreFingerprints } from './read-datasets.ts';
import { noteRenewedRows } from './renewed-rows.ts';
import { keyOf } from './score-dataset.ts';
import type { RowJudge } from './validator.ts';

export interface JudgeRowsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** Everybody on the subnet. */
  neurons: { hotkey: string; coldkey: string }[];
  /** The current block. */
  block: number;
  signal?: AbortSignal;
}

/** A dataset that a hotkey shows or has shown. */
interface Shown {
  hotkey: string;
  showing: ShownDataset;
}

const MOST_EXAMPLES = 20;

/**
 * Finds out whose the rows are of every dataset that a pointer names: those of datasets that are new, and of others again
 * where rows have come to light that were shown earlier. What was found before stands, so that copies stay copies after the
 * claim on their original has ended.
 */
export async function judgeRows(validator: RowJudge, parameters: JudgeRowsParameters): Promise<void> {
  const { ledger, pointers } = parameters;
  const rules = rulesOf(validator);
  const restored = await restoreFingerprints(validator, ledger, parameters);
  await noteRenewedRows(validator, parameters);
  const named = [...pointers.values()].flatMap(({ hotkey, submission }): Shown[] => {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    return showing ? [{ hotkey, showing }] : [];
  });
  const isNew = ({ showing }: Shown) => showing.judgement?.rules !== rules;
  const earliest = named.filter(isNew).reduce((first, { showing }) => Math.min(first, firstShownAt(showing)), restored);
  const stale = named.filter((one) => isNew(one) || one.showing.position > earliest);
  // What was found while fingerprints of ours were missing may be wrong.
  const stands = restored === Number.POSITIVE_INFINITY ? 'all' : 'of-gone';
  await judge(validator, { ...parameters, hotkeys: new Set(stale.map(({ hotkey }) => hotkey)), stands });
  const heirs = inherit(parameters);
  await judge(validator, { ...parameters, hotkeys: heirs, stands: 'nothing' });
}

interface JudgeParameters extends JudgeRowsParameters {
  hotkeys: ReadonlySet<string>;
  /**
   * Which rows that were found to be others' stay so, though nobody may know their original any more: all, as far as they were
   * found by the present rules; those of a dataset of which somebody's rows cannot be looked at any more; none.
   */
  stands: 'all' | 'of-gone' | 'nothing';
}

/** Judges what the pointers of some hotkeys name against all that is claimed. */
async function judge(
  validator: RowJudge,
  { ledger, pointers, hotkeys, block, stands, signal }: JudgeParameters,
): Promise<void> {
  if (hotkeys.size === 0) return;
  const { competition, evaluation } = validator;
  const rules = rulesOf(validator);
  const all = ledger.entries.flatMap(({ hotkey, showings }) => showings.map((showing): Shown => ({ hotkey, showing })));
  const isJudged = ({ hotkey, showing }: Shown) => {
    const submission = pointers.get(hotkey)?.submission;
    if (!hotkeys.has(hotkey) || !submission?.ok) return false;
    return ledger.showing(hotkey, submission.value.pointer) === showing;
  };
  const standing = ({ judgement }: ShownDataset) =>
    stands === 'all' && judgement && isOfRules(judgement.rules, rules) ? judgement : null;
  const ownBefore = (showing: ShownDataset) => {
    const before = standing(showing);
    return claimedRows(showing, before && unpackBits(before.own, showing.rows));
  };
  const compared = all.map((one): Compared => {
    const { hotkey, showing } = one;
    const judged = isJudged(one);
    const until = claimedUntil(showing, competition.claimBlocks);
    const now = ledger.of(hotkey)?.showings[0];
    // Who shows rows again after the claim on them has ended is no earlier than who showed them in between.
    const isOver = now !== undefined && until < now.position;
    return {
      owner: isOver ? `${hotkey} before` : hotkey,
      dataset: showing,
      claimedUntil: until,
      judged,
      // Unpacked when its turn comes.
      get shownAt() {
        return judged ? unpackNumbers(showing.shownAt, showing.rows) : timesOfClaim(showing);
      },
      get own() {
        return judged ? ownBefore(showing) : claimOf(showing);
      },
    };
  });
  const found = await compareDatasets(validator, {
    ...{ ledger, block, compared, signal },
    evaluation: fingerprintRows(evaluation.rows),
    evaluationRows: evaluationRowsOf(validator),
  });
  const unreadable = new Set(found.unreadable);
  const gone = new Set(found.unreadable.map((i) => all[i]!.hotkey));
  const isGone = (hotkey: string) => gone.has(hotkey) || ledger.of(hotkey) === undefined;
  /** What was found by other rules, or may have been wrong, of somebody whose rows cannot be looked at. */
  const ofGone = ({ judgement, judgedBefore }: ShownDataset) => {
    const before = judgement ?? judgedBefore;
    const isKept = stands !== 'nothing' && before?.leftOut.sources.some(({ hotkey }) => isGone(hotkey));
    return isKept ? before! : null;
  };
  for (const [i, { hotkey, showing }] of all.entries()) {
    if (!isJudged(all[i]!) || unreadable.has(i)) continue;
    await yieldToEventLoop(signal);
    const others = found.others.get(i) ?? [];
    const now = judgementOf({ rules, showing, others, repeats: found.repeats.get(i) ?? [], all });
    const before = standing(showing) ?? ofGone(showing);
    const judgement = before === null ? now : withFoundBefore(now, before, showing.rows);
    const { judgedBefore: _, ...rest } = showing;
    ledger.putShowing(hotkey, showing, { ...rest, judgement });
  }
}

/** The rows that a dataset claims which is not judged; all where it never was. */
function claimOf(showing: ShownDataset): Uint8Array | undefined {
  const { rows, judgement } = showing;
  return claimedRows(showing, judgement && unpackBits(judgement.own, rows));
}

/** Rows that were others' count as never shown. */
function timesOfClaim(showing: ShownDataset): Float64Array {
  const times = unpackNumbers(showing.shownAt, showing.rows);
  const own = claimOf(showing);
  return own ? times.map((at, row) => (hasBit(own, row) ? at : Number.POSITIVE_INFINITY)) : times;
}

function judgementOf({
  rules,
  showing,
  others,
  repeats,
  all,
}: {
  rules: string;
  showing: ShownDataset;
  others: OthersRow[];
  repeats: RepeatedRow[];
  all: Shown[];
}): Judgement {
  const own = allBits(showing.rows);
  const kept = allBits(showing.rows);
  for (const { row, source } of others) {
    clearBit(kept, row);
    if (source !== 'evaluation') clearBit(own, row);
  }
  for (const { row } of repeats) clearBit(kept, row);
  return { rules, own: packBits(own), kept: packBits(kept), leftOut: leftOutOf({ others, repeats, all }) };
}

/**
 * With the rows that were others' before: whoever copied them must not have them, with the date of his copy, once their
 * original is forgotten.
 */
function withFoundBefore(now: Judgement, before: Judgement, rows: number): Judgement {
  const [own, kept, ownBefore] = [now.own, now.kept, before.own].map((bits) => unpackBits(bits, rows)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const lines = new Set<number>();
  for (let row = 0; row < rows; row++) {
    if (hasBit(ownBefore, row)) continue;
    clearBit(own, row);
    if (hasBit(kept, row)) lines.add(row + 1);
    clearBit(kept, row);
  }
  const rowsOf = new Map(before.leftOut.sources.map((source) => [source.hotkey, source.rows]));
  for (const source of now.leftOut.sources)
    rowsOf.set(source.hotkey, Math.max(source.rows, rowsOf.get(source.hotkey) ?? 0));
  const examples = [...now.leftOut.examples, ...before.leftOut.examples.filter(({ line }) => lines.has(line))];
  const leftOut =
    lines.size === 0
      ? now.leftOut
      : {
          ...now.leftOut,
          others: now.leftOut.others + lines.size,
          sources: sortedSources(rowsOf),
          examples: examples.sort((a, b) => a.line - b.line).slice(0, MOST_EXAMPLES),
        };
  return { rules: now.rules, own: packBits(own), kept: packBits(kept), leftOut };
}

function sortedSources(rowsOf: Map<string, number>): LeftOut['sources'] {
  return [...rowsOf].map(([hotkey, rows]) => ({ hotkey, rows })).sort((a, b) => b.rows - a.rows);
}

function leftOutOf({ others, repeats, all }: { others: OthersRow[]; repeats: RepeatedRow[]; all: Shown[] }): LeftOut {
  const repeated = new Set(repeats.map(({ row }) => row));
  const different = others.filter(({ row }) => !repeated.has(row));
  const rowsOf = new Map<string, number>();
  const examples: LeftOut['examples'] = [];
  let evaluation = 0;
  for (const { row, source, alike } of different) {
    const of = source === 'evaluation' ? null : source[0]!;
    const shown = of && all[of.showing]!;
    if (shown) rowsOf.set(shown.hotkey, (rowsOf.get(shown.hotkey) ?? 0) + 1);
    else evaluation++;
    if (examples.length === MOST_EXAMPLES) continue;
    const theirs = shown &&
      of && { hotkey: shown.hotkey, ofLine: of.row + 1, block: blockOfRow(shown.showing, of.row) };
    examples.push({ line: row + 1, ...(theirs ?? { hotkey: null, ofLine: null, block: null }), alike });
  }
  const sources = sortedSources(rowsOf);
  return { others: different.length - evaluation, evaluation, repeats: repeats.length, sources, examples };
}

function blockOfRow({ shownAt, rows }: ShownDataset, row: number): number {
  return blockOf(unpackNumbers(shownAt, rows)[row]!);
}

/**
 * Gives what a hotkey that left the subnet has shown to the hotkey of the same coldkey that shows most of it again.
 * @returns who inherited: their rows are to be judged once more.
 */
function inherit({ ledger, pointers, neurons }: JudgeRowsParameters): Set<string> {
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  const heirs = new Set<string>();
  for (const gone of ledger.entries.filter(({ hotkey }) => !registered.has(hotkey))) {
    const heir = heirOf(gone, ledger, pointers);
    if (heir === undefined) continue;
    ledger.put({ ...heir, showings: [...heir.showings, ...gone.showings] });
    ledger.remove(gone.hotkey);
    heirs.add(heir.hotkey);
  }
  return heirs;
}

function heirOf(gone: LedgerEntry, ledger: Ledger, pointers: Map<string, ReadPointer>): LedgerEntry | undefined {
  let heir: LedgerEntry | undefined;
  let most = 0;
  for (const { hotkey, coldkey, submission } of pointers.values()) {
    if (coldkey !== gone.coldkey || !submission.ok) continue;
    const sources = ledger.showing(hotkey, submission.value.pointer)?.judgement?.leftOut.sources ?? [];
    const rows = sources.find((source) => source.hotkey === gone.hotkey)?.rows ?? 0;
    if (rows > most) heir = ledger.of(hotkey);
    most = Math.max(most, rows);
  }
  return heir;
}

/**
 * Names what a judgement rests on besides what was shown. Where each epoch has a set of its own, that stands behind the rest:
 * whose rows are whose stays found with the next one, and only what is left out for being of the set is found anew.
 */
function rulesOf(validator: RowJudge): string {
  const { sha256 } = validator.evaluation;
  const allowed = evaluationRowsOf(validator);
  if (!validator.competition.evaluationSets) return keyOf([FINGERPRINT_VERSION, JUDGING_VERSION, sha256, allowed]);
  return `${keyOf([FINGERPRINT_VERSION, JUDGING_VERSION, 'sets', allowed])} ${sha256}`;
}

function isOfRules(rules: string, others: string): boolean {
  return rules.split(' ')[0] === others.split(' ')[0];
}

/** Where rows must be of the evaluation set, they are nobody's. */
function evaluationRowsOf(validator: RowJudge): 'leave-out' | 'allow' {
  return intakeOf(validator).evaluationRows === 'leave-out' ? 'leave-out' : 'allow';
}
