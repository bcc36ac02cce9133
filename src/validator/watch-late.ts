import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import type { Submission } from '../schema/submission.ts';
import { systemClock } from '../shared/clock.ts';
import { safeLogger } from '../shared/logger.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { MOST_EPOCHS } from './draw.ts';
import { type ReadPointer, readPointers } from './pointers.ts';
import { isHubFault } from './postpone.ts';
import type { LatePointer } from './state-store.ts';
import type { Validator } from './validator.ts';

/** It is looked in each block that is a multiple of this, so that all validators look at the same time. */
const BLOCKS_BETWEEN = 10;
const PARALLEL_REQUESTS = 4;
const RETRY_MS = 15_000;

/** Whether it was seen that a dataset could not be read when the time of its pointer was over. */
export type IsLate = (submission: Pick<Submission, 'hotkey' | 'pointer' | 'commitBlock'>) => boolean;

export interface LateWatch {
  isLate: IsLate;
  /** @throws what is no fault of chain or Hub. */
  stop(): Promise<void>;
}

/**
 * Looks at each new pointer when its time is over, between epochs as well: a dataset that anybody can read then has the date
 * of its pointer, whenever an epoch reads it, and one that nobody can read counts from the epoch that first reads it. What
 * could not be looked at, by a fault of ours, is not late. What was seen is stored, for whoever is started again.
 * @throws FlockOffError `disk`.
 */
export async function watchLate(validator: Validator): Promise<LateWatch> {
  const { subtensor, metadata, competition, datasets, state, clock = systemClock } = validator;
  const logger = safeLogger(validator.logger);
  const done = new AbortController();
  const { signal } = done;
  const late = new Map((await state.latePointers()).map((one) => [nameOf(one), one]));
  // Where nothing is waited for, nothing comes late.
  const watching = competition.readableWithinBlocks > 0 ? watch() : Promise.resolve();
  // Told when it is stopped.
  watching.catch(() => {});
  return {
    isLate: (submission) => late.has(nameOf(lateOf(submission))),
    stop: () => {
      done.abort();
      return watching;
    },
  };

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      try {
        for (let seen = await subtensor.waitForBlock({ block: 0, signal }); ; ) {
          const next = seen - (seen % BLOCKS_BETWEEN) + BLOCKS_BETWEEN;
          const now = await subtensor.waitForBlock({ block: next, signal });
          // After an outage it is too late to tell what was in time.
          if (now < next + BLOCKS_BETWEEN) await look(seen, next);
          seen = now < next + BLOCKS_BETWEEN ? next : now;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof FlockOffError)) throw error;
        logger.debug(`which datasets come in time is not looked at now: ${messageOf(error)}`);
        await clock.sleep({ durationMs: RETRY_MS, signal }).catch(() => {});
      }
    }
  }

  /** Looks at pointers whose time ended after one block, in another or before. */
  async function look(after: number, block: number): Promise<void> {
    const subnet = await metadata.readSubnetAt({ block, signal });
    if (!subnet) return;
    const { metagraph, commitments } = subnet;
    const pointers = readPointers({ neurons: metagraph.neurons, commitments: [...commitments.values()] }, competition);
    const due = [...pointers.values()].flatMap(({ submission }) => {
      const until = submission.ok ? submission.value.commitBlock + competition.readableWithinBlocks : 0;
      return submission.ok && until > after && until <= block ? submission.value : [];
    });
    const open = await state.openEpoch();
    // What earlier versions left is not gone on with.
    const ofOpen = open?.timeMs === undefined ? [] : namesOf(readPointers(open, competition));
    await forget(block, new Set([...namesOf(pointers), ...ofOpen]));
    await mapConcurrent(due, PARALLEL_REQUESTS, async (submission) => {
      const { repo, commit } = submission.pointer;
      try {
        if (await datasets.isReadable({ repo, commit, signal })) return;
        late.set(nameOf(lateOf(submission)), lateOf(submission));
        await store();
        logger.debug(
          `uid ${submission.uid}: nobody can read ${repo} in block ${block}, when the time of its pointer is over`,
        );
      } catch (error) {
        if (!isHubFault(error)) throw error;
      }
    });
  }

  /**
   * Forgets what no pointer names any more, nor one of the open epoch. Not at once: an epoch may be about to be drawn from
   * pointers of a block before.
   */
  async function forget(block: number, named: ReadonlySet<string>): Promise<void> {
    let hasChanged = false;
    for (const [name, { goneBlock, ...one }] of late) {
      if (named.has(name) === (goneBlock === undefined)) {
        if (goneBlock === undefined || block < goneBlock + MOST_EPOCHS * competition.blocksPerEpoch) continue;
        late.delete(name);
      } else late.set(name, named.has(name) ? one : { ...one, goneBlock: block });
      hasChanged = true;
    }
    if (hasChanged) await store();
  }

  function store(): Promise<void> {
    return state.putLatePointers({ late: [...late.values()] });
  }
}

function lateOf({ hotkey, pointer: { repo, commit }, commitBlock }: Parameters<IsLate>[0]): LatePointer {
  return { hotkey, repo, commit, commitBlock };
}

function* namesOf(pointers: Map<string, ReadPointer>): Iterable<string> {
  for (const { submission } of pointers.values()) if (submission.ok) yield nameOf(lateOf(submission.value));
}

function nameOf({ hotkey, repo, commit, commitBlock }: LatePointer): string {
  return `${hotkey} ${repo} ${commit} ${commitBlock}`;
}
