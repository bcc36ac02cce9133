import { spawn } from 'node:child_process';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOver, ownIdentity } from './process-identity.ts';

const PREFIX = 'flock-off-local-';
const REMOVE = { recursive: true, force: true };
const NAME = /^flock-off-local-([0-9a-f]{8}-\d+-\d+)-[^-]+$/;

export interface TemporaryFolder {
  path: string;
  remove(): Promise<void>;
}

/**
 * A folder that only this user can enter. It goes with this process however that ends; what a killed one left behind is
 * removed here.
 */
export async function makeTemporaryFolder(): Promise<TemporaryFolder> {
  for (const { path, isOrphan } of temporaryFolders()) if (isOrphan) await rm(path, REMOVE).catch(() => {});
  const path = await mkdtemp(join(tmpdir(), `${PREFIX}${ownIdentity()}-`));
  const dismiss = removeAfterDeath(path);
  const removeNow = () => rmSync(path, REMOVE);
  process.once('exit', removeNow);
  return {
    path,
    remove: async () => {
      await rm(path, REMOVE);
      process.off('exit', removeNow);
      dismiss();
    },
  };
}

/**
 * Starts a shell that removes the folder once this process is over, and its end of the pipe closed. Killed, this process
 * cannot do so itself, and tsx kills a script that has other things to do for 60 ms when Ctrl-C comes.
 */
function removeAfterDeath(path: string): () => void {
  if (process.platform === 'win32') return () => {};
  const shell = spawn('/bin/sh', ['-c', 'cat > /dev/null; rm -rf -- "$1"', 'sh', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  shell.on('error', () => {});
  shell.unref();
  (shell.stdin as Socket).on('error', () => {}).unref();
  return () => shell.stdin.end();
}

/** The folders of this user that {@link makeTemporaryFolder} made, in whichever process; an orphan's process is over. */
export function temporaryFolders(): { path: string; isOrphan: boolean }[] {
  return readdirSync(tmpdir()).flatMap((name) => {
    const identity = NAME.exec(name)?.[1];
    const path = join(tmpdir(), name);
    // Whoever else may write there could have made a folder of such a name.
    return identity && isOwnFolder(path) ? { path, isOrphan: isOver(identity) } : [];
  });
}

function isOwnFolder(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === (process.getuid?.() ?? found.uid);
}
