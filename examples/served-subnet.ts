import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from 'flock-off';
import { temporaryFolders } from './temporary-folder.ts';

/** What a script needs to know to take part in a local subnet. */
export interface LocalSubnet {
  chainUrl: string;
  hubUrl: string;
  hubToken: string;
  netuid: number;
  /** Folder for this subnet alone: wallets, rules, validator state, downloads. */
  folder: string;
}

export interface RunningSubnet extends LocalSubnet {
  close(): Promise<void>;
}

/** In the subnet's own folder, so that it goes with it, and nobody else's does. */
const FILE = 'served.json';
const ANSWER_MS = 2_000;

interface ServedSubnet extends LocalSubnet {
  /** Whether others may take part: its own miners and validator are done. */
  isOpen: boolean;
}

/** Tells the other scripts of this user, whatever folder they run in, where the subnet is, for as long as it is there. */
export async function announce({ close: _, ...subnet }: RunningSubnet, isOpen: boolean): Promise<void> {
  const file = join(subnet.folder, FILE);
  const served: ServedSubnet = { ...subnet, isOpen };
  await writeFile(`${file}.incomplete`, JSON.stringify(served, null, 2), { mode: 0o600 });
  await rename(`${file}.incomplete`, file);
}

/**
 * The subnet that `npm start -- --serve` keeps running, `null` when there is none.
 * @throws FlockOffError `timeout` (transient) when there is one that is not open yet, or does not answer.
 */
export async function findServedSubnet(): Promise<LocalSubnet | null> {
  const subnets = announced();
  const served = subnets.find(({ isOpen }) => isOpen) ?? subnets[0];
  if (!served) return null;
  if (served.isOpen && (await answers(served))) return served;
  throw new FlockOffError({
    code: 'timeout',
    what: `the local subnet with its chain at ${served.chainUrl} ${served.isOpen ? 'does not answer' : 'is not ready yet'}`,
    fix: served.isOpen ? 'end it, and start another' : 'try again when it says that it stays up',
    transient: true,
  });
}

/**
 * Called once a subnet is announced: of two that start at the same moment, each then sees the other.
 * @throws FlockOffError `bad-argument` when another one is served: scripts with `--local` could not tell which is meant.
 */
export function refuseSecond(own: LocalSubnet): void {
  const served = announced().find(({ folder }) => folder !== own.folder);
  if (!served) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `a local subnet is served already, with its chain at ${served.chainUrl} and its hub at ${served.hubUrl}`,
    fix: 'use that one, or end it with Ctrl-C in its terminal first',
    facts: { name: 'folder', value: served.folder },
  });
}

function announced(): ServedSubnet[] {
  return temporaryFolders().flatMap(({ path, isOrphan }) => {
    if (isOrphan) return [];
    try {
      return JSON.parse(readFileSync(join(path, FILE), 'utf8')) as ServedSubnet;
    } catch {
      return []; // Not served, or it ends just now.
    }
  });
}

async function answers({ hubUrl }: LocalSubnet): Promise<boolean> {
  return fetch(hubUrl, { signal: AbortSignal.timeout(ANSWER_MS) }).then(
    () => true,
    () => false,
  );
}
