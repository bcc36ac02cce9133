import { z } from 'zod';
import type { Standings } from '../standing.ts';
import type { OpenEpoch, StateHistory } from '../state-store.ts';
import type { LedgerEntry } from './ledger.ts';

// What another validator's ledger holds, as it is checked when read.

const Text = z.string().max(4_096);
/** Packed numbers or bits of the rows of a dataset. */
const Packed = z.string();
const count = z.int().nonnegative();
const verdict = z.looseObject({ reason: Text, message: z.string() });

const JudgementSchema = z.object({
  rules: Text,
  own: Packed,
  kept: Packed,
  leftOut: z.looseObject({
    others: count,
    evaluation: count,
    repeats: count,
    sources: z.array(z.looseObject({ hotkey: Text, rows: count })),
    examples: z.array(z.looseObject({ line: count })),
  }),
});

const ShowingSchema = z.looseObject({
  repo: Text,
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rows: count,
  position: z.number().nonnegative(),
  shownAt: Packed,
  readable: z.boolean(),
  unreadableFrom: count.optional(),
  beatsBaseline: z.boolean().nullable(),
  lostBlock: count.nullable(),
  unproven: Packed.optional(),
  judgement: JudgementSchema.nullable(),
});

export const LedgerEntrySchema = z.looseObject({
  hotkey: Text,
  coldkey: Text,
  showings: z.array(ShowingSchema),
  received: z.array(z.object({ block: count, bytes: count })),
  unreadable: z.looseObject({ repo: Text, commit: Text, commitBlock: count, seenBlock: count.optional() }).nullable(),
});

export const StandingsSchema = z.record(
  Text,
  z.looseObject({
    average: z.number().nullable(),
    refused: z.looseObject({ repo: Text, commit: Text, verdict, ownRows: Text.nullish() }).nullable(),
    postponedEpochs: z.number().nonnegative(),
  }),
);

export const OpenEpochSchema = z.object({
  startBlock: count,
  seedBlock: count,
  timeMs: z.number(),
  ownerUid: count.nullable(),
  epochSeed: count,
  hotkeys: z.array(Text),
  neurons: z.array(
    z.object({ uid: count, hotkey: Text, coldkey: Text, registrationBlock: count, consensus: z.number() }),
  ),
  commitments: z.array(z.object({ hotkey: Text, text: z.string().nullable(), kind: Text, block: count })),
});

export const StateHistorySchema = z.object({
  genesisHash: Text,
  netuid: count,
  competition: Text,
  sinceBlock: count,
  ledgerFrom: Text.nullable(),
  lastStartBlock: count.nullable(),
  memory: z.object({ policy: Text, value: z.unknown() }).optional(),
});

/** What a validator goes on with: who showed what first, the averages, and the history of the draw. */
export interface LedgerContents {
  entries: LedgerEntry[];
  standings: Standings;
  /** The serialised {@link EvalQueue}. */
  queue: unknown;
  /** The epoch in progress, `null` between epochs. */
  epoch: OpenEpoch | null;
  history: StateHistory;
}
