import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { type Line, LineSplitter } from './line-splitter.ts';

export type { Line } from './line-splitter.ts';

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
  const splitter = new LineSplitter(maxLineBytes);
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024, signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      for (const line of splitter.push(chunk)) yield line;
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
  yield* splitter.end();
  return { sha256: hash.digest('hex'), bytes, head };
}
