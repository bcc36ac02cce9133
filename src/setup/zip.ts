import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';
import { makeFolder } from '../shared/make-folder.ts';

/** A file inside a zip archive, as its central directory describes it. */
export interface ZipEntry {
  name: string;
  /** Size once unpacked. */
  bytes: number;
  compressedBytes: number;
  /** 0 is stored, 8 is deflated. */
  method: number;
  headerOffset: number;
  /** Whether its owner may run it, where the archive was made on a system that knows. */
  executable: boolean;
}

const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_HEADER_BYTES = 30;
const MAX_COMMENT_BYTES = 0xffff;

/**
 * Lists a zip archive without reading its contents. Enough of the format for Python wheels: no encryption, no
 * archive over 4 GiB (zip64).
 * Source: PKWARE APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
 */
async function listZip(file: FileHandle): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await read(
    file,
    Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES),
    Math.min(size, END_BYTES + MAX_COMMENT_BYTES),
  );
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06'));
  if (end < 0) throw new Error('not a zip archive, or cut off');
  const count = tail.readUInt16LE(end + 10);
  const directory = await read(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameLength),
      method: directory.readUInt16LE(at + 10),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      headerOffset: directory.readUInt32LE(at + 42),
      // The upper half of the external attributes is the mode of Unix.
      executable: (directory.readUInt16LE(at + 40) & 0o100) !== 0,
    });
    at += ENTRY_BYTES + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** An open archive and what is in it. */
export interface Zip {
  path: string;
  file: FileHandle;
  entries: ZipEntry[];
}

/** Opens an archive for as long as `use` runs. */
export async function withZip<T>(path: string, use: (zip: Zip) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use({ path, file, entries: await listZip(file) });
  } finally {
    await file.close();
  }
}

/** Unpacks one entry below `folder`, under its own name, as a stream. Returns the SHA-256 of its content in base64url. */
export async function unpackEntry(zip: Zip, entry: ZipEntry, folder: string): Promise<string> {
  const name = normalize(entry.name);
  if (name.startsWith('..') || name.startsWith(sep)) throw new Error(`archive entry outside its folder: ${entry.name}`);
  const target = join(folder, name);
  await makeFolder(dirname(target));
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const packed = await content(zip, entry);
  const unpacking = entry.method === 8 ? [packed, createInflateRaw()] : [packed];
  await pipeline([...unpacking, hashing, createWriteStream(target, { mode: entry.executable ? 0o755 : 0o644 })]);
  return hash.digest('base64url');
}

/** Reads one small entry as text. */
export async function readEntry(zip: Zip, entry: ZipEntry): Promise<string> {
  const packed = await content(zip, entry);
  const chunks: Buffer[] = [];
  for await (const chunk of entry.method === 8 ? packed.pipe(createInflateRaw()) : packed) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function content({ path, file }: Zip, { headerOffset, compressedBytes, method, name }: ZipEntry) {
  if (method !== 0 && method !== 8) throw new Error(`archive entry ${name} is compressed by unknown method ${method}`);
  if (compressedBytes === 0) return Readable.from([]);
  // The local header repeats name and extra field, with lengths that may differ from the directory's.
  const header = await read(file, headerOffset, LOCAL_HEADER_BYTES);
  const start = headerOffset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  return createReadStream(path, { start, end: start + compressedBytes - 1, highWaterMark: 1 << 20 });
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position, length });
  if (bytesRead < length) throw new Error('archive is cut off');
  return buffer;
}
