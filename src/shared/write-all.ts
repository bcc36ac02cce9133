import type { FileHandle } from 'node:fs/promises';

/** One call may write less than it is given: on a full disk the rest is refused by the next one. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
