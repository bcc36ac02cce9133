import { createHash } from 'node:crypto';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as z from 'zod';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { DatasetStore } from '../hub/dataset-store.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';
import { unpackRows } from '../validator/ledger/packed.ts';
import type { Board } from './board.ts';
import { evaluationNote } from './names.ts';
import type { Task } from './wire.ts';

const MOST_EVALUATION_BYTES = 256 * 1024 * 1024;
const Note = z.object({ gzip: z.string() });

/**
 * The evaluation set that a task names, from the board.
 * @throws FlockOffError `queue-unreachable` where it is not there, or is another one.
 */
export async function fetchEvaluationRows(board: Board, { evaluation }: Task): Promise<DatasetRow[]> {
  const note = Note.safeParse(await board.get(evaluationNote(evaluation.textSha256)));
  try {
    const text = gunzipSync(Buffer.from(note.data?.gzip ?? '', 'base64'), { maxOutputLength: MOST_EVALUATION_BYTES });
    if (createHash('sha256').update(text).digest('hex') === evaluation.textSha256) return JSON.parse(text.toString());
  } catch {
    // told below
  }
  throw new FlockOffError({
    code: 'queue-unreachable',
    what: 'the evaluation set of the job is not in the queue, or is another one',
    fix: 'the validator puts it there again',
    facts: { url: 'evaluation' },
    transient: true,
  });
}

export interface FetchTaskParameters {
  datasets: Pick<DatasetStore, 'download'>;
  cacheDir: string;
  signal?: AbortSignal;
}

/**
 * The dataset of a task on this disk: of a pinned commit, and with the hash that the validator saw.
 * @throws FlockOffError `hub-unreachable` (transient) where the Hub does not give that file; `hub-denied`, `disk`.
 */
export async function fetchTaskDataset(
  { dataset, competition }: Task & { dataset: NonNullable<Task['dataset']> },
  { datasets, cacheDir, signal }: FetchTaskParameters,
): Promise<{ path: string; keep: Uint32Array }> {
  const { repo, commit, sha256, rows } = dataset;
  const folder = join(datasetsFolder(cacheDir), sha256);
  const path = join(folder, 'data.jsonl');
  const keep = unpackRows(dataset.keep, rows);
  await onDisk(folder, () => makeFolder(folder));
  if ((await sha256OfFile(path).catch(() => null)) !== sha256) {
    const to = join(folder, 'arriving.jsonl');
    const file = await datasets.download({ repo, commit, to, maxBytes: competition.maxBytes, signal });
    if (!file.ok) throw notThere(repo, commit, file.verdict.message);
    if (file.value.sha256 !== sha256) {
      await rm(to, { force: true });
      throw notThere(repo, commit, `it gives a file with hash ${file.value.sha256}, and the validator has ${sha256}`);
    }
    await onDisk(path, () => rename(to, path));
  }
  const now = new Date();
  await utimes(folder, now, now).catch(() => {});
  return { path, keep };
}

/** Removes datasets and interrupted runs that were not used for so long. */
export async function pruneWorkerCache(cacheDir: string, olderThanMs: number): Promise<void> {
  for (const folder of [datasetsFolder(cacheDir), checkpointsFolder(cacheDir)])
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const seen = await stat(path).catch(() => null);
      if (seen && Date.now() - seen.mtimeMs > olderThanMs)
        await rm(path, { recursive: true, force: true }).catch(() => {});
    }
}

const datasetsFolder = (cacheDir: string) => join(cacheDir, 'worker', 'datasets');

export const checkpointsFolder = (cacheDir: string) => join(cacheDir, 'worker', 'checkpoints');

function notThere(repo: string, commit: string, why: string): FlockOffError {
  return new FlockOffError({
    code: 'hub-unreachable',
    what: `the Hub does not give this worker ${repo} at ${commit}: ${why.replace(/\.$/, '')}`,
    fix: 'it is tried again, by others too',
    facts: { url: `/datasets/${repo}` },
    transient: true,
  });
}
