import * as z from 'zod';
import { MOST_AHEAD, MOST_PARTS } from '../../evaluation-sets/list.ts';
import { PART_FAULTS } from '../../evaluation-sets/locked-file.ts';
import { LIST_FAULTS, MOST_TRIED, SET_FAULTS } from '../../evaluation-sets/used-sets.ts';
import { Competition } from '../../schema/competition.ts';
import { LeftOutEvidence } from '../../schema/left-out-evidence.ts';
import { Verdict } from '../../schema/verdict.ts';
import { OpenEpochSchema, StandingsSchema } from '../ledger/ledger-schema.ts';
import { POSTPONED_BY } from '../outcome.ts';
import { BLENDED_FROM, MOST_COMPETITIONS } from '../shares/blend.ts';
import { READ_VERSIONS, RECEIPT_FORMAT } from './receipt.ts';

// What somebody else's receipt holds, as it is checked when read: see receipt.ts for what it means.

const count = z.int().nonnegative();
const block = count.max(2 ** 32 - 1);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const loss = z.number().nonnegative();

const OutcomeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('scored'), lossNatsPerToken: loss }),
  z.object({ kind: z.literal('rejected'), verdict: Verdict }),
  z.object({
    kind: z.literal('postponed'),
    by: z.enum(POSTPONED_BY),
    message: z.string(),
  }),
]);

const LeftOutSchema = z.object({
  others: count,
  evaluation: count,
  repeats: count,
  sources: z.array(z.object({ hotkey: z.string(), rows: count })),
  examples: z.array(
    z.object({
      line: count,
      hotkey: z.string().nullable(),
      ofLine: count.nullable(),
      block: count.nullable(),
      alike: z.number(),
    }),
  ),
});

/** Of a subnet at most: a uid is a u16. */
const MOST_NEURONS = 65_536;
/** More than any device trains on in an epoch. */
const MOST_DRAWN = 4_096;

const { neurons, hotkeys, drawnFrom } = OpenEpochSchema.shape;
const EpochSchema = OpenEpochSchema.extend({
  ...{ startBlock: block, seedBlock: block, neurons: neurons.max(MOST_NEURONS), hotkeys: hotkeys.max(MOST_DRAWN) },
  drawnFrom: drawnFrom.refine(
    (from) => from === undefined || from.places <= MOST_NEURONS,
    `expected at most ${MOST_NEURONS} places`,
  ),
});

const hexOf = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

const SetsSchema = z.object({
  fault: z.enum(LIST_FAULTS).nullable(),
  lines: z.array(z.string()).max(MOST_AHEAD + 1),
  tried: z
    .array(
      z.object({
        index: count,
        fault: z.enum(SET_FAULTS).nullable(),
        pulse: hexOf(48).nullable(),
        parts: z
          .array(
            z.object({
              fault: z.enum(PART_FAULTS).nullable(),
              sha256: hash.nullable(),
              salt: hexOf(32).nullable(),
            }),
          )
          .max(MOST_PARTS),
      }),
    )
    .max(MOST_TRIED),
});

const WeightsSchema = z
  .array(z.object({ uid: count, hotkey: z.string(), weight: z.number().nonnegative() }))
  .max(MOST_NEURONS);

const BlendSchema = z.object({
  parts: z
    .array(
      z.object({
        ...{ competition: z.string(), share: z.number().min(0).max(1), startBlock: block.nullable(), missed: count },
        from: z.enum(BLENDED_FROM),
        weights: WeightsSchema,
      }),
    )
    .max(MOST_COMPETITIONS),
  restUid: count.nullable(),
  action: z.enum(['set', 'take-back', 'keep']),
  weights: WeightsSchema,
  portion: z.number().gt(0).lt(1).nullable().optional(),
  countsFrom: block.nullable().optional(),
});

const InputsSchema = z.object({
  genesisHash: z.string(),
  competition: Competition,
  evaluation: z.object({ sha256: hash, rows: count }),
  sets: SetsSchema.optional(),
  machine: z.object({ platform: z.string(), arch: z.string(), cpu: z.string() }),
  epoch: EpochSchema,
  lastStartBlock: block.nullable(),
  memory: z.object({ policy: z.string(), value: z.unknown() }).nullable(),
  standings: StandingsSchema,
  served: z.object({ hub: z.boolean(), checker: z.boolean(), trainer: z.boolean(), miner: z.boolean() }),
  hidden: z.array(z.string()),
  stood: z.record(z.string(), OutcomeSchema.nullable()),
  datasets: z.record(
    z.string(),
    z.object({
      sha256: hash,
      rows: count,
      countsFrom: block,
      ownRows: hash.nullable(),
      kept: z.string().nullable(),
      leftOut: LeftOutSchema.nullable(),
    }),
  ),
  measured: z.record(
    z.string(),
    z.object({
      ...{ rowLosses: z.string().nullable(), trainingMs: count, evaluationMs: count },
      divided: z.literal(true).optional(),
    }),
  ),
  baselineRowLosses: z.string().nullable(),
  end: z.object({
    block,
    neurons: z.array(z.object({ uid: count, hotkey: z.string(), coldkey: z.string() })).max(MOST_NEURONS),
  }),
  weighed: z.object({
    weights: z.array(z.object({ uid: count, hotkey: z.string(), weight: z.number() })),
    action: z.enum(['set', 'take-back', 'keep']),
    averages: z.record(z.string(), z.number()),
    memory: z.unknown(),
  }),
  blend: BlendSchema.optional(),
  durationMs: count,
});

const ReportSchema = z.object({
  netuid: count.max(65_535),
  competition: z.string(),
  policy: z.object({ name: z.string(), parameters: z.record(z.string(), z.unknown()) }),
  epochSeed: count,
  startBlock: block,
  seedBlock: block,
  ledger: z.object({ sinceBlock: block, ledgerFrom: z.string().nullable() }),
  trainer: z.looseObject({
    backend: z.looseObject({ name: z.string(), packageVersion: z.string(), libraryVersion: z.string().nullable() }),
    precision: z.looseObject({ matmul: z.string() }),
    baseSha256: z.string(),
  }),
  baselineLossNatsPerToken: loss.nullable(),
  entries: z.array(
    z.object({
      uid: count,
      hotkey: z.string(),
      pointer: z.string().nullable(),
      rows: count.nullable(),
      leftOut: LeftOutEvidence.nullable(),
      outcome: OutcomeSchema,
      score: z.number().nullable(),
      weight: z.number(),
      why: z.string(),
    }),
  ),
  hints: z.array(
    z.object({
      uids: z.tuple([count, count]),
      hotkeys: z.tuple([z.string(), z.string()]),
      correlation: z.number(),
      rows: count,
    }),
  ),
  receipt: z
    .looseObject({
      mode: z.enum(['set', 'commit', 'timelock']),
      block,
      uids: z.array(count),
      values: z.array(count),
      revealFromBlock: block.optional(),
      revealUntilBlock: block.optional(),
      maxWeightsLimit: z.number().min(0).max(1).optional(),
    })
    .nullable(),
  notSent: z.string().nullable(),
  share: z.number().min(0).max(1).optional(),
});

export const ReceiptSchema = ReportSchema.extend({
  format: z.literal(RECEIPT_FORMAT),
  version: z.number().refine((version) => READ_VERSIONS.includes(version)),
  packageVersion: z.string(),
  signer: z.string(),
  previous: z.object({ startBlock: block, sha256: hash }).nullable(),
  inputs: InputsSchema,
  seal: z.object({
    places: z.string(),
    sha256: hash,
    signature: z.string(),
  }),
}).check(({ value: { version, inputs }, issues }) => {
  for (const name of ['portion', 'countsFrom'] as const)
    if (version > 1 && inputs.blend && inputs.blend[name] === undefined)
      issues.push({ code: 'custom', input: inputs.blend, path: ['inputs', 'blend', name], message: 'is missing' });
});
