import { z } from 'zod';
import { isCode } from '../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import type { ReceivedBytes } from '../shared/body-from.ts';
import { CONTENT_HASH, type FileDigest } from '../shared/file-digest.ts';
import { openHubFile } from '../shared/hub-client.ts';
import type { HubFault } from '../shared/hub-refusal.ts';
import type { ReceivedFile } from '../shared/received-file.ts';

/** The one file of a dataset repository. */
export const FILE = 'data.jsonl';

/** A dataset at one commit, on the Hub or on a mirror of it. */
export interface HubDataset {
  hubUrl: string;
  repo: string;
  commit: string;
  /** Sends the token, if any: @huggingface/hub takes tokens of the Hub alone, and mirrors give out others. */
  fetch: typeof fetch;
  /** Makes the error `hub-unreachable` for a URL. */
  faultAt: (url: string) => HubFault;
}

const ListedFile = z
  .object({
    size: z.int().nonnegative(),
    oid: z.string(),
    lfs: z.object({ oid: z.string(), size: z.int().nonnegative() }).optional(),
  })
  .transform(({ size, oid, lfs }) => ({ bytes: lfs?.size ?? size, hash: lfs?.oid ?? oid }))
  .refine(({ hash }) => CONTENT_HASH.test(hash));

/**
 * Streams the file to disk and compares it with the hash that the Hub lists for it at this commit. Only that hash
 * decides: a mirror may leave out or get wrong what headers say of the file. A miner decides what is in the repository,
 * not what the Hub says of it, so where the list and what is served contradict each other, the Hub is at fault.
 * @returns the digest, or the verdict `dataset-missing` or `dataset-too-large`.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`, `disk`.
 */
export async function fetchVerified(
  received: ReceivedFile,
  { maxBytes, ...dataset }: HubDataset & { maxBytes: number },
): Promise<Checked<FileDigest>> {
  const { hubUrl, repo, commit, fetch, faultAt } = dataset;
  const url = `${hubUrl}/datasets/${repo}/resolve/${commit}/${FILE}`;
  const fault = faultAt(url);
  const entry = await listFile(dataset);
  if (entry === null) {
    // Only a second empty list counts: a proxy's must not cost a miner anything.
    const served = await openHubFile({ fetch, url, offset: 0, fault });
    if (served === null) return reject('dataset-missing', `${repo} has no ${FILE} at commit ${commit}`);
    await served.cancel();
    throw fault('it serves the file and does not list it');
  }
  const bytesFrom = async (offset: number) => {
    const served = await openHubFile({ fetch, url, offset, fault });
    if (served === null) throw fault('it lists the file and does not serve it');
    return served;
  };
  if (entry.bytes > maxBytes) {
    if (await reachesBeyond(maxBytes, entry.bytes, bytesFrom))
      return reject('dataset-too-large', `${FILE} has more than the ${maxBytes} bytes allowed`, { maxBytes });
    throw fault(`it lists ${entry.bytes} bytes and serves ${maxBytes} at most`);
  }
  return accept(await received.fill({ ...entry, bytesFrom, fault }));
}

/**
 * What the Hub has under this commit, `null` when it lists no such file. Default: of the dataset itself.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`; what @huggingface/hub throws.
 */
export async function listFile(
  { hubUrl, repo, commit, fetch, faultAt }: HubDataset,
  path = FILE,
): Promise<z.infer<typeof ListedFile> | null> {
  const hub = await import('@huggingface/hub');
  const calls = { repo: { type: 'dataset' as const, name: repo }, hubUrl, fetch };
  const entries = await hub.pathsInfo({ ...calls, paths: [path], revision: commit }).catch((error: unknown) => {
    // The Hub lists nothing where nothing is; a mirror may say it so.
    if (isCode(error, 'hub-denied') && error.facts.errorCode === 'EntryNotFound') return [];
    throw error;
  });
  const file = entries.find((entry) => entry.path === path && entry.type === 'file');
  if (file === undefined) return null;
  const parsed = ListedFile.safeParse(file);
  if (parsed.success) return parsed.data;
  throw faultAt(`${hubUrl}/datasets/${repo}`)(`it lists ${path} at commit ${commit} without its size and hash`);
}

/**
 * Whether a byte comes that is one too many: a listed size is believed no sooner. An answer that does not say where in
 * the file it begins, and has not the length of what is left of it, may be all of a small file: that is read from its
 * beginning.
 */
async function reachesBeyond(
  maxBytes: number,
  listedBytes: number,
  bytesFrom: (offset: number) => Promise<ReceivedBytes>,
): Promise<boolean> {
  let served = await bytesFrom(maxBytes);
  if (!served.isPlaced && served.announced !== listedBytes - maxBytes) {
    await served.cancel();
    served = await bytesFrom(0);
  }
  let reached = served.offset;
  for await (const chunk of served.bytes) {
    reached += chunk.length;
    if (reached > maxBytes) return true;
  }
  return false;
}
