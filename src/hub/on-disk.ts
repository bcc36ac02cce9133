import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';

/** Runs something that reads or writes a file. @throws FlockOffError `disk` with the path when it fails. */
export async function onDisk<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new FlockOffError({
      code: 'disk',
      what: `${path} cannot be read or written (${messageOf(error)})`,
      fix: 'check the path, its rights and the free space',
      facts: { path },
      cause: error,
    });
  }
}
