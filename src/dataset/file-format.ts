import { parseFirstObject } from './first-object.ts';
import { array, indented, type OtherFormat, rowFormat, wrapped } from './row-format.ts';

/** Bytes from the beginning of a file that are enough to tell its format. */
export const HEAD_BYTES = 64 * 1024;

const unpack = (name: string, tool: string) => ({ name, fix: `unpack it first: ${tool}` });
const exported = (name: string) => ({
  name,
  fix: 'export the rows as JSON Lines, with pandas for example: to_json("data.jsonl", orient="records", lines=True)',
});
const utf8 = (name: string, encoding: string) => ({
  name,
  fix: `save it as UTF-8: iconv -f ${encoding} -t UTF-8`,
});
const ZIP = unpack('a zip archive', 'unzip');

/** Formats by the bytes at their beginning, `at` in front. Longer ones come before those that they begin with. */
const MAGIC: { bytes: number[] | string; at?: number; format: OtherFormat }[] = [
  { bytes: [0x1f, 0x8b], format: unpack('compressed with gzip', 'gunzip') },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], format: unpack('compressed with zstd', 'zstd -d') },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], format: unpack('compressed with xz', 'xz -d') },
  { bytes: 'BZh', format: unpack('compressed with bzip2', 'bunzip2') },
  { bytes: [0x04, 0x22, 0x4d, 0x18], format: unpack('compressed with lz4', 'lz4 -d') },
  { bytes: 'PK\x03\x04', format: ZIP },
  { bytes: 'PK\x05\x06', format: ZIP },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], format: unpack('a 7z archive', '7z x') },
  { bytes: 'Rar!', format: unpack('a RAR archive', 'unrar x') },
  { bytes: 'ustar', at: 257, format: unpack('a tar archive', 'tar -xf') },
  { bytes: 'PAR1', format: exported('Parquet') },
  { bytes: 'ARROW1', format: exported('Arrow or Feather') },
  { bytes: 'FEA1', format: exported('Feather') },
  { bytes: [0xff, 0xff, 0xff, 0xff], format: exported('an Arrow stream') },
  { bytes: 'Obj\x01', format: exported('Avro') },
  { bytes: 'SQLite format 3\0', format: exported('an SQLite database') },
  { bytes: 'DUCK', at: 8, format: exported('a DuckDB database') },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], format: exported('an old Excel workbook') },
  { bytes: [0x89, 0x48, 0x44, 0x46], format: exported('HDF5') },
  { bytes: '\x93NUMPY', format: exported('a NumPy array') },
  { bytes: '%PDF-', format: exported('a PDF') },
  { bytes: [0xff, 0xfe, 0x00, 0x00], format: utf8('UTF-32 text', 'UTF-32') },
  { bytes: [0x00, 0x00, 0xfe, 0xff], format: utf8('UTF-32 text', 'UTF-32') },
  { bytes: [0xff, 0xfe], format: utf8('UTF-16 text', 'UTF-16') },
  { bytes: [0xfe, 0xff], format: utf8('UTF-16 text', 'UTF-16') },
];

export interface FileOutline {
  /** The first {@link HEAD_BYTES} bytes, or the whole file. */
  head: Uint8Array;
  /** Lines in all. */
  lines: number;
  /** Lines that are rows. */
  rows: number;
  /** Whether the first line is JSON by itself. */
  firstLineIsJson: boolean;
}

/**
 * What a file is that is no dataset, `null` when it is none of the formats that people send instead. It explains a file
 * that has been found bad and is never asked about another, so it can make no good file bad.
 */
export function fileFormat({ head, lines, rows, firstLineIsJson }: FileOutline): OtherFormat | null {
  const magic = MAGIC.find(({ bytes: wanted, at = 0 }) => {
    const pattern = typeof wanted === 'string' ? [...wanted].map((character) => character.charCodeAt(0)) : wanted;
    return pattern.every((byte, i) => head[at + i] === byte);
  });
  if (magic) return magic.format === ZIP && isWorkbook(head) ? exported('an Excel workbook') : magic.format;
  const text = textOf(head).trimStart();
  const isWhole = lines === 1 || !firstLineIsJson;
  // The last element of an array in lines has no comma, and so it is a row.
  const enclosed = isWhole ? enclosedFormat(text) : null;
  if (enclosed || rows > 0) return enclosed; // With rows it is a dataset with bad lines.
  return binaryFormat(head) ?? textFormat(text, isWhole);
}

/** Without a byte-order mark; what is no UTF-8 becomes U+FFFD. */
const textOf = (bytes: Uint8Array) => new TextDecoder('utf-8').decode(bytes);
const isWorkbook = (bytes: Uint8Array) => /xl\/|\[Content_Types\]\.xml/.test(textOf(bytes));

/** Text without a byte-order mark shows its width by where its zero bytes are. */
function binaryFormat(bytes: Uint8Array): OtherFormat | null {
  if (!bytes.includes(0)) return null;
  if (bytes.every((byte) => byte === 0))
    return { name: 'nothing but zero bytes, as after a full disk or a power cut', fix: 'write it again' };
  const pattern = widthOf(bytes);
  if (pattern === 'x000') return utf8('UTF-32 text', 'UTF-32LE');
  if (pattern === '000x') return utf8('UTF-32 text', 'UTF-32BE');
  if (pattern === 'x0x0') return utf8('UTF-16 text', 'UTF-16LE');
  if (pattern === '0x0x') return utf8('UTF-16 text', 'UTF-16BE');
  return { name: 'a binary file', fix: 'export the rows as JSON Lines' };
}

/** Where every fourth byte at the beginning is zero: `x0x0` for UTF-16 with the lower byte first. */
export function widthOf(bytes: Uint8Array): string {
  const start = bytes.subarray(0, 48);
  return [0, 1, 2, 3].map((phase) => (isZeroAt(start, phase) ? '0' : 'x')).join('');
}

function isZeroAt(bytes: Uint8Array, phase: number): boolean {
  return bytes.length > phase && bytes.every((byte, i) => i % 4 !== phase || byte === 0);
}

/** All rows within brackets. */
function enclosedFormat(text: string): OtherFormat | null {
  if (/^\[\s*[[{]/.test(text)) return array(rowFormat(parseFirstObject(text)));
  if (!WRAPPED.test(text)) return null;
  return wrapped(rowFormat(parseFirstObject(text.slice(text.indexOf('[')))));
}

/** @param isWhole the text is one value, not one value a line. */
function textFormat(text: string, isWhole: boolean): OtherFormat | null {
  if (text.startsWith('version https://git-lfs'))
    return { name: 'the pointer of a file in git LFS', fix: 'fetch the file itself: git lfs pull' };
  if (/^<(!doctype|html|head|!--)/i.test(text))
    return { name: 'a web page, perhaps an error that was saved', fix: 'download the file itself' };
  if (/^<(\?xml|\w)/.test(text)) return exported('XML');
  if (isWhole && /^\{\s*\n/.test(text)) return indented(rowFormat(parseFirstObject(text)));
  if (!isWhole || /^[{[]/.test(text)) return null; // JSON, if broken: its lines say where.
  return tableFormat(text) ?? plainFormat(text);
}

/** The beginning of one object around all rows, up to the bracket in front of the first. */
export const WRAPPED =
  /^\{\s*("\w{1,40}"\s*:\s*("[^"\\\n]{0,200}"|[\d.]{1,20}|true|false|null)\s*,\s*){0,8}"(data|rows|train|examples|items|records|dataset|features)"\s*:\s*\[/;

export const COLUMNS =
  /^(id|text|role|content|system|user|assistant|instruction|input|output|context|prompt|completion|response|question|answer|chosen|rejected|messages|conversations?)$/i;

/** A header of names with the separator in it, one of them a name that datasets have. */
export function tableOf(text: string): { separator: string; name: string } | null {
  const [header = '', next] = text.split(/\r?\n|\r/, 2);
  const separators = {
    '\t': 'a TSV table',
    ',': 'a CSV table',
    ';': 'a CSV table with semicolons',
    '|': 'a table with bars',
  };
  for (const [separator, name] of Object.entries(separators)) {
    const names = header.split(separator, 64).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
    const isHeader = names.length > 1 && names.every((cell) => /^[\w .-]{0,40}$/.test(cell));
    if (next !== undefined && isHeader && names.some((cell) => COLUMNS.test(cell))) return { separator, name };
  }
  return null;
}

function tableFormat(text: string): OtherFormat | null {
  const table = tableOf(text);
  return table && { name: table.name, fix: 'write each record as one JSON object with "conversations"' };
}

function plainFormat(text: string): OtherFormat | null {
  const isText =
    !text.startsWith('"') && /\p{L}/u.test(text) && !text.includes('\ufffd') && !/\n[ \t]*[{["]/.test(text);
  return isText ? { name: 'plain text', fix: 'make chats of it' } : null;
}
