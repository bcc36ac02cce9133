import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  competitionLines,
  type ExpectedSubnet,
  FlockOffError,
  requireBlockTime,
  requireCompetition,
  requireSubnet,
  type ScheduledShare,
  SubnetIdentity,
  type Subtensor,
  subnetText,
} from 'flock-off';
import { z } from 'zod';
import type { NamedCompetition } from './rules.ts';
import { beginsWith } from './shares.ts';

export interface KnownSubnetParameters {
  subtensor: Subtensor;
  netuid: number;
  /** What is to be played on it, with shares where that are several; what was founded is shown, too. */
  competitions?: KnownCompetition[];
  /** Folder of the bot, which remembers in `subnet.json` which subnets it has served. */
  folder: string;
  say: (line: string) => void;
  signal?: AbortSignal;
}

/** `shares`: `null` where it is the only one. */
type KnownCompetition = Pick<NamedCompetition, 'name' | 'competition' | 'founded'> & {
  shares: ScheduledShare[] | null;
};

/** By network and number. */
const Served = z.record(z.string(), SubnetIdentity);

/**
 * Shows whose subnet the number names, and compares it with the one that this bot has served under that number. Returns
 * what nothing may be written without.
 * @throws FlockOffError `bad-competition` when the subnet's owner did not sign one, it does not count yet, or it does not fit the chain; `wrong-subnet` when the number has been given to another subnet since.
 */
export async function knownSubnet(parameters: KnownSubnetParameters): Promise<ExpectedSubnet> {
  const { subtensor, netuid, folder, say, signal } = parameters;
  for (const { name, competition, founded, shares } of parameters.competitions ?? []) {
    if (founded === null) {
      await requireBlockTime({ name, competition, subtensor, signal });
      continue;
    }
    const early = beginsWith(founded.document.countsFromBlock, shares);
    const { remarks } = await requireCompetition({ founded, subtensor, early, signal });
    for (const line of [...competitionLines(founded), ...remarks]) say(line);
  }
  const seen = await subtensor.subnetIdentity({ netuid, signal });
  const file = join(folder, 'subnet.json');
  const served = await readServed(file);
  const key = `${seen.genesisHash}/${netuid}`;
  const before = served[key];
  if (before) requireSubnet({ seen, expected: expectationOf(before) });
  say(`this is ${subnetText(seen)}`);
  if (before && before.owner !== seen.owner) say(`its owner was ${before.owner ?? 'nobody'} when it was served last`);
  if (before && before.name !== seen.name)
    say(`its name was ${before.name === null ? 'none' : `"${before.name}"`} when it was served last`);
  await mkdir(folder, { recursive: true });
  // Miners that start together share the folder.
  const incomplete = `${file}.incomplete-${randomUUID()}`;
  await writeFile(incomplete, JSON.stringify({ ...served, [key]: seen }, null, 2));
  await rename(incomplete, file);
  return expectationOf(seen);
}

function expectationOf({ genesisHash, registrationBlock }: SubnetIdentity): ExpectedSubnet {
  return { genesisHash, registrationBlock: registrationBlock ?? undefined };
}

async function readServed(file: string): Promise<z.infer<typeof Served>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  try {
    return Served.parse(JSON.parse(text));
  } catch (cause) {
    throw new FlockOffError({
      code: 'disk',
      what: `${file} is not what was stored there, so it is not known which subnet was served before`,
      fix: 'restore it, or remove it once you have checked whose subnet this is',
      facts: { path: file },
      cause,
    });
  }
}
