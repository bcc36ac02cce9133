import type { Metagraph } from '../schema/metagraph.ts';
import { datasetFolder, pruneCache } from './dataset-cache.ts';
import { BLOCKS_PER_DAY } from './fetch-dataset.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ReadPointer } from './pointers.ts';
import { cacheOf, fingerprintName, type Validator } from './validator.ts';

/**
 * Removes the datasets that no pointer names any more, the checkpoints of the epoch, and fingerprints that nothing is
 * compared with, and forgets downloads and verdicts on files that no pointer has named for a day.
 */
export async function prune(
  validator: Validator,
  { neurons, block }: Metagraph,
  pointers: Map<string, ReadPointer>,
  ledger: Ledger,
): Promise<void> {
  const named = neurons.flatMap(({ hotkey }) => {
    const submission = pointers.get(hotkey)?.submission;
    return submission?.ok ? submission.value.pointer : [];
  });
  await validator.state.keepSince({ block: block - BLOCKS_PER_DAY, named });
  await validator.state.fingerprints.keepOnly(ledger.entries.flatMap(({ showings }) => showings.map(fingerprintName)));
  const needed = named.map(({ repo, commit }) => datasetFolder(validator.cacheDir, repo, commit));
  await pruneCache(cacheOf(validator), new Set(needed));
}
