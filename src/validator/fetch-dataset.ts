import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDataset } from '../dataset/check.ts';
import { contamination } from '../dataset/contamination.ts';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';
import { timed } from '../shared/timed.ts';
import { datasetFolder, markUsed } from './dataset-cache.ts';
import type { ReadPointer } from './pointers.ts';
import { postponeOnFault } from './postpone.ts';
import type { RememberedDataset } from './state-store.ts';
import { cacheOf, type Validator } from './validator.ts';

/** A submission whose dataset lies checked on this disk; rows are read again when they are trained on. */
export interface FetchedDataset {
  submission: Submission;
  path: string;
  sha256: string;
  rowHashes: string[];
  evaluationRowsSeen: number;
  /** True when the Hub sent it now, false when it was on this disk. */
  downloaded: boolean;
}

/**
 * Downloads the dataset of a submission at its pinned commit, unless this disk has it, and checks it.
 * A pinned commit never changes, so a repository deleted after its first download is still scored.
 * @throws FlockOffError for faults of the hub or the disk.
 */
export async function fetchDataset(
  validator: Validator,
  submission: Submission,
  signal?: AbortSignal,
): Promise<Checked<FetchedDataset>> {
  const { repo, commit } = submission.pointer;
  validator.onEvent?.({ kind: 'fetching', uid: submission.uid, repo });
  const { competition, evaluation } = validator;
  const logger = safeLogger(validator.logger);
  const file = await keepOnDisk(validator, submission, signal);
  if (!file.ok) return file;
  const { path, downloaded } = file.value;
  if (!downloaded) logger.debug(`uid ${submission.uid}: ${repo} at ${commit} is on this disk already`);
  const checking = () => checkDataset({ path, competition, signal });
  const dataset = await timed(logger, `uid ${submission.uid}: checking ${path}`, checking);
  if (!dataset.ok) return dataset;
  const { sha256, rowHashes } = dataset.value;
  await remember(validator, submission, { sha256, rowHashes });
  const evaluationRowsSeen = contamination(rowHashes, evaluation.rowHashes);
  return accept({ submission, path, sha256, rowHashes, evaluationRowsSeen, downloaded });
}

/**
 * Downloads the dataset of a submission unless it lies on this disk as it came, and keeps other validators that share the
 * cache from removing it.
 * @throws FlockOffError for faults of the hub or the disk.
 */
export async function keepOnDisk(
  validator: Validator,
  { pointer: { repo, commit } }: Submission,
  signal?: AbortSignal,
): Promise<Checked<{ path: string; downloaded: boolean }>> {
  const { state, datasets, competition } = validator;
  const folder = datasetFolder(validator.cacheDir, repo, commit);
  const path = join(folder, 'data.jsonl');
  await onDisk(folder, () => markUsed(folder, cacheOf(validator)));
  const stored = await state.download({ repo, commit });
  if (stored !== null && stored.sha256 === (await onDisk(path, () => sha256OfFile(path))))
    return accept({ path, downloaded: false });
  // A file that is there may be another validator's, and good: it stays until this one is complete.
  // Its name is this validator's own and stays the same, so that a restart goes on with what has arrived.
  const to = join(folder, `data-of-${state.id}.jsonl`);
  const file = await datasets.download({ repo, commit, to, maxBytes: competition.maxBytes, signal });
  if (!file.ok) return file;
  await onDisk(path, () => rename(to, path));
  await state.putDownload({ repo, commit, sha256: file.value.sha256 });
  return accept({ path, downloaded: true });
}

/**
 * All that everybody has shown so far, by hotkey. Reads also the datasets of miners that were not drawn, once for each
 * pointer: whoever shows rows first must be known before a copy of them is judged. What cannot be read now is left for
 * the next epoch.
 */
export async function rememberOthers(
  validator: Validator,
  { hotkeys }: { hotkeys: string[] },
  pointers: Map<string, ReadPointer>,
  signal?: AbortSignal,
): Promise<Map<string, RememberedDataset[]>> {
  const drawn = new Set(hotkeys);
  const shown = new Map<string, RememberedDataset[]>();
  for (const { hotkey, submission } of pointers.values()) {
    const known = await validator.state.datasets(hotkey);
    shown.set(hotkey, known);
    if (drawn.has(hotkey) || !submission.ok || isOf(submission.value, known[0])) continue;
    const fetched = await postponeOnFault(() => fetchDataset(validator, submission.value, signal));
    if (fetched.kind === 'ready') shown.set(hotkey, await validator.state.datasets(hotkey));
  }
  return shown;
}

/** Whether this is the dataset that the submission points to. */
export function isOf({ pointer }: Submission, dataset: RememberedDataset | undefined): boolean {
  return dataset?.repo === pointer.repo && dataset.commit === pointer.commit;
}

/** Datasets remembered of a hotkey besides its latest. */
const MOST_EARLIER = 8;

/**
 * Keeps, per row, the block in which this hotkey first showed it, so that an update does not forfeit its own rows, and
 * its earlier datasets as far as there is room, so that it does not clear who copied one of them.
 */
async function remember(
  validator: Validator,
  { hotkey, commitBlock, pointer }: Submission,
  { sha256, rowHashes }: { sha256: string; rowHashes: string[] },
): Promise<void> {
  const { repo, commit } = pointer;
  const shown = await validator.state.datasets(hotkey);
  const firstBlocks = new Map<string, number>();
  for (const { rowHashes, rowBlocks } of shown)
    rowHashes.forEach((hash, i) => {
      firstBlocks.set(hash, Math.min(rowBlocks[i]!, firstBlocks.get(hash) ?? Number.POSITIVE_INFINITY));
    });
  const rowBlocks = rowHashes.map((hash) => Math.min(commitBlock, firstBlocks.get(hash) ?? commitBlock));
  const earlier = shown.filter((dataset) => dataset.repo !== repo || dataset.commit !== commit);
  await validator.state.putDatasets({
    hotkey,
    datasets: [
      { repo, commit, commitBlock, sha256, rowHashes, rowBlocks },
      ...withinRows(earlier.slice(0, MOST_EARLIER), validator.competition.maxRows),
    ],
  });
}

/** As many of the datasets, from the first on, as have no more rows than that in all. */
function withinRows(datasets: RememberedDataset[], maxRows: number): RememberedDataset[] {
  let rows = 0;
  return datasets.filter(({ rowHashes }) => {
    rows += rowHashes.length;
    return rows <= maxRows;
  });
}
