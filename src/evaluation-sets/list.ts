import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type BytesSigner, signBytes, verifyBytes } from '../chain/wallet/signed-bytes.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import { canonicalJson } from '../shared/canonical-json.ts';
import { type Announcement, MOST_INDEX } from './announcement.ts';
import { LockedPart, MOST_OVERHEAD_BYTES } from './locked-file.ts';
import { roundOfSet } from './schedule.ts';

/** Where the list lies in its repository: a line of canonical JSON for each set, each naming the line before by its hash. */
export const LIST_PATH = 'evaluation/sets.jsonl';
/** No list is longer: some 20,000 sets. */
export const MOST_LIST_BYTES = 16 * 1024 * 1024;
/** Of contributors' parts of a set. */
export const MOST_PARTS = 16;
/** Sets that may be listed ahead of an epoch: reports hold their lines. */
export const MOST_AHEAD = 64;

const ENTRY_FORMAT = 'flock-off evaluation set';
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const SetEntry = z.strictObject({
  format: z.literal(ENTRY_FORMAT),
  version: z.literal(1),
  /** Which set it is, from 0. Numbers may be left out: those sets are void. */
  index: z.int().nonnegative().max(MOST_INDEX),
  round: z.int().positive(),
  /** Of the line before, without its line break; `null` for the first. */
  previous: sha256.nullable(),
  parts: z.array(LockedPart).min(1).max(MOST_PARTS),
  /** Hex, by the hotkey that the rule names. */
  signature: z.string().regex(/^([0-9a-f]{128}|[0-9a-f]{130})$/),
});
export type SetEntry = z.infer<typeof SetEntry>;

export interface MakeLineParameters {
  rule: EvaluationSetsRule;
  index: number;
  parts: LockedPart[];
  /** The last line of the list; `null` where it has none. */
  before: string | null;
  signer: BytesSigner;
}

/** The line that lists a set, signed, without a line break. */
export async function makeLine({ rule, index, parts, before, signer }: MakeLineParameters): Promise<string> {
  const said = {
    ...{ format: ENTRY_FORMAT, version: 1, index, round: roundOfSet(rule, index) },
    ...{ previous: before === null ? null : lineHash(before), parts },
  };
  const signature = Buffer.from(await signBytes({ hotkey: signer, bytes: signedText(said) })).toString('hex');
  return canonicalJson(SetEntry.parse({ ...said, signature }));
}

/** What the next line, and the chain, name a line by. */
export function lineHash(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

export interface ReadListParameters {
  /** All lines, or those of {@link ReadListReturnType}. */
  lines: string[];
  rule: EvaluationSetsRule;
  /** What the chain names as the last line. */
  announcement: Announcement;
  /** The set that the epoch may be measured on first. */
  from: number;
  /** Sets from there on that are read at most: a list with more is none. Default 64. */
  most?: number;
}

export interface ReadListReturnType {
  /** From the one before `from` on, if there is one, to the last: what shows that none was left out. */
  lines: string[];
  /** By number, those before `from` left out. */
  entries: Map<number, SetEntry>;
}

/**
 * What a list has for an epoch: pure, so that a validator and whoever audits its report come to the same.
 * @returns the place and what is wrong there, where it is not the list that the chain names, whole and signed.
 */
export async function readList(parameters: ReadListParameters): Promise<ReadListReturnType | { problem: string }> {
  const { rule, announcement, from, most = MOST_AHEAD } = parameters;
  const lines: string[] = [];
  const parsed: SetEntry[] = [];
  for (const line of parameters.lines.toReversed()) {
    const entry = parseLine(line);
    if (entry === null) return { problem: `line ${lines.length + 1} from the end is no entry` };
    lines.unshift(line);
    parsed.unshift(entry);
    if (entry.index < from) break;
    if (lines.length > most) return { problem: `has more than ${most} sets from number ${from} on` };
  }
  if (lines.length === 0) return { problem: 'has no line' };
  if (lineHash(lines.at(-1)!) !== announcement.head || parsed.at(-1)!.index !== announcement.index)
    return { problem: 'does not end with the line that the chain names' };
  const entries = new Map<number, SetEntry>();
  for (const [i, entry] of parsed.entries()) {
    const { signature, ...said } = entry;
    const isFirst = i === 0;
    // A line before it would be the one that shows that none is missing.
    if (isFirst && entry.index >= from && entry.previous !== null)
      return { problem: `begins with entry ${entry.index}, which names one before it` };
    if (!isFirst && (entry.previous !== lineHash(lines[i - 1]!) || entry.index <= parsed[i - 1]!.index))
      return { problem: `entry ${entry.index} does not go on from the line before` };
    const signed = { address: rule.signer, bytes: signedText(said), signature: Buffer.from(signature, 'hex') };
    if (!(await verifyBytes(signed))) return { problem: `entry ${entry.index} is not signed by ${rule.signer}` };
    if (entry.index >= from) entries.set(entry.index, entry);
  }
  return { lines, entries };
}

/** The entry of a line, `null` where it is none in the one form that it has. */
export function parseLine(line: string): SetEntry | null {
  try {
    const parsed = SetEntry.safeParse(JSON.parse(line));
    return parsed.success && canonicalJson(parsed.data) === line ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The lines of a list; every one of them ends with a line break. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** What is wrong with an entry as it stands, `null` for nothing: then it may be opened. */
export function entryFault(
  rule: EvaluationSetsRule,
  entry: SetEntry | undefined,
): 'not-listed' | 'wrong-round' | 'too-large' | null {
  if (entry === undefined) return 'not-listed';
  if (entry.round !== roundOfSet(rule, entry.index)) return 'wrong-round';
  const sum = (of: (part: LockedPart) => number) => entry.parts.reduce((all, part) => all + of(part), 0);
  const isTooLarge =
    sum(({ plain }) => plain.bytes) > rule.maxBytes ||
    sum(({ plain }) => plain.rows) > rule.maxRows ||
    entry.parts.some(({ bytes, plain }) => bytes > plain.bytes + MOST_OVERHEAD_BYTES);
  return isTooLarge ? 'too-large' : null;
}

function signedText(said: object): Uint8Array {
  return Buffer.from(`${ENTRY_FORMAT} sha256:${lineHash(canonicalJson(said))}`);
}
