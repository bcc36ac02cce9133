import { open } from 'node:fs/promises';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

export interface ReadChunksParameters {
  path: string;
  /** A larger file is not read. */
  maxBytes: number;
  /** Takes the next bytes; the next ones wait for it. */
  onChunk: (chunk: Uint8Array) => void | Promise<void>;
  signal?: AbortSignal;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * Reads a file piece by piece.
 * @returns its bytes in all; with more than `maxBytes`, `onChunk` has not seen all of them.
 * @throws FlockOffError `disk` when the file cannot be read; the signal's reason when aborted.
 */
export async function readChunks({ path, maxBytes, onChunk, signal }: ReadChunksParameters): Promise<number> {
  signal?.throwIfAborted();
  const file = await open(path).catch((error) => {
    throw unreadableFile(path, error);
  });
  try {
    // What is no plain file says 0.
    const { size } = await file.stat();
    if (size > maxBytes) return size;
    let bytes = 0;
    for (;;) {
      const { buffer, bytesRead } = await file
        .read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null)
        .catch((error) => {
          throw unreadableFile(path, error);
        });
      signal?.throwIfAborted();
      bytes += bytesRead;
      if (bytesRead === 0 || bytes > maxBytes) return bytes;
      await onChunk(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

export function unreadableFile(path: string, cause: unknown): FlockOffError {
  return new FlockOffError({
    code: 'disk',
    what: `the file ${path} cannot be read (${messageOf(cause)})`,
    fix: 'check the path and the rights of the file',
    facts: { path },
    cause,
  });
}
