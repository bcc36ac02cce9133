import { z } from 'zod';
import type { Standings } from '../standing.ts';
import type { LatePointer, OpenEpoch, StateHistory } from '../state-store.ts';
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
  madeUpBlock: count.optional(),
  unproven: Packed.optional(),
  renewed: z.looseObject({ shownAt: Packed, until: Packed }).optional(),
  judgement: JudgementSchema.nullable(),
  judgedBefore: JudgementSchema.optional(),
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
  // Earlier versions did not store these two: their epoch is drawn anew, as one in a state of this validator's own.
  timeMs: z.number().optional(),
  ownerUid: count.nullable().optional(),
  seedBlockHash: Text.optional(),
  epochSeed: count,
  hotkeys: z.array(Text),
  drawnFrom: z
    .object({ queue: z.unknown(), dropped: z.array(Text).nullable(), places: count })
    .transform(({ queue = null, ...rest }) => ({ queue, ...rest }))
    .optional(),
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

export const LatePointersSchema = z.array(
  z.object({ hotkey: Text, repo: Text, commit: Text, commitBlock: count, goneBlock: count.optional() }),
);

/** What a validator goes on with: who showed what first, the averages, and the history of the draw. */
export interface LedgerContents {
  entries: LedgerEntry[];
  standings: Standings;
  /** The serialised {@link EvalQueue}. */
  queue: unknown;
  /** The epoch in progress, `null` between epochs. */
  epoch: OpenEpoch | null;
  history: StateHistory;
  late: LatePointer[];
}
