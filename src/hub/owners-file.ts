import { type DatasetOwners, MAX_OWNERS_BYTES, OWNERS_FILE, parseDatasetOwners } from '../schema/dataset-owners.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import type { HubDataset } from './fetch-verified.ts';
import { readSmallFile } from './small-file.ts';

/**
 * Whose dataset a repository holds at a commit, `null` where it does not say. One request where there is no such file;
 * where there is one, no more than 64 KiB of it are read, and they are compared with what the Hub lists.
 * @returns the verdict `foreign-dataset` where the file is longer, or no list of owners: nobody it could name is known.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`.
 */
export async function readOwnersFile(dataset: HubDataset): Promise<Checked<DatasetOwners | null>> {
  const bytes = await readSmallFile(dataset, { path: OWNERS_FILE, maxBytes: MAX_OWNERS_BYTES });
  if (bytes === 'missing') return accept(null);
  const refuse = (problem: string) =>
    reject('foreign-dataset', `${OWNERS_FILE} of ${dataset.repo} names nobody whose dataset it is: ${problem}`);
  if (bytes === 'too-large') return refuse(`it has more than ${MAX_OWNERS_BYTES} bytes`);
  const parsed = parseDatasetOwners(bytes.toString());
  return 'problem' in parsed ? refuse(parsed.problem) : accept(parsed.owners);
}
