import { messageOf } from '../../errors/flock-off-error.ts';
import type { UsedSets } from '../../evaluation-sets/used-sets.ts';
import type { ComputeWeightsReturnType } from '../../policy/compute-weights.ts';
import type { Metagraph } from '../../schema/metagraph.ts';
import { safeLogger } from '../../shared/logger.ts';
import { PACKAGE_VERSION } from '../../shared/own-package.ts';
import type { DrawnEpoch } from '../draw.ts';
import type { EpochReport } from '../epoch-report.ts';
import { type RowLossHint, rowLossHints } from '../hints.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { ownRowsOf } from '../left-out.ts';
import type { Outcome } from '../outcome.ts';
import type { ReadPointer } from '../pointers.ts';
import { countsFrom } from '../read-datasets.ts';
import { unpackRowLosses } from '../row-losses.ts';
import type { Baseline } from '../score-baseline.ts';
import type { SentBlend } from '../shares/blend.ts';
import type { Served, Standings } from '../standing.ts';
import type { MeasuredScore, OpenEpoch } from '../state-store.ts';
import type { Validator } from '../validator.ts';
import { RECEIPT_FORMAT, RECEIPT_VERSION, type ReceiptDataset, type UnsignedReceipt } from './receipt.ts';
import { hereIs, type ReceiptMachine } from './this-machine.ts';

export interface LeaveReceiptParameters {
  report: EpochReport;
  epoch: DrawnEpoch;
  /** {@link datasetsOf} when the weights were computed: what the epoch found changes claims afterwards. */
  datasets: ReadonlyMap<string, ReceiptDataset>;
  /** What everybody had reached before the epoch. */
  standings: Standings;
  served: Served;
  hidden: ReadonlySet<string>;
  /** What the epoch itself found, by hotkey. */
  found: ReadonlyMap<string, Outcome>;
  measured: ReadonlyMap<string, MeasuredScore>;
  baseline: Baseline | null;
  end: Metagraph;
  weighed: ComputeWeightsReturnType;
  /** `null` where the competition has one evaluation set for all epochs. */
  sets: UsedSets | null;
  /** Only where several competitions are played. */
  blend?: SentBlend;
  /** When the epoch, or its last part, began: `performance.now()`. */
  begunMs: number;
}

/**
 * Leaves the report of an epoch with all that its weights rest on. One that cannot be written now is kept and tried again,
 * and no fault of it costs the epoch anything: the weights are sent already.
 */
export async function leaveReceipt(validator: Validator, parameters: LeaveReceiptParameters): Promise<void> {
  const { receipts } = validator;
  if (!receipts) return;
  try {
    await receipts.put(receiptOf(validator, parameters));
  } catch (error) {
    const { startBlock } = parameters.report;
    safeLogger(validator.logger).warn(
      `the report of block ${startBlock} could not be stored: ${messageOf(error)} It is tried again; the validator goes on.`,
    );
  }
}

function receiptOf(validator: Validator, parameters: LeaveReceiptParameters): UnsignedReceipt {
  const { competition, evaluation } = validator;
  const { report, epoch, datasets, standings, served, hidden, found, measured, baseline, end, weighed, begunMs } =
    parameters;
  const { sets, blend } = parameters;
  const { weights, action, averages, memory } = weighed;
  const listed = new Set(report.entries.map(({ hotkey }) => hotkey));
  const stood = report.entries.flatMap(({ hotkey, outcome }): [string, Outcome | null][] => {
    const itself = found.get(hotkey) ?? null;
    return isSame(itself, outcome) ? [] : [[hotkey, itself]];
  });
  return {
    ...report,
    ...{ format: RECEIPT_FORMAT, version: RECEIPT_VERSION, packageVersion: PACKAGE_VERSION },
    inputs: {
      genesisHash: epoch.history.genesisHash,
      competition,
      evaluation: { sha256: evaluation.sha256, rows: evaluation.rows.length },
      ...(sets && { sets }),
      machine: machineOf(validator),
      epoch: openEpochOf(epoch),
      lastStartBlock: epoch.history.lastStartBlock,
      memory: epoch.history.memory ?? null,
      standings,
      served,
      hidden: [...hidden],
      stood: Object.fromEntries(stood),
      datasets: Object.fromEntries([...datasets].map(([hotkey, of]) => [hotkey, listed.has(hotkey) ? of : short(of)])),
      measured: Object.fromEntries(measured),
      baselineRowLosses: baseline?.rowLosses ?? null,
      end: {
        block: end.block,
        neurons: end.neurons.map(({ uid, hotkey, coldkey }) => ({ uid, hotkey, coldkey })),
      },
      weighed: { weights, action, averages, memory },
      ...(blend && { blend }),
      durationMs: Math.round(performance.now() - begunMs),
    },
  };
}

/** The one that trained. */
function machineOf({ trainer }: Validator): ReceiptMachine {
  return ('machine' in trainer && trainer.machine) || hereIs();
}

function openEpochOf(epoch: DrawnEpoch): OpenEpoch {
  const { startBlock, seedBlock, seedBlockHash, timeMs, ownerUid, epochSeed, hotkeys, drawnFrom } = epoch;
  const { neurons, commitments } = epoch;
  return {
    ...{ startBlock, seedBlock, seedBlockHash, timeMs, ownerUid, epochSeed, hotkeys, drawnFrom },
    ...{ neurons, commitments },
  };
}

/** Of every dataset that a pointer names and that was read. */
export function datasetsOf({
  epoch,
  ledger,
  found,
}: Pick<LeaveReceiptParameters, 'epoch' | 'found'> & { ledger: Ledger }): Map<string, ReceiptDataset> {
  const datasets = [...epoch.pointers.values()].flatMap((pointer): [string, ReceiptDataset][] => {
    const { hotkey, submission } = pointer;
    const showing = submission.ok ? ledger.showing(hotkey, submission.value.pointer) : undefined;
    if (!submission.ok || !showing) return [];
    const { sha256, rows, judgement } = showing;
    return [
      [
        hotkey,
        {
          ...{ sha256, rows, countsFrom: countsFrom(ledger, submission.value), ownRows: ownRowsOf(ledger, pointer) },
          kept: found.get(hotkey)?.kind === 'scored' ? (judgement?.kept ?? null) : null,
          leftOut: judgement?.leftOut ?? null,
        },
      ],
    ];
  });
  return new Map(datasets);
}

/** Of who is not in the report, numbers only. */
function short({ leftOut, ...dataset }: ReceiptDataset): ReceiptDataset {
  return { ...dataset, leftOut: leftOut && { ...leftOut, sources: [], examples: [] } };
}

function isSame(one: Outcome | null, other: Outcome): boolean {
  if (one === null || one.kind !== other.kind) return false;
  return one.kind !== 'rejected' || other.kind !== 'rejected' || one.verdict === other.verdict;
}

export interface HintsParameters {
  evaluationRows: number;
  /** Packed; `null` where the base model takes no part. */
  baselineRowLosses: string | null;
  measured: ReadonlyMap<string, MeasuredScore>;
  pointers: Map<string, ReadPointer>;
}

/** Datasets whose losses by row move together, of those that were evaluated in the epoch. */
export function hintsOf({ evaluationRows, baselineRowLosses, measured, pointers }: HintsParameters): RowLossHint[] {
  const unpacked = (packed: string | null) => packed && unpackRowLosses(packed, evaluationRows);
  const base = unpacked(baselineRowLosses);
  if (!base) return [];
  const scored = [...pointers.values()].flatMap(({ uid, hotkey }) => {
    const rowLosses = unpacked(measured.get(hotkey)?.rowLosses ?? null);
    return rowLosses ? { uid, hotkey, rowLosses } : [];
  });
  return rowLossHints({ base, scored });
}
