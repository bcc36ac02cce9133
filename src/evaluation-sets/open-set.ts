import type { Dataset } from '../dataset/check.ts';
import { checkBytes } from '../dataset/check-bytes.ts';
import { Competition } from '../schema/competition.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import type { SetEntry } from './list.ts';
import { openPart, type PartFault } from './locked-file.ts';
import { beaconOf } from './schedule.ts';
import type { UsedPart } from './used-sets.ts';

export interface OpenSetParameters {
  rule: EvaluationSetsRule;
  entry: SetEntry;
  /** The locked file of each part, or why there is none. */
  files: (Uint8Array | PartFault)[];
  /** The beacon's signature of the round, verified. */
  signature: Uint8Array;
  signal?: AbortSignal;
}

/** A set as everybody sees it from its round on. */
export interface OpenedSet {
  evaluation: Dataset;
  /** Its `data.jsonl`: those of the parts, one behind the other. */
  data: Buffer;
}

export interface OpenSetReturnType {
  /** `null` where no part of it counts. */
  set: OpenedSet | null;
  parts: UsedPart[];
}

/** Of evaluation sets, as `loadEvaluationSet` reads them. */
const LIMITS = Competition.parse({ minRows: 1 });
const NEWLINE = 0x0a;

/**
 * Opens a set. Parts that give no rows are left out. Which ones those are hangs on the list, the files and the signature
 * only, so everybody who has these opens the same set. Nothing is written and nothing fetched.
 */
export async function openSet(parameters: OpenSetParameters): Promise<OpenSetReturnType> {
  const { rule, entry, files, signature, signal } = parameters;
  const beacon = beaconOf(rule);
  const data: Buffer[] = [];
  const parts: UsedPart[] = [];
  for (const [i, part] of entry.parts.entries()) {
    const file = files[i] ?? 'withheld';
    const opened =
      typeof file === 'string'
        ? { fault: file }
        : await openPart({ file, part, round: entry.round, beacon, signature });
    if ('fault' in opened) {
      parts.push({ fault: opened.fault, sha256: null, salt: null });
      continue;
    }
    const { sha256, salt } = opened;
    // Somebody's copy of another one's part, locked as it was or anew.
    const isCopy = parts.some((earlier) => earlier.sha256 === sha256);
    const fault = isCopy ? 'repeated' : (await hasRows(opened.data, part.plain.rows, signal)) ? null : 'rows';
    parts.push({ fault, sha256, salt });
    if (fault === null) data.push(opened.data);
  }
  const whole = Buffer.concat(data);
  const checked = whole.length > 0 ? await checkBytes({ bytes: whole, competition: LIMITS, signal }) : null;
  if (checked?.ok) return { set: { evaluation: checked.value, data: whole }, parts };
  // Each within the limits of a file and all of them together not.
  return { set: null, parts: parts.map((part) => (part.fault === null ? { ...part, fault: 'rows' } : part)) };
}

/** Whether it is a `data.jsonl` of so many rows, and ends with a line break: parts are put one behind the other. */
async function hasRows(bytes: Buffer, rows: number, signal?: AbortSignal): Promise<boolean> {
  if (bytes.at(-1) !== NEWLINE) return false;
  const checked = await checkBytes({ bytes, competition: LIMITS, signal });
  return checked.ok && checked.value.rows.length === rows;
}
