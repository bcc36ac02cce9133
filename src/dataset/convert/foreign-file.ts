import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../errors/flock-off-error.ts';
import { COLUMNS, fileFormat, HEAD_BYTES, tableOf, WRAPPED, widthOf } from '../file-format.ts';
import { keysKept, outlineOf } from '../json-outline.ts';
import { quotable } from '../quotable.ts';
import { unreadableFile } from '../read-chunks.ts';
import { rowFormat } from '../row-format.ts';
import { JsonElements } from './json-elements.ts';

/** Something of a file that may become a row. */
export type ForeignRecord = {
  /** Such as `line 7` or `record 7`, from 1 on. */
  place: string;
} & ({ value: unknown; problem?: undefined } | { problem: string });

/** A file of another tool, open. Its records can be read once. */
export interface ForeignFile {
  /** What it is, from the outside in, such as `compressed with gzip`, `a JSON array of rows (Alpaca)`. */
  layers: string[];
  /** What to do with a file whose records cannot be read here; `null` where they can. */
  fix: string | null;
  /** @throws {@link DamagedFile} where the file cannot be read on; FlockOffError `disk`; the signal's reason. */
  records(): AsyncGenerator<ForeignRecord>;
}

/** The file is cut off or damaged, which is its own fault: a sentence. */
export class DamagedFile extends Error {}

/** Most characters of a record: what becomes a line of a mebibyte is smaller. */
const MOST_CHARS = 16 * 1024 * 1024;
/** A file may be compressed twice by mistake. */
const MOST_LAYERS = 3;

type Bytes = AsyncIterable<Uint8Array>;

/**
 * Opens a file and finds out how its records can be read: through gzip and UTF-16, as JSON Lines, a JSON array, an array
 * within an object, indented objects, or a table. Holds one record at a time.
 * @throws as {@link ForeignFile.records}.
 */
export async function openForeignFile(path: string, signal?: AbortSignal): Promise<ForeignFile> {
  const layers: string[] = [];
  let { head, all } = await withHead(bytesOf(path, signal));
  while (head[0] === 0x1f && head[1] === 0x8b && layers.length < MOST_LAYERS) {
    layers.push('compressed with gzip');
    ({ head, all } = await withHead(gunzipped(all)));
  }
  const encoding = encodingOf(head);
  if (encoding !== 'utf-8') layers.push('UTF-16 text');
  const text = new TextDecoder(encoding).decode(head, { stream: true }).trimStart();
  const form = formOf(text);
  const format = fileFormat({ head: encoding === 'utf-8' ? head : Buffer.from(text), rows: 0, ...outline(text) });
  if (format) layers.push(format.name);
  else if (form?.kind === 'lines') {
    const inside = rowFormat(parsed(firstLine(text)));
    layers.push(inside ? `JSON Lines of ${inside.name}` : 'JSON Lines');
  }
  const fix = format?.fix ?? 'export the rows as JSON Lines';
  return {
    layers,
    fix: form ? null : fix,
    records() {
      if (form) return recordsOf(textOf(all, encoding), form);
      throw new DamagedFile(`no rows can be read from it; ${fix}`);
    },
  };
}

type Form =
  | { kind: 'lines' }
  /** @param from the bracket of the array; none where objects stand one after another. */
  | { kind: 'elements'; from: number | null }
  | { kind: 'table'; separator: string };

function formOf(text: string): Form | null {
  const { lines, firstLineIsJson } = outline(text);
  if (firstLineIsJson && lines > 1) return { kind: 'lines' };
  if (/^\[\s*[[{"]/.test(text)) return { kind: 'elements', from: 0 };
  const wrapped = WRAPPED.exec(text);
  if (wrapped) return { kind: 'elements', from: wrapped[0].length - 1 };
  if (/^\{\s*\n/.test(text)) return { kind: 'elements', from: null };
  if (/^[{"]/.test(text) && (firstLineIsJson || text.startsWith('{'))) return { kind: 'lines' };
  const table = tableOf(text);
  return table && { kind: 'table', separator: table.separator };
}

function outline(text: string): { lines: number; firstLineIsJson: boolean } {
  const lines = text.trimEnd().split('\n').length;
  return { lines, firstLineIsJson: parsed(firstLine(text)) !== undefined };
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';

function encodingOf(head: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second, third, fourth] = head;
  if (first === 0xff && second === 0xfe && (third !== 0 || fourth !== 0)) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const width = widthOf(head);
  return width === 'x0x0' ? 'utf-16le' : width === '0x0x' ? 'utf-16be' : 'utf-8';
}

function recordsOf(text: AsyncIterable<string>, form: Form): AsyncGenerator<ForeignRecord> {
  if (form.kind === 'lines') return linesOf(text);
  return form.kind === 'table' ? tableRows(text, form.separator) : elementsOf(text, form.from);
}

async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<ForeignRecord> {
  let number = 0;
  let rest = '';
  for await (const piece of text) {
    const lines = piece.split('\n');
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? '';
    for (const line of lines) yield* lineRecord(line, ++number);
    if (rest.length > MOST_CHARS) throw new DamagedFile(`line ${number + 1} has more than ${MOST_CHARS} characters`);
  }
  yield* lineRecord(rest, ++number);
}

function* lineRecord(line: string, number: number): Generator<ForeignRecord> {
  // A comma is left where an array was cut into lines.
  if (line.trim() !== '') yield jsonRecord(line.replace(/,\s*$/, ''), `line ${number}`);
}

async function* elementsOf(text: AsyncIterable<string>, from: number | null): AsyncGenerator<ForeignRecord> {
  const elements = new JsonElements({ inArray: from !== null, maxChars: MOST_CHARS });
  let number = 0;
  let isFirst = from !== null;
  for await (const piece of text) {
    const start = isFirst ? piece.length - piece.trimStart().length + (from ?? 0) + 1 : 0;
    isFirst = false;
    for (const element of elements.push(piece.slice(start))) yield jsonRecord(element, `record ${++number}`);
    if (elements.problem) break;
  }
  elements.end();
  if (elements.problem) throw new DamagedFile(`record ${number + 1}: ${elements.problem}`);
}

function jsonRecord(json: string, place: string): ForeignRecord {
  try {
    const value: unknown = JSON.parse(json);
    if (outlineOf(Buffer.from(json)).keys !== keysKept(value))
      return { place, problem: 'a key occurs twice in one object' };
    return { place, value };
  } catch (error) {
    return { place, problem: `not JSON (${quotable(messageOf(error))})` };
  }
}

async function* tableRows(text: AsyncIterable<string>, separator: string): AsyncGenerator<ForeignRecord> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    delimiter: separator,
    columns: (names: string[]) => names.map((name) => name.trim()).map((name) => plainName(name)),
    // In tables with tabs a quote is often no more than a quote.
    relax_quotes: separator === '\t',
    skip_empty_lines: true,
    max_record_size: MOST_CHARS,
  });
  const rows = pipeline(Readable.from(text), parser, () => {});
  let number = 0;
  try {
    for await (const value of rows as AsyncIterable<unknown>) yield { place: `record ${++number}`, value };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('CSV_')) throw error;
    throw new DamagedFile(`the table cannot be read on after record ${number}: ${error.message}`);
  }
}

/** As JSON has them. */
const plainName = (name: string) => (COLUMNS.test(name) ? name.toLowerCase() : name);

async function* textOf(bytes: Bytes, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (piece?: Uint8Array) => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch {
      const fix = encoding === 'utf-8' ? '; if it is of an older Windows: iconv -f WINDOWS-1252 -t UTF-8' : '';
      throw new DamagedFile(`it is not valid ${encoding.toUpperCase()}${fix}`);
    }
  };
  for await (const piece of bytes) yield decode(piece);
  yield decode();
}

async function* bytesOf(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { signal, highWaterMark: HEAD_BYTES }) as Bytes;
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreadableFile(path, cause);
  }
}

async function* gunzipped(bytes: Bytes): AsyncGenerator<Uint8Array> {
  try {
    yield* pipeline(Readable.from(bytes), createGunzip(), () => {}) as Bytes;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('Z_')) throw error;
    throw new DamagedFile(`its gzip data is cut off or damaged (${error.message})`);
  }
}

/** The first bytes, and all of them with the first once more. */
async function withHead(
  bytes: AsyncGenerator<Uint8Array>,
): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array> }> {
  const begun: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const { value, done } = await bytes.next();
    if (done) break;
    begun.push(value);
    length += value.length;
  }
  const first = Buffer.concat(begun);
  return { head: first.subarray(0, HEAD_BYTES), all: joined(first, bytes) };
}

async function* joined(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
