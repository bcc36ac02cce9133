import { FlockOffError } from '../errors/flock-off-error.ts';
import { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { type Dataset, RowsCheck } from './check-rows.ts';
import { lineTooLong, parseRow } from './parse-row.ts';

export interface CheckBytesParameters {
  /** A whole `data.jsonl`. */
  bytes: Uint8Array;
  competition: Competition;
  signal?: AbortSignal;
}

export interface CheckLineParameters {
  /** One line of a `data.jsonl`, as text or as the bytes of the file; a newline at its end does not count. */
  line: string | Uint8Array;
  /** Default: the rules that every competition has unless it says otherwise. */
  competition?: Competition;
}

/** Bytes checked before the event loop gets its turn. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Checks a whole dataset file that is in memory, as {@link checkDataset} does with one on a disk and with the same
 * result. Needs nothing of Node: in a browser the bytes are those of a `File`. (Where the engine is not V8, the words on
 * broken JSON are that engine's.)
 * @returns the dataset, or a verdict.
 * @throws FlockOffError `bad-argument` when it is given no bytes; the signal's reason when aborted.
 * @example
 * const bytes = new Uint8Array(await file.arrayBuffer());
 * const dataset = await checkBytes({ bytes, competition: Competition.parse({}) });
 * if (!dataset.ok) alert(dataset.verdict.message);
 */
export async function checkBytes({ bytes, competition, signal }: CheckBytesParameters): Promise<Checked<Dataset>> {
  if (!isBytes(bytes)) throw notBytes('bytes', 'a Uint8Array', bytes);
  signal?.throwIfAborted();
  // Loaded only when needed: files on a disk are hashed with Node's own.
  const { sha256 } = await import('@noble/hashes/sha2.js');
  const digest = sha256.create();
  const rows: DatasetRow[] = [];
  const check = new RowsCheck({
    competition,
    onRow: (row) => {
      rows.push(row);
    },
  });
  const { maxBytes } = competition;
  for (let at = 0; at < bytes.length && bytes.length <= maxBytes; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    digest.update(chunk);
    check.push(chunk);
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  const facts = check.finish({ sha256: hexOf(digest.digest()), bytes: bytes.length });
  return facts.ok ? accept({ ...facts.value, rows }) : facts;
}

/**
 * Checks one line of a dataset file by itself, for an editor or while rows are made.
 * @returns the row, or the verdict `invalid-rows` with the exact reason.
 * @throws FlockOffError `bad-argument` when it is given neither text nor bytes.
 * @example checkLine({ line: '{"messages": []}' }) // verdict.message: OpenAI messages; rename "messages" to ...
 */
export function checkLine({ line, competition = Competition.parse({}) }: CheckLineParameters): Checked<DatasetRow> {
  if (typeof line !== 'string' && !isBytes(line)) throw notBytes('line', 'a string or a Uint8Array', line);
  const written = typeof line === 'string' ? new TextEncoder().encode(line) : line;
  const bytes = written.at(-1) === NEWLINE ? written.subarray(0, -1) : written;
  if (bytes.includes(NEWLINE)) return reject('invalid-rows', 'several lines; each row needs one of its own');
  const parsed =
    bytes.length > competition.maxLineBytes ? lineTooLong(competition.maxLineBytes) : parseRow(bytes, competition);
  return parsed.row ? accept(parsed.row) : reject('invalid-rows', parsed.problem);
}

/** True for arrays of other realms (an iframe, a vm context) as well, which `instanceof` does not recognise. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function notBytes(name: string, expected: string, seen: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `${name} is ${kindOf(seen)}, expected ${expected}`,
    fix: 'pass the bytes of the file, such as new Uint8Array(await file.arrayBuffer())',
    facts: { name },
  });
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

const hexOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
