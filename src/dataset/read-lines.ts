import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

export interface Line {
  /** Counted from 1. */
  number: number;
  /** Without the newline; `null` when the line is longer than allowed (it is skipped, never buffered). */
  bytes: Uint8Array | null;
}

export interface ReadLinesParameters {
  path: string;
  maxLineBytes: number;
  /** How many bytes of the beginning to keep. Default 0. */
  headBytes?: number;
  signal?: AbortSignal;
}

export interface FileDigest {
  /** 64 hex digits over every byte read. */
  sha256: string;
  bytes: number;
  /** The first bytes, as many as were asked for. */
  head: Uint8Array;
}

const NEWLINE = 0x0a;

/**
 * Streams the lines of a file, split at newlines only, and returns the digest of the whole file. A newline at the very
 * end starts no further line. Memory: one chunk and one line.
 * @throws FlockOffError `disk` when the file cannot be read; the signal's reason when aborted.
 */
export async function* readLines({
  path,
  maxLineBytes,
  headBytes = 0,
  signal,
}: ReadLinesParameters): AsyncGenerator<Line, FileDigest> {
  const hash = createHash('sha256');
  let bytes = 0;
  let number = 1;
  let parts: Uint8Array[] = [];
  let length = 0;
  let head = Buffer.alloc(0);
  const take = (part: Uint8Array) => {
    length += part.length;
    if (length > maxLineBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const line = (): Line => {
    const whole = length > maxLineBytes ? null : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    parts = [];
    length = 0;
    return { number: number++, bytes: whole };
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        take(chunk.subarray(start, end));
        yield line();
        start = end + 1;
      }
      take(chunk.subarray(start));
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new FlockOffError({
      code: 'disk',
      what: `the file ${path} cannot be read (${messageOf(error)})`,
      fix: 'check the path and the rights of the file',
      facts: { path },
      cause: error,
    });
  }
  if (length > 0) yield line();
  return { sha256: hash.digest('hex'), bytes, head };
}
