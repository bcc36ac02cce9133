import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { messageOf } from '../../../errors/flock-off-error.ts';
import { onDisk } from '../../../shared/on-disk.ts';
import { READ_VERSIONS, RECEIPT_FORMAT, RECEIPT_VERSION, type Receipt } from '../receipt.ts';
import { findBrokenSeal, placeIn, sha256Of } from '../seal.ts';
import { shownValue } from './difference.ts';

/** A file that is no receipt, or not as its validator left it. */
export interface BadReceipt {
  /** Such as `entries[2].weight`; the file as a whole where it cannot be told. */
  place: string;
  /** Goes on behind the place: "is not what was signed". */
  why: string;
}

export type ReadReceiptReturnType = { ok: true; receipt: Receipt; sha256: string } | { ok: false; bad: BadReceipt };

export interface ReadReceiptParameters {
  path: string;
  /**
   * `seal`: whether it is as its signer left it, to the last digit. `form`: only whether it can be used. `nothing`: for one
   * that was looked at before, and by its hash is the same, and where a few numbers are looked up. Default `seal`.
   */
  look?: 'seal' | 'form' | 'nothing';
}

/** Larger than any receipt: 2500 miners of a subnet with all they can have. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Deeper than anything a policy remembers, and so shallow that whatever walks through it does not run out of stack. */
const MOST_LEVELS = 256;

/**
 * Reads a receipt, and looks whether it is as the validator left it that signed it: in form, to the last digit, and signed.
 * @throws FlockOffError `disk` when it cannot be read.
 */
export async function readReceipt({ path, look = 'seal' }: ReadReceiptParameters): Promise<ReadReceiptReturnType> {
  const text = await onDisk(path, () => textOf(path));
  if (typeof text !== 'string') return { ok: false, bad: text };
  try {
    return await receiptIn(text, look);
  } catch (error) {
    // Whatever a file holds is that file's fault: the others are looked at all the same.
    return bad('the file', `cannot be used (${messageOf(error)})`);
  }
}

/** No more than the limit of it, even where it grows meanwhile. */
async function textOf(path: string): Promise<string | BadReceipt> {
  if (!(await stat(path)).isFile()) return { place: 'the file', why: 'is no regular file' };
  const bytes = await buffer(createReadStream(path, { end: MOST_BYTES }));
  return bytes.length > MOST_BYTES
    ? { place: 'the file', why: `is larger than ${MOST_BYTES} bytes` }
    : bytes.toString('utf8');
}

async function receiptIn(
  text: string,
  look: NonNullable<ReadReceiptParameters['look']>,
): Promise<ReadReceiptReturnType> {
  const value = jsonOf(text);
  if (value === undefined)
    return bad('the file', text.trimEnd().endsWith('}') ? 'is no JSON' : 'is cut off, or no JSON at all');
  if (look !== 'nothing' && isDeeperThan(MOST_LEVELS, value))
    return bad('the file', `has values more than ${MOST_LEVELS} levels deep`);
  const said = value as Partial<Receipt> | null;
  if (said?.format !== RECEIPT_FORMAT)
    return bad('format', `is not "${RECEIPT_FORMAT}": this is no report with a seal`);
  const version: unknown = said.version;
  if (typeof version !== 'number' || !READ_VERSIONS.includes(version)) {
    const isNewer = typeof version === 'number' && version > RECEIPT_VERSION;
    const fix = isNewer ? 'update flock-off' : 'read it with the version that wrote it';
    return bad(
      'version',
      `is ${shownValue(version)}, and this version of flock-off reads ${READ_VERSIONS.join(' and ')}: ${fix}`,
    );
  }
  const { seal, signer } = said;
  if (typeof signer !== 'string') return bad('signer', 'is missing');
  if (![seal?.places, seal?.sha256, seal?.signature].every((part) => typeof part === 'string'))
    return bad('seal', 'is missing: the report was not signed');
  const receipt = said as Receipt;
  if (look === 'nothing') return { ok: true, receipt, sha256: sha256Of(text) };
  const broken = look === 'seal' ? await findBrokenSeal(receipt, text) : null;
  if (broken !== null) return { ok: false, bad: broken };
  // Whoever only looks up a few numbers need not wait until it is made.
  const { ReceiptSchema } = await import('../receipt-schema.ts');
  const parsed = ReceiptSchema.safeParse(receipt);
  if (parsed.success) return { ok: true, receipt, sha256: sha256Of(text) };
  const { path: at, message } = parsed.error.issues[0]!;
  return bad(placeOf(at), `cannot be used (${message})`);
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(levels - 1, item));
}

function bad(place: string, why: string): ReadReceiptReturnType {
  return { ok: false, bad: { place, why } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function placeOf(path: PropertyKey[]): string {
  return path.reduce<string>(
    (place, key) => (typeof key === 'number' ? `${place}[${key}]` : placeIn(place, String(key))),
    '',
  );
}
