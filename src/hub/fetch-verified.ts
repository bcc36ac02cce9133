import { z } from 'zod';
import { isCode } from '../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { bodyFrom, headersFrom, type ReceivedBytes } from '../shared/body-from.ts';
import { type FileDigest, sameContent } from '../shared/file-digest.ts';
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
  /** Makes the error of what was asked for at a URL. */
  faultAt: (url: string) => HubFault;
}

const ListedFile = z.object({
  size: z.int().nonnegative(),
  oid: z.string(),
  lfs: z.object({ oid: z.string(), size: z.int().nonnegative() }).optional(),
});

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
  const { hubUrl, repo, commit, faultAt } = dataset;
  const url = `${hubUrl}/datasets/${repo}/resolve/${commit}/${FILE}`;
  const entry = await listFile(dataset);
  if (entry === null) {
    // Said twice, or it is not true: a proxy's empty list costs no miner anything.
    if ((await requestFrom(dataset, url, 0)) === null)
      return reject('dataset-missing', `${repo} has no ${FILE} at commit ${commit}`);
    throw faultAt(url)('it serves the file and does not list it');
  }
  const bytesFrom = async (offset: number) => {
    const served = await requestFrom(dataset, url, offset);
    if (served === null) throw faultAt(url)('it lists the file and does not serve it');
    return served;
  };
  const bytes = entry.lfs?.size ?? entry.size;
  if (bytes > maxBytes) {
    if (await reachesBeyond(maxBytes, await bytesFrom(maxBytes)))
      return reject('dataset-too-large', `${FILE} has more than the ${maxBytes} bytes allowed`, { maxBytes });
    throw faultAt(url)(`it lists ${bytes} bytes and serves ${maxBytes} at most`);
  }
  const digest = await received.fill({ bytes, bytesFrom });
  if (sameContent(entry, digest)) return accept(digest);
  received.discard();
  throw faultAt(url)(`the bytes received are not those of ${FILE} at commit ${commit}`);
}

/**
 * What the Hub has under this commit, `null` when it lists no such file.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`; what @huggingface/hub throws.
 */
export async function listFile({
  hubUrl,
  repo,
  commit,
  fetch,
  faultAt,
}: HubDataset): Promise<z.infer<typeof ListedFile> | null> {
  const hub = await import('@huggingface/hub');
  const calls = { repo: { type: 'dataset' as const, name: repo }, hubUrl, fetch };
  const entries = await hub.pathsInfo({ ...calls, paths: [FILE], revision: commit }).catch((error: unknown) => {
    // The Hub lists nothing where nothing is; a mirror may say it so.
    if (isCode(error, 'hub-denied') && error.facts.errorCode === 'EntryNotFound') return [];
    throw error;
  });
  const file = entries.find(({ path, type }) => path === FILE && type === 'file');
  if (file === undefined) return null;
  const parsed = ListedFile.safeParse(file);
  if (parsed.success) return parsed.data;
  throw faultAt(`${hubUrl}/datasets/${repo}`)(`it lists ${FILE} at commit ${commit} without its size and hash`);
}

/** The bytes of a file from `offset` on, `null` where there is no such file. */
async function requestFrom({ fetch, faultAt }: HubDataset, url: string, offset: number): Promise<ReceivedBytes | null> {
  const response = await fetch(url, { headers: headersFrom(offset) });
  if (response.ok) return bodyFrom(response, offset);
  await response.body?.cancel();
  if (response.status === 404) return null;
  throw faultAt(url)(`it answered ${response.status}`);
}

/** Whether a byte comes that is one too many: a listed size is believed no sooner. */
async function reachesBeyond(maxBytes: number, { offset, bytes }: ReceivedBytes): Promise<boolean> {
  let reached = offset;
  for await (const chunk of bytes) {
    reached += chunk.length;
    if (reached > maxBytes) return true;
  }
  return false;
}
