import type { Metagraph } from '../schema/metagraph.ts';
import { datasetFolder, pruneCache } from './dataset-cache.ts';
import type { ReadPointer } from './pointers.ts';
import { cacheOf, type Validator } from './validator.ts';

/**
 * Removes the datasets that no pointer names any more and the checkpoints of the epoch, and forgets what hotkeys have
 * shown that left the subnet.
 */
export async function prune(
  validator: Validator,
  { neurons }: Metagraph,
  pointers: Map<string, ReadPointer>,
): Promise<void> {
  const registered = neurons.map(({ hotkey }) => hotkey);
  const named = registered.flatMap((hotkey) => {
    const submission = pointers.get(hotkey)?.submission;
    return submission?.ok ? submission.value.pointer : [];
  });
  await validator.state.keepOnly({ hotkeys: registered, downloads: named });
  const needed = named.map(({ repo, commit }) => datasetFolder(validator.cacheDir, repo, commit));
  await pruneCache(cacheOf(validator), new Set(needed));
}
