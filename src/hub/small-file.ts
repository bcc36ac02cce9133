import { digester, type FileDigest, hasHash } from '../shared/file-digest.ts';
import { type HubDataset, listFile } from './fetch-verified.ts';

export interface ReadSmallFileParameters {
  /** Within the repository. */
  path: string;
  /** No more of it is read. */
  maxBytes: number;
}

/**
 * A file beside the data at a commit, compared with what the Hub lists: one request where there is no such file.
 * @returns `missing`, or `too-large` where it has more bytes than that.
 * @throws FlockOffError `hub-unreachable` (transient), `hub-denied`.
 */
export async function readSmallFile(
  dataset: HubDataset,
  { path, maxBytes }: ReadSmallFileParameters,
): Promise<Buffer | 'missing' | 'too-large'> {
  const { hubUrl, repo, commit, fetch, faultAt } = dataset;
  const url = `${hubUrl}/datasets/${repo}/resolve/${commit}/${path}`;
  const response = await fetch(url, { headers: { 'Accept-Encoding': 'identity' } });
  if (response.status === 404) {
    await response.body?.cancel();
    return 'missing';
  }
  if (!response.ok) throw faultAt(url)(`it answered ${response.status}`);
  const bytes = await readAtMost(response, maxBytes);
  const entry = await listFile(dataset, path);
  if (entry === null) throw faultAt(url)('it serves the file and does not list it');
  if (bytes === null) {
    if (entry.bytes > maxBytes) return 'too-large';
    throw faultAt(url)('it serves more bytes than it lists');
  }
  if (hasHash(digestOf(bytes), entry.hash)) return bytes;
  throw faultAt(url)(`the bytes received are not those of ${path} at commit ${commit}`);
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

/** Whether a commit has files with these very contents, by what the Hub lists. */
export async function hasFiles(
  dataset: HubDataset,
  files: { path: string; content: string | Uint8Array }[],
): Promise<boolean> {
  for (const { path, content } of files) {
    const entry = await listFile(dataset, path);
    if (entry === null || !hasHash(digestOf(Buffer.from(content)), entry.hash)) return false;
  }
  return true;
}

function digestOf(bytes: Buffer): FileDigest {
  const digest = digester(bytes.length);
  digest.update(bytes);
  return digest.digest();
}
