import { FlockOffError } from '../errors/flock-off-error.ts';
import { systemClock } from '../shared/clock.ts';
import type { Logger } from '../shared/logger.ts';
import { PACKAGE_VERSION } from '../shared/own-package.ts';
import { Asking } from './asking.ts';
import { Board } from './board.ts';
import type { FleetWorkerEvent } from './fleet-worker-event.ts';
import { DIRECTORY, queueName } from './names.ts';
import type { QueueServer } from './queue-server.ts';
import { readAbout, readOtherVersion } from './read-about.ts';
import type { About } from './wire.ts';

/** Of a server that are read. */
const MOST_QUEUES = 1_000;

export interface FindQueueParameters {
  server: QueueServer;
  /** ss58 address. */
  validator: string;
  /** Its id, where the validator has queues of several. */
  competition?: string;
  /** Where it has queues of several subnets. */
  netuid?: number;
  /** Of the chain, with `0x`, where it has queues of subnets of several. */
  genesisHash?: string;
  lookMs?: number;
  logger?: Logger;
  onEvent?: (event: FleetWorkerEvent) => void;
  signal?: AbortSignal;
}

/**
 * The queue of a validator on a server, as its hotkey signed it. Waits for one.
 * @throws FlockOffError `queue-refused` where there are others only: of another version or competition, or several.
 */
export async function findQueue(parameters: FindQueueParameters): Promise<{ queue: string; about: About }> {
  const { server, validator, competition, netuid, genesisHash, lookMs = 5_000, logger, onEvent, signal } = parameters;
  const isWanted = (about: About) =>
    about.competition === (competition ?? about.competition) &&
    about.netuid === (netuid ?? about.netuid) &&
    about.genesisHash === (genesisHash ?? about.genesisHash);
  const directory = new Board(server, DIRECTORY);
  const asking = new Asking({ logger, done: signal ?? new AbortController().signal });
  for (let looks = 0; ; looks++) {
    const byName = new Map<string, About>();
    let otherVersion: string | null = null;
    for (const note of (await asking.surely(() => directory.list({ most: MOST_QUEUES }))).values()) {
      const about = await readAbout(note, validator);
      if (about === null) {
        otherVersion = (await readOtherVersion(note, validator)) ?? otherVersion;
        continue;
      }
      // Whoever can write there can put an earlier one under another name.
      const before = byName.get(queueName(about));
      if (before === undefined || before.serial < about.serial) byName.set(queueName(about), about);
    }
    const theirs = [...byName.values()];
    const [found, ...more] = theirs.filter(isWanted);
    if (found && more.length > 0) throw severalOf([found, ...more]);
    if (found) {
      if (found.packageVersion !== PACKAGE_VERSION) throw versionOf(found.packageVersion);
      return { queue: queueName(found), about: found };
    }
    if (theirs.length > 0) throw otherOf(theirs, parameters);
    if (otherVersion !== null) throw versionOf(otherVersion);
    if (looks === 0)
      onEvent?.({
        kind: 'waiting',
        why: `${server.text} has no queue of the validator ${validator} yet: it is waited for`,
      });
    await systemClock.sleep({ durationMs: Math.min(lookMs, 1_000), signal });
  }
}

function versionOf(theirs: string): FlockOffError {
  return refused(
    'version',
    `the validator runs flock-off ${theirs}, and this is ${PACKAGE_VERSION}, so that losses could not be compared`,
    'install the same version on both',
  );
}

function severalOf(abouts: About[]): FlockOffError {
  return refused(
    'competition',
    `the validator has several queues here: ${named(abouts)}`,
    'name one with --competition, --netuid and --genesis_hash, as far as they differ',
  );
}

function otherOf(abouts: About[], { competition, netuid, genesisHash }: FindQueueParameters): FlockOffError {
  const wanted = [
    ...(competition === undefined ? [] : [`competition ${competition}`]),
    ...(netuid === undefined ? [] : [`netuid ${netuid}`]),
    ...(genesisHash === undefined ? [] : [`the chain ${genesisHash}`]),
  ];
  return refused(
    'competition',
    `this worker was started for ${wanted.join(', ')}, and the validator's queue here is of ${named(abouts)}`,
    'name that one, or another server',
  );
}

const named = (abouts: About[]) =>
  abouts
    .map(({ competition, netuid, genesisHash }) => `competition ${competition} on netuid ${netuid} of ${genesisHash}`)
    .join('; ');

function refused(reason: 'version' | 'competition', what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'queue-refused', what, fix, facts: { reason } });
}
