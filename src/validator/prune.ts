import { readdir, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { messageOf } from '../errors/flock-off-error.ts';
import type { Metagraph } from '../schema/metagraph.ts';
import { silentLogger } from '../shared/logger.ts';
import { datasetFolder } from './fetch-dataset.ts';
import type { ReadPointer } from './pointers.ts';
import { checkpointFolder } from './score-dataset.ts';
import type { Validator } from './validator.ts';

/**
 * Removes the datasets that no pointer names any more and the checkpoints of the epoch, and forgets what hotkeys have
 * shown that left the subnet. A dataset that cannot be removed is logged and left for the next epoch.
 */
export async function prune(
  { state, cacheDir, logger = silentLogger }: Validator,
  { neurons }: Metagraph,
  pointers: Map<string, ReadPointer>,
): Promise<void> {
  const registered = neurons.map(({ hotkey }) => hotkey);
  const named = registered.flatMap((hotkey) => {
    const submission = pointers.get(hotkey)?.submission;
    return submission?.ok ? submission.value.pointer : [];
  });
  await state.keepOnly({ hotkeys: registered, downloads: named });
  await rm(checkpointFolder(cacheDir), { recursive: true, force: true }).catch(() => {});

  const kept = new Set(named.map(({ repo, commit }) => datasetFolder(cacheDir, repo, commit)));
  for (const folder of await commitFolders(join(cacheDir, 'datasets'))) {
    if (kept.has(folder)) continue;
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) =>
      logger.warn(`${folder} is not needed any more and cannot be removed: ${messageOf(error)}`),
    );
  }
}

/** The folders namespace/name/commit. */
async function commitFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true }).catch(() => []);
  return entries.filter((entry) => entry.split(sep).length === 3).map((entry) => join(root, entry));
}
