import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { COMPETITIONS, competitionFolders } from '../../validator/receipts/report-folders.ts';

/** A state in a validator's data folder. */
interface StateFolder {
  /** `null`: the validator's own, which of several competitions is what they have in common. */
  competition: string | null;
  /** Of the state. */
  path: string;
}

/**
 * All states in a data folder: the validator's own first, then those of each of several competitions.
 * @throws FlockOffError `disk`.
 */
export async function stateFolders(dataDir: string): Promise<StateFolder[]> {
  const competitions = (await competitionFolders(dataDir)).map((folder) => stateOf(dataDir, basename(folder)));
  return [{ competition: null, path: join(dataDir, 'state') }, ...competitions.filter(({ path }) => existsSync(path))];
}

/** Where the state of one of several competitions is. */
export function stateOf(dataDir: string, competition: string): StateFolder {
  return { competition, path: join(dataDir, COMPETITIONS, competition, 'state') };
}

const MARK = '.competition-';

/** The file for the backup of one of them: beside that of the validator's own, with the id before the last extension. */
export function backupFile(file: string, { competition }: StateFolder): string {
  if (competition === null) return file;
  const { stem, end } = split(file);
  return join(dirname(file), `${stem}${MARK}${competition}${end}`);
}

/** The ids of the competitions whose backups are among the files beside one. */
export function backedUpIn(names: string[], file: string): string[] {
  const { stem, end } = split(file);
  const start = `${stem}${MARK}`;
  return names
    .filter((name) => name.startsWith(start) && name.endsWith(end) && name.length > start.length + end.length)
    .map((name) => name.slice(start.length, name.length - end.length))
    .sort();
}

function split(file: string): { stem: string; end: string } {
  const name = basename(file);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? { stem: name.slice(0, dot), end: name.slice(dot) } : { stem: name, end: '' };
}

/**
 * For what is of one competition.
 * @throws FlockOffError `bad-argument` where the folder is that of several, or holds no state.
 */
export async function requireOneState(dataDir: string): Promise<void> {
  const [own, ...competitions] = await stateFolders(dataDir);
  if (competitions.length > 0)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${dataDir} is of several competitions, and each has a ledger of its own`,
      fix: `pass one of them: ${competitions.map(({ path }) => `--data_dir ${dirname(path)}`).join(', ')}`,
      facts: { name: '--data_dir', value: dataDir },
    });
  requireState(own!, dataDir);
}

/** Opening would create a missing state. */
export function requireState({ path }: StateFolder, dataDir: string): void {
  if (existsSync(path)) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${dataDir} holds no state of a validator`,
    fix: 'check --data_dir',
  });
}
