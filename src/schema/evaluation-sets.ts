import * as z from 'zod';
import { RepoId } from './model-id.ts';

/** A drand beacon of the scheme `bls-unchained-g1-rfc9380`, as a competition names it. */
const Beacon = z.strictObject({
  publicKey: z.string().regex(/^[0-9a-f]{192}$/, 'expected 96 bytes as hex'),
  /** Unix time of round 1. */
  genesisSeconds: z.int().nonnegative(),
  periodSeconds: z.number().min(0.01).max(86_400),
});

/**
 * The rule of time-locked evaluation sets: who lists them and where, and which epoch is measured on which. The sets
 * themselves are not in it, for nobody may know them yet. Set `i` opens with the drand round `firstRound + i * roundsBetween`.
 * @example
 * const rule = EvaluationSetsRule.parse({
 *   repo: 'ann/evaluation-sets',
 *   signer: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
 *   firstRound: 20_000_000,
 *   roundsBetween: 28_800,
 * });
 */
export const EvaluationSetsRule = z.strictObject({
  /** Dataset repository on the Hub with the list, `evaluation/sets.jsonl`, and the locked files. */
  repo: RepoId,
  /** ss58 hotkey on the subnet: signs the entries of the list, and names its last one on the chain. */
  signer: z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{46,50}$/, 'expected an ss58 address'),
  firstRound: z
    .int()
    .positive()
    .max(2 ** 40),
  /** From one set to the next. An epoch of 360 blocks takes 1,440 rounds of quicknet, a day 28,800. */
  roundsBetween: z.int().positive().max(10_000_000),
  /**
   * By how much the block that an epoch begins with, and with it every pointer that counts, has to be earlier than the set's
   * round. Default 10 minutes.
   */
  marginSeconds: z.int().positive().max(86_400).default(600),
  /** A set whose files, or whose pulse, cannot be had so long after its round is void. Default an hour. */
  voidAfterSeconds: z.int().positive().max(86_400).default(3_600),
  /** Most bytes of a set, its parts together. Default 16 MiB. */
  maxBytes: z
    .int()
    .positive()
    .max(256 * 1024 * 1024)
    .default(16 * 1024 * 1024),
  /** Most rows of a set, its parts together. */
  maxRows: z.int().positive().max(20_000).default(5_000),
  /** Whose rounds they are. Default drand's quicknet; whoever has the key of another one can open every set at once. */
  beacon: z.union([z.literal('quicknet'), Beacon]).default('quicknet'),
});
export type EvaluationSetsRule = z.infer<typeof EvaluationSetsRule>;
