import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { FlockOffError, isCode, messageOf } from '../../errors/flock-off-error.ts';
import type { OthersRow } from './judged-showing.ts';
import type { RepeatedRow } from './repeated-rows.ts';
import type { Batch, FoundInShowing } from './search.ts';
import { type AnsweredShowing, type FromSearch, type SearchTask, unpackFindings } from './search-messages.ts';
import type { Showing } from './showings.ts';

export interface FindOthersRowsParameters {
  showings: readonly Showing[];
  /** Fingerprint of the evaluation set; `null` for none. */
  evaluation: Uint8Array | null;
  /** `leave-out`: its content is reported whoever shows it. `allow`: its content is nobody's. */
  evaluationRows: 'leave-out' | 'allow';
  /**
   * MiB of objects that the search may hold. Tables and fingerprints, which are most of a search, are bounded by how much it
   * judges at once. Default: 512.
   */
  maxHeapMib?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface FoundRows {
  /** By the index of each judged showing: rows that are another's, in order. */
  others: Map<number, OthersRow[]>;
  /** By the index of each judged showing: repeated rows, in order. */
  repeats: Map<number, RepeatedRow[]>;
  /** Indices of showings whose fingerprint is of another version or damaged: they claim nothing and are not judged. */
  unreadable: number[];
}

/**
 * Finds rows of the judged showings whose content another owner showed before this one did, while his claim on it stood,
 * and rows of the evaluation set. Whatever an owner has shown himself, in any showing, counts from then on for himself.
 *
 * The search runs in a thread of its own, which ends with the signal. It takes about 600 MiB for 32 datasets of 20,000 rows;
 * about 64 are judged at once, however many there are; a quarter of those, and so on, where they were made to take more.
 *
 * @throws FlockOffError `bad-argument` when a fingerprint has other rows than `shownAt`, or that of the evaluation set cannot
 * be read; `disk` when a file cannot be read; `checker-failed` when the thread ended, such as for want of memory; whatever
 * `signal` was aborted with, and what reading a fingerprint throws.
 * @example
 * const showing = (owner: string, rows: DatasetRow[], block: number) => ({
 *   owner,
 *   fingerprint: fingerprintRows(rows),
 *   shownAt: new Float64Array(rows.length).fill(block * 65_536),
 *   claimedUntil: Number.POSITIVE_INFINITY,
 *   judged: true,
 * });
 * const { others } = await findOthersRows({
 *   showings: [showing('ann', annsRows, 10), showing('ben', bensRows, 20)],
 *   evaluation: null,
 *   evaluationRows: 'allow',
 * });
 * console.log(others.get(1)); // the rows of ben that ann showed first
 */
export async function findOthersRows(parameters: FindOthersRowsParameters): Promise<FoundRows> {
  for (let wordsAtOnce: number | undefined; ; ) {
    let last: Batch = { datasets: 0, words: 0 };
    try {
      return await search(parameters, wordsAtOnce, (batch) => {
        last = batch;
      });
    } catch (error) {
      const isTooMuch = isCode(error, 'checker-failed') && isOutOfMemory(error.cause) && last.datasets > 1;
      if (!isTooMuch) throw error;
      wordsAtOnce = Math.max(1, Math.floor(Math.min(wordsAtOnce ?? last.words, last.words) / 4));
    }
  }
}

/** @param wordsAtOnce how much is judged together, as in the thread. */
async function search(
  { showings, evaluation, evaluationRows, maxHeapMib = 512, signal }: FindOthersRowsParameters,
  wordsAtOnce: number | undefined,
  onBatch: (batch: Batch) => void,
): Promise<FoundRows> {
  signal?.throwIfAborted();
  const workerData: SearchTask = { showings: showings.length, evaluation, evaluationRows, wordsAtOnce };
  const resourceLimits = { maxOldGenerationSizeMb: maxHeapMib };
  const thread = startThread({ workerData, resourceLimits });
  let stop = () => {};
  try {
    return await new Promise<FoundRows>((resolve, reject) => {
      stop = () => reject(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
      thread.once('error', (error) => reject(threadFailed(messageOf(error), error)));
      thread.once('exit', (code) => reject(threadFailed(`it ended with code ${code}`)));
      const found: FoundInShowing[] = [];
      thread.on('message', (message: FromSearch) => {
        if (message.kind === 'judging') onBatch(message.batch);
        else if (message.kind === 'judged') found.push(unpackFindings(message.found));
        else if (message.kind === 'done') resolve({ ...byShowing(found), unreadable: message.unreadable });
        else if (message.kind === 'failed') reject(new FlockOffError(message.error));
        else answer(thread, message, showings[message.index]!).catch(reject);
      });
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    thread.removeAllListeners();
    // What it still fails with is not asked for any more.
    thread.on('error', () => {});
    await thread.terminate();
  }
}

function byShowing(found: FoundInShowing[]): Pick<FoundRows, 'others' | 'repeats'> {
  found.sort((a, b) => a.index - b.index);
  return {
    others: new Map(found.map(({ index, others }) => [index, others])),
    repeats: new Map(found.map(({ index, repeats }) => [index, repeats])),
  };
}

/** What is sent is a copy. */
async function answer(thread: Worker, { kind }: FromSearch, showing: Showing): Promise<void> {
  const { owner, fingerprint, claimedUntil, judged } = showing;
  if (kind === 'ask-fingerprint') {
    const bytes = new Uint8Array(await bytesOf(fingerprint));
    thread.postMessage(bytes, [bytes.buffer]);
    return;
  }
  const [shownAt, own] = [showing.shownAt.slice(), showing.own?.slice()];
  const file = typeof fingerprint === 'object' && 'file' in fingerprint ? fingerprint.file : null;
  thread.postMessage({ owner, shownAt, claimedUntil, own, judged, file } satisfies AnsweredShowing, [shownAt.buffer]);
}

function bytesOf(fingerprint: Showing['fingerprint']): Uint8Array | Promise<Uint8Array> {
  if (typeof fingerprint === 'function') return fingerprint();
  return fingerprint instanceof Uint8Array ? fingerprint : new Uint8Array(0);
}

function isOutOfMemory(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

function threadFailed(why: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'checker-failed',
    what: `the thread that compares datasets failed: ${why}`,
    fix: 'the next call starts another; free memory of this machine if that goes on',
    transient: true,
    cause,
  });
}

/** From the file beside this one, as it is built or as it is written. */
function startThread(options: WorkerOptions): Worker {
  const all: WorkerOptions = { ...options, execArgv: [], env: {} };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./search-main.js', import.meta.url), all);
  // A thread does not inherit what runs TypeScript here.
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const [register, file] = [new URL('./esm/api/index.mjs', loader), new URL('./search-main.ts', import.meta.url)];
  const start = `import('${register}').then(({ register }) => { register(); return import('${file}'); })`;
  return new Worker(start, { ...all, eval: true });
}
