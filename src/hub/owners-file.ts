import { createHash } from 'node:crypto';
import { type DatasetOwners, MAX_OWNERS_BYTES, OWNERS_FILE, parseDatasetOwners } from '../schema/dataset-owners.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { hasHash } from '../shared/file-digest.ts';
import { type HubDataset, listFile } from './fetch-verified.ts';

/**
 * Whose dataset a repository holds at a commit, `null` where it does not say. One request where there is no such file;
 * where there is one, no more than 64 KiB of it are read, and they are compared with what the Hub lists.
 * @returns the verdict `foreign-dataset` where the file is longer, or no list of owners: nobody it could name is known.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`.
 */
export async function readOwnersFile(dataset: HubDataset): Promise<Checked<DatasetOwners | null>> {
  const { hubUrl, repo, commit, fetch, faultAt } = dataset;
  const url = `${hubUrl}/datasets/${repo}/resolve/${commit}/${OWNERS_FILE}`;
  const response = await fetch(url, { headers: { 'Accept-Encoding': 'identity' } });
  if (response.status === 404) {
    await response.body?.cancel();
    return accept(null);
  }
  if (!response.ok) throw faultAt(url)(`it answered ${response.status}`);
  const bytes = await readAtMost(response, MAX_OWNERS_BYTES);
  const entry = await listFile(dataset, OWNERS_FILE);
  if (entry === null) throw faultAt(url)('it serves the file and does not list it');
  const refuse = (problem: string) =>
    reject('foreign-dataset', `${OWNERS_FILE} of ${repo} names nobody whose dataset it is: ${problem}`);
  if (bytes === null) {
    if (entry.bytes > MAX_OWNERS_BYTES) return refuse(`it has more than ${MAX_OWNERS_BYTES} bytes`);
    throw faultAt(url)('it serves more bytes than it lists');
  }
  if (!hasHash(digestOf(bytes), entry.hash))
    throw faultAt(url)(`the bytes received are not those of ${OWNERS_FILE} at commit ${commit}`);
  const parsed = parseDatasetOwners(bytes.toString());
  return 'problem' in parsed ? refuse(parsed.problem) : accept(parsed.owners);
}

/** The body, `null` where it is longer. */
async function readAtMost(response: Response, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop ends the request.
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function digestOf(bytes: Buffer) {
  const gitBlobId = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), gitBlobId };
}
