import { join } from 'node:path';
import { checkDataset } from '../dataset/check.ts';
import { contamination } from '../dataset/contamination.ts';
import type { Submission } from '../schema/submission.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';
import type { RememberedDataset } from './state.ts';
import type { Validator } from './validator.ts';

/** A submission whose dataset lies checked on this disk; rows are read again when they are trained on. */
export interface FetchedDataset {
  submission: Submission;
  path: string;
  sha256: string;
  rowHashes: string[];
  evaluationRowsSeen: number;
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
  const to = join(validator.cacheDir, 'datasets', ...repo.split('/'), commit, 'data.jsonl');
  const stored = await validator.state.download(repo, commit);
  if (stored === null || stored.sha256 !== (await sha256OfFile(to))) {
    const file = await validator.datasets.download({ repo, commit, to, maxBytes: competition.maxBytes, signal });
    if (!file.ok) return file;
    await validator.state.putDownload(repo, commit, file.value);
  }
  const dataset = await checkDataset({ path: to, competition, signal });
  if (!dataset.ok) return dataset;
  const { sha256, rowHashes } = dataset.value;
  await remember(validator, submission, { sha256, rowHashes });
  const evaluationRowsSeen = contamination(rowHashes, evaluation.rowHashes);
  return accept({ submission, path: to, sha256, rowHashes, evaluationRowsSeen });
}

/** Keeps, per row, the block in which this hotkey first showed it, so that an update does not forfeit its own rows. */
async function remember(
  validator: Validator,
  submission: Submission,
  seen: { sha256: string; rowHashes: string[] },
): Promise<void> {
  const { hotkey, commitBlock, pointer } = submission;
  const before = await validator.state.dataset(hotkey);
  const firstBlocks = new Map(before?.rowHashes.map((hash, i) => [hash, before.rowBlocks[i] ?? before.commitBlock]));
  const dataset: RememberedDataset = {
    repo: pointer.repo,
    commit: pointer.commit,
    commitBlock,
    sha256: seen.sha256,
    rowHashes: seen.rowHashes,
    rowBlocks: seen.rowHashes.map((hash) => Math.min(commitBlock, firstBlocks.get(hash) ?? commitBlock)),
  };
  await validator.state.putDataset(hotkey, dataset);
}
