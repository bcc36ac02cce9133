import * as z from 'zod';
import { Competition } from '../schema/competition.ts';
import { RepoId } from '../schema/model-id.ts';
import { StrictCompetition } from './rules-file.ts';

export const COMPETITION_FORMAT = 'flock-off competition';
/** Of the format that this version writes, and the only one it reads. */
export const COMPETITION_FORMAT_VERSION = 1;

/** Of evaluation sets: a dataset by the default rules, as `loadEvaluationSet` reads it. */
const EVALUATION_LIMITS = Competition.parse({});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits');
const block = z.int().nonnegative();
/** Shown to people, never run. */
const text = (most: number) => z.string().max(most);

/**
 * What a founder decides.
 * @example
 * const draft = CompetitionDraft.parse(JSON.parse(text));
 * console.log(draft.name, draft.texts.about);
 */
export const CompetitionDraft = z.strictObject({
  format: z.literal(COMPETITION_FORMAT),
  version: z.literal(COMPETITION_FORMAT_VERSION),
  /** For people; nothing follows from it. */
  name: text(80).regex(/\S/, 'expected a name'),
  /** The first block in which an epoch may begin by it. */
  countsFromBlock: block,
  /** Where it is played. */
  subnet: z.strictObject({
    /** Hash of the chain's first block. */
    genesisHash: z.string().regex(/^0x[0-9a-f]{64}$/, 'expected 0x and 64 hex digits'),
    netuid: z.int().min(0).max(65_535),
    /** Tells one holder of the number from the next; `null` on runtimes that do not tell. */
    registrationBlock: block.nullable(),
  }),
  /** As `--competition_file` has them, the policy and the recipe among them; the id follows from all of this. */
  rules: StrictCompetition.omit({ id: true }),
  baseModel: z.strictObject({
    /** On the Hub. */
    model: RepoId,
    commit: z.string().regex(/^[0-9a-f]{40}$/, 'expected a 40-hex commit sha'),
    /** Of configuration, tokenizer and weights: `LoraTrainer.baseSha256`. */
    sha256,
  }),
  /** The `data.jsonl` beside it. */
  evaluation: z.strictObject({
    sha256,
    bytes: z.int().positive().max(EVALUATION_LIMITS.maxBytes),
    rows: z.int().positive().max(EVALUATION_LIMITS.maxRows),
  }),
  /** For miners. */
  texts: z.strictObject({
    /** What is looked for. */
    about: text(4_000),
    /** Under which conditions. */
    terms: text(4_000),
    /** Where questions are answered. */
    contact: text(400),
  }),
});
export type CompetitionDraft = z.infer<typeof CompetitionDraft>;

/**
 * What `competition.json` holds: a draft with its id, signed by the owner of the subnet.
 * @example
 * const { id, owner } = CompetitionDocument.parse(JSON.parse(text));
 * console.log(id, owner.address);
 */
export const CompetitionDocument = CompetitionDraft.extend({
  /** What pointers carry: see `competitionId`. */
  id: z.string().regex(/^[A-Za-z0-9_-]{12}$/, 'expected the 12 characters that follow from the content'),
  owner: z.strictObject({
    /** ss58, of the coldkey that owns the subnet. */
    address: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{46,50}$/, 'expected an ss58 address'),
    /** The block at which it does. */
    block,
  }),
  /** Hex: 64 bytes of an sr25519 signature, or 65 with the scheme in front. */
  signature: z.string().regex(/^([0-9a-f]{128}|[0-9a-f]{130})$/, 'expected 64 or 65 bytes as hex'),
});
export type CompetitionDocument = z.infer<typeof CompetitionDocument>;
