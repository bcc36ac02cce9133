import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from '../../shared/on-disk.ts';

/**
 * In a data folder: where each of several competitions that are played together has a folder of its own, by its id.
 * @example
 * const folder = join('.flock-off/validator', COMPETITIONS_FOLDER, competition.id);
 */
export const COMPETITIONS = 'competitions';
const REPORTS = 'reports';

/**
 * Where the reports in a folder are: in `reports` and `competitions/<id>/reports` of a validator's data folder, and in the
 * folder itself where it is none.
 * @throws FlockOffError `disk`.
 */
export async function reportFolders(path: string): Promise<string[]> {
  return onDisk({ path, fix: 'check the path' }, async () => {
    const own = (await foldersIn(path)).includes(REPORTS) ? [join(path, REPORTS)] : [];
    const ids = await competitionFolders(path);
    const all = [...own, ...ids.map((folder) => join(folder, REPORTS))];
    return all.length > 0 ? all : [path];
  });
}

/** Of a data folder: those of each of several competitions, none where one is played. */
export async function competitionFolders(path: string): Promise<string[]> {
  const folder = join(path, COMPETITIONS);
  return (await foldersIn(folder)).sort().map((id) => join(folder, id));
}

/** Links to folders among them: reports may lie on another disk. */
async function foldersIn(path: string): Promise<string[]> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const isFolder = (name: string) =>
    stat(join(path, name)).then(
      (seen) => seen.isDirectory(),
      () => false,
    );
  const are = await Promise.all(names.map(isFolder));
  return names.filter((_, i) => are[i]);
}
