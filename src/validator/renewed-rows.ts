import type { OthersRow } from '../dataset/fingerprint/judged-showing.ts';
import { type Compared, compareDatasets } from './compare-datasets.ts';
import type { Ledger } from './ledger/ledger.ts';
import { allBits, clearBit, hasBit, packBits, packNumbers, unpackBits, unpackNumbers } from './ledger/packed.ts';
import { claimedUntil, claimsOf, type RenewedRows, type ShownDataset } from './ledger/showing.ts';
import type { ReadPointer } from './pointers.ts';
import type { RowJudge } from './validator.ts';

export interface RenewedRowsParameters {
  ledger: Ledger;
  pointers: Map<string, ReadPointer>;
  /** Everybody on the subnet. */
  neurons: { hotkey: string }[];
  /** The current block. */
  block: number;
  signal?: AbortSignal;
}

/** A dataset that is new, and those of its hotkey from before, or of one of its coldkey that left the subnet. */
interface NewDataset {
  hotkey: string;
  showing: ShownDataset;
  earlier: ShownDataset[];
}

/**
 * Notes which rows of new datasets were shown before. What its hotkey claims by an earlier dataset goes on with that date once
 * the new one beats the base model. What it did not beat the base model with, and what somebody claimed until his claim
 * ended, is not claimed before that: a new commit a week, or two coldkeys that take turns, must not keep rows from everybody.
 */
export async function noteRenewedRows(validator: RowJudge, parameters: RenewedRowsParameters): Promise<void> {
  const { ledger } = parameters;
  const { claimBlocks } = validator.competition;
  const datasets = newDatasets(parameters);
  const free = await freeRows(validator, parameters, datasets);
  for (const [i, { hotkey, showing, earlier }] of datasets.entries()) {
    const useless = earlier.filter(({ beatsBaseline }) => beatsBaseline !== true);
    const claimed = earlier.filter((one) => claimedUntil(one, claimBlocks) >= showing.position);
    const renewed = renewedRows(
      showing,
      claimed,
      await rowsOfBoth(validator, parameters, claimed, showing),
      claimBlocks,
    );
    const until = renewed === null ? null : unpackNumbers(renewed.until, showing.rows);
    const unproven = [
      ...(await rowsOfBoth(validator, parameters, useless, showing)),
      ...free[i]!.filter(({ row }) => !until?.[row]),
    ].map(({ row }) => row);
    if (unproven.length === 0 && renewed === null) continue;
    ledger.putShowing(hotkey, showing, {
      ...showing,
      ...(unproven.length === 0 ? {} : { unproven: bitsOf(unproven, showing.rows) }),
      ...(renewed === null ? {} : { renewed }),
    });
  }
}

function newDatasets({ ledger, pointers, neurons }: RenewedRowsParameters): NewDataset[] {
  const registered = new Set(neurons.map(({ hotkey }) => hotkey));
  return [...pointers.values()].flatMap(({ hotkey, coldkey, submission }) => {
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    if (!showing || showing.judgement || showing.beatsBaseline !== null) return [];
    if (showing.unproven !== undefined || showing.renewed !== undefined) return [];
    const earlier = ledger.entries
      .filter((entry) => entry.hotkey === hotkey || (entry.coldkey === coldkey && !registered.has(entry.hotkey)))
      .flatMap(({ showings }) => showings)
      .filter((one) => one !== showing)
      .sort((a, b) => a.position - b.position);
    return { hotkey, showing, earlier };
  });
}

/** Rows of a dataset that stand in earlier ones, which are given by time. */
async function rowsOfBoth(
  validator: RowJudge,
  parameters: RenewedRowsParameters,
  earlier: ShownDataset[],
  showing: ShownDataset,
): Promise<OthersRow[]> {
  if (earlier.length === 0) return [];
  const shown = (dataset: ShownDataset, at: number): Compared => ({
    ...{ owner: at === 0 ? 'now' : 'before', dataset, claimedUntil: Number.POSITIVE_INFINITY, judged: at === 0 },
    shownAt: new Float64Array(dataset.rows).fill(at === 0 ? Number.MAX_SAFE_INTEGER : at),
  });
  const compared = [shown(showing, 0), ...earlier.map((one, i) => shown(one, i + 1))];
  const { others } = await compareDatasets(validator, { ...parameters, compared });
  return others.get(0) ?? [];
}

/** Per new dataset: its rows that somebody showed, and nobody claimed when it was shown itself. */
async function freeRows(
  validator: RowJudge,
  parameters: RenewedRowsParameters,
  datasets: NewDataset[],
): Promise<OthersRow[][]> {
  const { claimBlocks } = validator.competition;
  const latest = datasets.reduce((last, { showing }) => Math.max(last, showing.position), 0);
  const isNew = new Set(datasets.map(({ showing }) => showing));
  const isFree = (one: ShownDataset) => claimedUntil(one, claimBlocks) < latest || one.unproven !== undefined;
  const before = parameters.ledger.entries
    .flatMap(({ showings }) => showings)
    .filter((one) => !isNew.has(one) && one.position <= latest && isFree(one));
  if (before.length === 0) return datasets.map(() => []);
  const claimedUntilEver = { claimedUntil: Number.POSITIVE_INFINITY };
  const compared = [
    // Among themselves they claim nothing: whatever one of them has of rows of before, another may have too.
    ...datasets.map(
      ({ showing: dataset }, i): Compared => ({
        ...{ owner: `new ${i}`, dataset, judged: true, ...claimedUntilEver },
        own: new Uint8Array(Math.ceil(dataset.rows / 8)),
        shownAt: unpackNumbers(dataset.shownAt, dataset.rows),
      }),
    ),
    ...before.map(
      (dataset): Compared => ({
        ...{ owner: 'before', dataset, judged: false, ...claimedUntilEver },
        get shownAt() {
          return freeFrom(dataset, claimBlocks);
        },
      }),
    ),
  ];
  const { others } = await compareDatasets(validator, { ...parameters, compared });
  const isOfBefore = ({ source }: OthersRow) => source !== 'evaluation' && source[0]!.showing >= datasets.length;
  return datasets.map((_, i) => (others.get(i) ?? []).filter(isOfBefore));
}

/** Per row: since when its hotkey does not claim it by this dataset. Rows that were another's say nothing. */
function freeFrom(showing: ShownDataset, claimBlocks: number): Float64Array {
  const { rows, unproven, judgement } = showing;
  const ends = claimedUntil(showing, claimBlocks);
  const own = judgement === null ? allBits(rows) : unpackBits(judgement.own, rows);
  const bits = unproven === undefined ? new Uint8Array(0) : unpackBits(unproven, rows);
  return unpackNumbers(showing.shownAt, rows).map((at, row) => {
    if (!hasBit(own, row)) return Number.POSITIVE_INFINITY;
    return hasBit(bits, row) ? at : ends;
  });
}

/** What of the rows that stand in earlier datasets these claim; a row put together from several counts from the last of them. */
function renewedRows(
  { rows, position }: ShownDataset,
  claimed: ShownDataset[],
  found: OthersRow[],
  claimBlocks: number,
): RenewedRows | null {
  if (found.length === 0) return null;
  const claims = claimed.map((one) => claimsOf(one, claimBlocks));
  const [shownAt, until] = [new Float64Array(rows), new Float64Array(rows)];
  for (const { row, source } of found) {
    const parts = source === 'evaluation' ? [] : source.map((one) => claims[one.showing - 1]!(one.row));
    if (!parts.every((part) => part !== null && part.until >= position)) continue;
    shownAt[row] = Math.max(...parts.map((part) => part!.shownAt));
    until[row] = Math.min(...parts.map((part) => part!.until));
  }
  return until.some((at) => at > 0) ? { shownAt: packNumbers(shownAt), until: packNumbers(until) } : null;
}

function bitsOf(rows: number[], count: number): string {
  const others = allBits(count);
  for (const row of rows) clearBit(others, row);
  return packBits(others.map((byte) => ~byte));
}
