import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Snapshot } from '../chain/node/snapshot.ts';
import { timeOfRound } from '../chain/timelock/drand.ts';
import { firstPulse } from '../chain/timelock/pulse-source.ts';
import { type PulseReading, readPulse } from '../chain/timelock/read-pulse.ts';
import { messageOf } from '../errors/flock-off-error.ts';
import type { Announcement } from '../evaluation-sets/announcement.ts';
import { LIST_PATH, lineHash, linesOf, MOST_LIST_BYTES, type SetEntry } from '../evaluation-sets/list.ts';
import { type LockedPart, lockedPath, type PartFault } from '../evaluation-sets/locked-file.ts';
import type { OpenedSet } from '../evaluation-sets/open-set.ts';
import { beaconOf } from '../evaluation-sets/schedule.ts';
import type { EvaluationSetStore } from '../hub/evaluation-set-store.ts';
import type { EvaluationSetsRule } from '../schema/evaluation-sets.ts';
import { systemClock } from '../shared/clock.ts';
import { writeWhole } from '../shared/incomplete-file.ts';
import { safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import { isTransientError } from '../shared/retry.ts';
import type { Validator } from './validator.ts';

export interface SetReaderParameters {
  validator: Pick<Validator, 'cacheDir' | 'subtensor' | 'pulseSources' | 'clock' | 'logger' | 'onEvent'>;
  rule: EvaluationSetsRule;
  store: Pick<EvaluationSetStore, 'read'>;
  signal?: AbortSignal;
}

interface FileOfList {
  commit: string;
  /** Within the repository. */
  path: string;
  maxBytes: number;
}

/** Blocks until a file that is not there is looked for again. */
const LOOK_AGAIN_BLOCKS = 5;
const MOST_WAIT_BLOCKS = 25;
/** A chain that has not stored a round so long after it was out is late with it. */
const LATE_MS = 60_000;
const DAY_MS = 86_400_000;
const KEPT_MS = 8 * DAY_MS;

/**
 * Gets what opens an evaluation set: files of the Hub, kept on disk, and pulses of the chain. Times are the chain's, so that
 * validators whose clocks differ wait equally long.
 */
export class SetReader {
  readonly rule: EvaluationSetsRule;
  readonly signal: AbortSignal | undefined;
  readonly #validator: SetReaderParameters['validator'];
  readonly #store: SetReaderParameters['store'];
  readonly #folder: string;

  constructor({ validator, rule, store, signal }: SetReaderParameters) {
    this.rule = rule;
    this.signal = signal;
    this.#validator = validator;
    this.#store = store;
    this.#folder = join(validator.cacheDir, 'evaluation-sets');
  }

  /**
   * The beacon's signature of a round, verified, once the chain or another source has it, and kept: the chain forgets it.
   * `null` where the chain has none at that time, or the block after, and has later ones, and no other source has it; while
   * one of those cannot be reached, or the chain stands still, there is a day to bring it, so that who looks first and who
   * looks last see the same.
   */
  async pulse(round: number, untilMs: number): Promise<Uint8Array | null> {
    const beacon = beaconOf(this.rule);
    const { publicKey, periodSeconds } = beacon;
    const { verifyPulse } = await import('../chain/timelock/pulse.ts');
    const name = `${round}.pulse`;
    const kept = await this.#kept(name);
    if (kept !== null && verifyPulse({ round, signature: kept, publicKey })) return kept;
    const lateMs = Math.min(untilMs, timeOfRound(beacon, round) + LATE_MS);
    for (;;) {
      const { signature: stored, ...now } = await this.#look(round);
      const isStored = stored !== null && verifyPulse({ round, signature: stored, publicKey });
      const elsewhere = !isStored && now.timeMs > lateMs ? await this.#elsewhere(round) : null;
      const signature = isStored ? stored : elsewhere;
      if (signature instanceof Uint8Array) {
        await this.#write(name, signature);
        return signature;
      }
      const isPassedOver = now.lastStoredRound >= round && elsewhere !== 'unknown';
      if (now.timeMs > untilMs && (isPassedOver || now.timeMs > untilMs + DAY_MS)) return null;
      const waitMs = 1000 * periodSeconds * (round - now.lastStoredRound);
      // Servers of others are not asked in each block.
      const leastBlocks = now.timeMs > lateMs ? LOOK_AGAIN_BLOCKS : 1;
      await this.#wait(now.block, Math.max(leastBlocks, Math.ceil(waitMs / now.blockTimeMs)));
    }
  }

  /** What other sources than the chain have of a round, verified; `unknown` while they cannot be reached. */
  async #elsewhere(round: number): Promise<Uint8Array | null | 'unknown'> {
    const { pulseSources: sources = [], logger } = this.#validator;
    const asked = { sources, round, beacon: beaconOf(this.rule), signal: this.signal };
    return firstPulse(asked).catch((error: unknown) => {
      if (this.signal?.aborted || !isTransientError(error)) throw error;
      safeLogger(logger).warn(`the chain is late with drand round ${round}: ${messageOf(error)}`);
      return 'unknown' as const;
    });
  }

  /**
   * Keeps what is there now of the files of an entry, each by itself: what a validator has by then, nobody can take away.
   * Says nothing of what is not.
   */
  async fetchAhead({ parts }: Pick<SetEntry, 'parts'>, commit: string): Promise<void> {
    for (const part of parts) {
      if ((await this.#keptPart(part)) !== null) continue;
      const file = await this.#read(fileOf(part, commit)).catch((error: unknown) => this.#ignore(error));
      if (file instanceof Buffer) await this.#write(`${part.sha256}.locked`, file);
    }
  }

  /**
   * The locked files of an entry; of one that is not there, it is asked again until a time of the chain. One that the Hub does
   * not give out for a day more is `withheld`, while it gives out the list at the same commit.
   * @throws FlockOffError `hub-unreachable` (transient) before, and while it does not.
   */
  async files(
    { parts }: Pick<SetEntry, 'parts'>,
    { commit, untilMs }: { commit: string; untilMs: number },
  ): Promise<(Buffer | PartFault)[]> {
    const files: (Buffer | PartFault)[] = [];
    for (const part of parts) files.push(await this.#part(part, commit, untilMs));
    return files;
  }

  /**
   * The lines of the list that the chain names, kept once they end with the line that it names: each names the one before.
   * `withheld` or `changed` as of a part.
   */
  async list({ commit, head }: Announcement, untilMs: number): Promise<string[] | 'withheld' | 'changed'> {
    const name = `${head}.list`;
    const isNamed = (lines: string[]) => lines.length > 0 && lineHash(lines.at(-1)!) === head;
    const kept = linesOf(String((await this.#kept(name)) ?? ''));
    if (isNamed(kept)) return kept;
    const file = await this.#file({ commit, path: LIST_PATH, maxBytes: MOST_LIST_BYTES }, untilMs);
    if (typeof file === 'string') return file;
    const lines = linesOf(file.toString('utf8'));
    if (isNamed(lines)) await this.#write(name, file);
    return lines;
  }

  async #file({ commit, path, maxBytes }: FileOfList, untilMs: number): Promise<Buffer | 'withheld' | 'changed'> {
    for (;;) {
      let fault: unknown = null;
      const read = await this.#read({ commit, path, maxBytes }).catch((error: unknown) => {
        fault = error;
        return this.#ignore(error);
      });
      if (read === 'too-large') return 'changed';
      if (read instanceof Buffer) return read;
      const { block, timeMs } = await this.#look(this.rule.firstRound);
      if (read === 'missing' && timeMs > untilMs) return 'withheld';
      if (read === null) {
        // A hub that is down has no deadline; one that gives out the list beside the file is not down.
        if (path === LIST_PATH || timeMs <= untilMs + DAY_MS || !(await this.#hasList(commit))) throw fault;
        return 'withheld';
      }
      await this.#wait(block, LOOK_AGAIN_BLOCKS);
    }
  }

  async #hasList(commit: string): Promise<boolean> {
    const list = await this.#read({ commit, path: LIST_PATH, maxBytes: MOST_LIST_BYTES }).catch((error: unknown) =>
      this.#ignore(error),
    );
    return list instanceof Buffer;
  }

  #read(file: FileOfList): Promise<Buffer | 'missing' | 'too-large'> {
    return this.#store.read({ repo: this.rule.repo, ...file, signal: this.signal });
  }

  /** Of what may be different when it is asked again. */
  #ignore(error: unknown): null {
    if (this.signal?.aborted || !isTransientError(error)) throw error;
    return null;
  }

  /** Writes the rows as they were opened, for whoever trains again, and removes the sets of other weeks. */
  async keep({ evaluation, data }: OpenedSet): Promise<void> {
    await this.#write(`${evaluation.sha256}.jsonl`, data);
    const { clock = systemClock } = this.#validator;
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name);
      const writtenMs = (await stat(path).catch(() => null))?.mtimeMs ?? Number.POSITIVE_INFINITY;
      if (writtenMs < clock.nowMs() - KEPT_MS) await rm(path, { force: true }).catch(() => {});
    }
  }

  async #part(part: LockedPart, commit: string, untilMs: number): Promise<Buffer | PartFault> {
    const kept = await this.#keptPart(part);
    if (kept !== null) return kept;
    const file = await this.#file(fileOf(part, commit), untilMs);
    if (typeof file !== 'string') await this.#write(`${part.sha256}.locked`, file);
    return file;
  }

  async #keptPart({ sha256 }: LockedPart): Promise<Buffer | null> {
    const kept = await this.#kept(`${sha256}.locked`);
    return kept !== null && createHash('sha256').update(kept).digest('hex') === sha256 ? kept : null;
  }

  #kept(name: string): Promise<Buffer | null> {
    return readFile(join(this.#folder, name)).catch(() => null);
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#folder, name);
    await onDisk(path, () => writeWhole(path, (incomplete) => writeFile(incomplete, bytes)));
  }

  #look(round: number): Promise<PulseReading> {
    const use = (snapshot: Snapshot) => readPulse(snapshot, round);
    return this.#validator.subtensor.read({ what: `looking for drand round ${round}`, use, signal: this.signal });
  }

  async #wait(block: number, blocks: number): Promise<void> {
    const { subtensor, onEvent } = this.#validator;
    // In steps, so that whoever watches sees that it goes on.
    const untilBlock = block + Math.min(MOST_WAIT_BLOCKS, Math.max(1, blocks));
    onEvent?.({ kind: 'opening', block, untilBlock });
    await subtensor.waitForBlock({ block: untilBlock, signal: this.signal });
  }
}

function fileOf({ sha256, bytes }: LockedPart, commit: string): FileOfList {
  return { commit, path: lockedPath(sha256), maxBytes: bytes };
}
