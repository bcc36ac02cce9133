import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { FlockOffError } from 'flock-off';
import { parseQueueAddress } from 'flock-off/fleet';
import { alsoMask } from './secrets.ts';

export interface QueueAccess {
  url: string;
  password: string | undefined;
}

/**
 * Where the queue is, and its password: from a file, the environment, or an address that is in the environment. On the command
 * line everybody on the machine could read it.
 * @throws FlockOffError `bad-argument`
 */
export async function queueAccess(command: Command): Promise<QueueAccess> {
  const { queue: url, queue_password_file: file } = command.opts();
  const inUrl = parseQueueAddress({ url }).password;
  if (inUrl !== undefined && command.getOptionValueSource('queue') === 'cli')
    throw bad(
      'the address of --queue holds a password, which everybody on this machine can see there',
      'put it into a file for --queue_password_file, or into FLOCK_OFF_QUEUE_PASSWORD, and change it',
    );
  const password = file === undefined ? process.env.FLOCK_OFF_QUEUE_PASSWORD : await readPassword(file);
  if (password) alsoMask([`--queue=redis://:${encodeURIComponent(password)}@queue`]);
  return { url, password: password || undefined };
}

async function readPassword(file: string): Promise<string> {
  try {
    if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0)
      throw bad(`${file} can be read by others than its owner`, `run "chmod 600 ${file}"`);
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof FlockOffError) throw error;
    throw bad(`the password of the queue cannot be read: ${(error as Error).message}`, 'check --queue_password_file');
  }
}

function bad(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: 'queue' } });
}
