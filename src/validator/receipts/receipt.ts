import type { UsedSets } from '../../evaluation-sets/used-sets.ts';
import type { Competition } from '../../schema/competition.ts';
import type { EpochReport } from '../epoch-report.ts';
import type { LeftOut } from '../ledger/showing.ts';
import type { Outcome } from '../outcome.ts';
import { portionOf, type SentBlend } from '../shares/blend.ts';
import type { Served, Standings } from '../standing.ts';
import type { MeasuredScore, OpenEpoch } from '../state-store.ts';
import type { ReceiptMachine } from './this-machine.ts';

export const RECEIPT_FORMAT = 'flock-off receipt';
/** Of the format that this version writes. */
export const RECEIPT_VERSION = 2;
/** Those that it reads. The first did not say what of the chain's consensus was a competition's, where several were played. */
export const READ_VERSIONS: readonly number[] = [1, RECEIPT_VERSION];

/** A dataset as an epoch saw it. */
export interface ReceiptDataset {
  sha256: string;
  rows: number;
  /** The block that it counts from. */
  countsFrom: number;
  /** Names the rows that are trained on; `null` before they were compared with everybody's. */
  ownRows: string | null;
  /** The rows that were trained on: packed bits, one a row. `null` where nothing was trained. */
  kept: string | null;
  /** What is left out; of those without an entry in the report the counts only. */
  leftOut: LeftOut | null;
}

/** All that the weights of an epoch rest on, so that anybody can compute them again. */
export interface ReceiptInputs {
  /** Of the chain, `0x` hex. */
  genesisHash: string;
  /** The rules, with every default. */
  competition: Competition;
  evaluation: { sha256: string; rows: number };
  /** Which time-locked set that is, and why; only where the competition has such sets. */
  sets?: UsedSets;
  /** Where it was computed: losses are equal bit for bit where this and `trainer` are. */
  machine: ReceiptMachine;
  /** The subnet as of the block that the epoch began with, and who was drawn from what. */
  epoch: OpenEpoch;
  /** The block that the epoch before began with; `null` where there was none. */
  lastStartBlock: number | null;
  /** What a policy remembered of the epoch before; `null` for nothing. */
  memory: { policy: string; value: unknown } | null;
  /** What everybody had reached before. */
  standings: Standings;
  served: Served;
  /** Datasets that had a share of the weights and can be read no more, as the policy names them: `namespace/name commit`. */
  hidden: string[];
  /** What the epoch itself found of those whose verdict is of an earlier one, by hotkey; `null` where it found nothing. */
  stood: Record<string, Outcome | null>;
  /** What pointers name and was read, by hotkey. */
  datasets: Record<string, ReceiptDataset>;
  /** What losses are made of, and what they took, by hotkey. */
  measured: Record<string, MeasuredScore>;
  /** The base model's, packed likewise; `null` where it takes no part. */
  baselineRowLosses: string | null;
  /** Who was registered when the weights were computed. */
  end: { block: number; neurons: { uid: number; hotkey: string; coldkey: string }[] };
  /** What was computed of all this, and goes into the next epoch. */
  weighed: {
    weights: { uid: number; hotkey: string; weight: number }[];
    action: 'set' | 'take-back' | 'keep';
    averages: Record<string, number>;
    memory: unknown;
  };
  /** Of these and those of other competitions, what was sent; only where several are played. */
  blend?: SentBlend;
  /** From the first read to this report; of an epoch that was interrupted, of its last part. */
  durationMs: number;
}

/** A receipt before it is signed and chained. */
export interface UnsignedReceipt extends EpochReport {
  format: typeof RECEIPT_FORMAT;
  version: number;
  /** Of this package. */
  packageVersion: string;
  inputs: ReceiptInputs;
}

/** What a receipt ends with. */
export interface ReceiptSeal {
  /** A checksum of each value, in order, base64: tells the place of a change. */
  places: string;
  /** Of everything but the seal. */
  sha256: string;
  /** Hex. */
  signature: string;
}

/** A report with all that its weights rest on, signed and chained to the one before: plain JSON, in one canonical form. */
export interface Receipt extends UnsignedReceipt {
  /** ss58 address of the hotkey that signed it. */
  signer: string;
  /** The one before of the same validator, with the hash of its file; `null` for the first. */
  previous: { startBlock: number; sha256: string } | null;
  seal: ReceiptSeal;
}

/** What its weights were of all when the epoch began; `undefined`: all of them. */
export function portionIn({ version, competition, inputs: { blend } }: Receipt): number | undefined {
  if (!blend) return undefined;
  return version === 1 ? portionOf(blend, competition) : (blend.portion ?? undefined);
}
