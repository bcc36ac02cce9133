import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
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
  const removeNow = () => rmSync(path, REMOVE);
  process.once('exit', removeNow);
  return {
    path,
    remove: async () => {
      await rm(path, REMOVE);
      process.off('exit', removeNow);
    },
  };
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
