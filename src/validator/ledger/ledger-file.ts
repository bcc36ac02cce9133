import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { onDisk } from '../../shared/on-disk.ts';

/** One part of the file: a line of JSON, and as many bytes after it as that says. */
export interface LedgerRecord {
  kind: string;
  /** Of a fingerprint. */
  name?: string;
  body: Uint8Array;
}

/** What a ledger file ends with. */
export interface LedgerSeal {
  /** 64 hex digits: of all before it. */
  sha256: string;
  /** Hex. */
  signature: string;
}

/** Larger than any line in front of a body. */
const MOST_LINE_BYTES = 4_096;
/** Larger than any body: a fingerprint has 150 bytes a row at most. */
const MOST_BODY_BYTES = 256 * 1024 * 1024;

export const SEAL = 'seal';

/** Writes records one after the other, and sums up what it has written. */
export class LedgerWriter {
  readonly #hash = createHash('sha256');
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write({ kind, name, body }: LedgerRecord): Promise<void> {
    const line = Buffer.from(`${JSON.stringify({ kind, name, bytes: body.length })}\n`);
    for (const bytes of [line, body]) {
      this.#hash.update(bytes);
      await this.#file.writeFile(bytes);
    }
  }

  /** The sum is signed; after it nothing comes. */
  async seal(sign: (sha256: string) => Promise<Uint8Array>): Promise<void> {
    const sha256 = this.#hash.digest('hex');
    const signature = Buffer.from(await sign(sha256)).toString('hex');
    await this.#file.writeFile(`${JSON.stringify({ kind: SEAL, sha256, signature })}\n`);
    await this.#file.sync();
  }
}

export interface ReadLedgerFileParameters {
  /** A larger file is refused. */
  maxBytes: number;
  /** Is given one record after the other, so that a large file takes no more memory than its largest part. */
  onRecord: (record: LedgerRecord) => void | Promise<void>;
  signal?: AbortSignal;
}

/**
 * Reads a file of records.
 * @returns the seal, once the sum of all before it is right.
 * @throws FlockOffError `bad-argument` in one sentence for what is no such file, ends too early, goes on after its seal, or
 *   is larger than `maxBytes`; `disk` where it cannot be read.
 */
export async function readLedgerFile(
  path: string,
  { maxBytes, onRecord, signal }: ReadLedgerFileParameters,
): Promise<LedgerSeal> {
  const size = await sizeOf(path);
  if (size > maxBytes) throw badLedger(path, `has ${size} bytes, more than the ${maxBytes} that are accepted`);
  const file = await onDisk(path, () => open(path, 'r'));
  const hash = createHash('sha256');
  let at = 0;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const line = await readLine();
      const head = parseHead(line);
      if (head === null)
        throw badLedger(path, at === 0 ? 'is no ledger' : 'is damaged: it does not go on as it should');
      at += line.length;
      if (head.kind === SEAL) {
        if (at < size) throw badLedger(path, 'is damaged: it goes on after its end');
        const { sha256 = '', signature = '' } = head;
        if (hash.digest('hex') !== sha256)
          throw badLedger(path, 'is not as it was written: its content has another sum');
        return { sha256, signature };
      }
      const { kind, name, bytes = 0 } = head;
      if (bytes > MOST_BODY_BYTES) throw badLedger(path, `has a part of ${bytes} bytes, which no ledger has`);
      if (at + bytes > size) throw endsEarly(path);
      const body = await take(bytes);
      hash.update(line);
      hash.update(body);
      at += bytes;
      await onRecord({ kind, name, body });
    }
  } finally {
    await file.close();
  }

  async function take(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await onDisk(path, () => file.read(bytes, filled, length - filled, at + filled));
      if (bytesRead === 0) throw endsEarly(path);
      filled += bytesRead;
    }
    return bytes;
  }

  async function readLine(): Promise<Buffer> {
    if (at === size) throw endsEarly(path);
    const bytes = await take(Math.min(MOST_LINE_BYTES, size - at));
    const end = bytes.indexOf(10);
    if (end >= 0) return bytes.subarray(0, end + 1);
    throw at > 0 && bytes.length < MOST_LINE_BYTES ? endsEarly(path) : badLedger(path, 'is no ledger');
  }
}

interface RecordHead {
  kind: string;
  name?: string;
  bytes?: number;
  sha256?: string;
  signature?: string;
}

function parseHead(line: Buffer): RecordHead | null {
  try {
    const head: unknown = JSON.parse(line.toString('utf8'));
    const { kind, name, bytes, sha256, signature } = Object(head) as Record<string, unknown>;
    const isText = (value: unknown) => value === undefined || typeof value === 'string';
    const isCount = bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) >= 0);
    if (typeof kind !== 'string' || ![name, sha256, signature].every(isText) || !isCount) return null;
    return head as RecordHead;
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await onDisk(path, () =>
    stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    }),
  );
  if (found?.isFile()) return found.size;
  throw badLedger(path, found ? 'is no file' : 'does not exist');
}

function endsEarly(path: string): FlockOffError {
  return badLedger(path, 'is cut off: it ends before its signature');
}

/** Nothing of it was taken over. */
export function badLedger(path: string, why: string, fix = 'get it once more from who made it'): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `the ledger ${path} ${why}, so nothing of it is used`,
    fix: `${fix}, or start without one: then first showings are known from now on`,
  });
}
