import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { BestEffort } from '../shared/best-effort.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { writeWhole } from '../shared/incomplete-file.ts';
import { isRunning } from '../shared/is-running.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import { ValidatorSnapshot } from './snapshot.ts';
import type { WatchedValidator } from './validator-watch.ts';

export interface StatusFileParameters {
  /** `status.json` in the validator's data folder, where `flock-off status` looks. */
  path: string;
  watch: WatchedValidator;
  logger?: Logger;
  clock?: Clock;
}

const LOOK_MS = 2_000;
/** A reader takes an older one for that of a process that stands still. */
const REPEAT_MS = 10_000;
const STALE_MS = 60_000;

/**
 * Keeps the snapshot of a running validator in a file, which appears whole: LevelDB lets nobody else look into the state.
 * @example
 * await new StatusFile({ path: '.flock-off/validator/status.json', watch }).run({ signal });
 */
export class StatusFile {
  readonly #parameters: StatusFileParameters;
  readonly #bestEffort: BestEffort;

  constructor(parameters: StatusFileParameters) {
    this.#parameters = parameters;
    const logger = safeLogger(parameters.logger);
    this.#bestEffort = new BestEffort((message) => logger.warn(message));
  }

  /** Writes it when something has changed, every two seconds at most, until the signal aborts, and then once more. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { watch, clock = systemClock } = this.#parameters;
    let changed = true;
    let writtenMs = Number.NEGATIVE_INFINITY;
    const unsubscribe = watch.subscribe(() => {
      changed = true;
    });
    while (!signal.aborted) {
      if (changed || clock.nowMs() - writtenMs >= REPEAT_MS) {
        changed = false;
        writtenMs = clock.nowMs();
        await this.write();
      }
      await clock.sleep({ durationMs: LOOK_MS, signal }).catch(() => {});
    }
    unsubscribe();
    await this.write();
  }

  /** Writes it now; a disk that refuses is warned of once. */
  async write(): Promise<void> {
    const { path, watch } = this.#parameters;
    const text = `${JSON.stringify(watch.snapshot())}\n`;
    await this.#bestEffort.attempt('the status', path, () =>
      writeWhole(path, (incomplete) => writeFile(incomplete, text, { mode: 0o600 })),
    );
  }
}

/**
 * What a {@link StatusFile} was last told; `null` when there is none.
 * @throws FlockOffError `disk` when it cannot be read; `bad-argument` when it holds something else, or a later version wrote it.
 * @example
 * const snapshot = await readStatusFile({ path: '.flock-off/validator/status.json' });
 * if (snapshot) console.log(livenessOf(snapshot, Date.now()), snapshotText(snapshot, Date.now()));
 */
export async function readStatusFile({ path }: { path: string }): Promise<ValidatorSnapshot | null> {
  const text = await onDisk(path, () =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    }),
  );
  if (text === null) return null;
  try {
    return ValidatorSnapshot.parse(JSON.parse(text));
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${path} holds no status that this version of flock-off reads`,
      fix: 'run the version that the validator runs',
      facts: { name: path },
      cause,
    });
  }
}

/** Whether a snapshot is that of a process that runs, has ended, was killed, or has not said anything for a minute. */
export function livenessOf(
  { host, pid, endedMs, atMs }: ValidatorSnapshot,
  nowMs: number,
): 'running' | 'ended' | 'killed' | 'silent' {
  if (endedMs !== null) return 'ended';
  if (host === hostname() && !isRunning(pid)) return 'killed';
  return nowMs - atMs > STALE_MS ? 'silent' : 'running';
}
