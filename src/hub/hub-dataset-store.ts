import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { type Logger, silentLogger } from '../shared/logger.ts';
import { retry } from '../shared/retry.ts';
import type {
  DatasetStore,
  DownloadDatasetParameters,
  StoredFile,
  UploadDatasetParameters,
  UploadedDataset,
} from './dataset-store.ts';
import { digester, digestFile, type FileDigest, sameContent } from './file-digest.ts';
import { hubFetch, unreachable } from './hub-fetch.ts';

export interface CreateHubDatasetStoreParameters {
  /** Default `https://huggingface.co`. */
  endpoint?: string;
  /** `hf_...`; needed to upload, and raises the rate limits of downloads. */
  token?: string;
  /** Longest silence of the Hub. Default 30 s. */
  stallTimeoutMs?: number;
  /** Longest time to send one file. Default 15 minutes. */
  uploadTimeoutMs?: number;
  /** Attempts of one request. Default 5. */
  attempts?: number;
  fetch?: typeof fetch;
  clock?: Clock;
  logger?: Logger;
}

const FILE = 'data.jsonl';
const COMMIT_SHA = /^[0-9a-f]{40}$/;

/** Datasets on the Hugging Face Hub, through @huggingface/hub. */
export function createHubDatasetStore(parameters: CreateHubDatasetStoreParameters = {}): DatasetStore {
  const { token, stallTimeoutMs = 30_000, uploadTimeoutMs = 900_000, attempts = 5 } = parameters;
  const { clock = systemClock, logger = silentLogger } = parameters;
  const hubUrl = (parameters.endpoint ?? 'https://huggingface.co').replace(/\/+$/, '');
  const baseFetch = parameters.fetch ?? fetch;

  /** What every call to @huggingface/hub takes. */
  function options(repo: string, signal?: AbortSignal) {
    const wrapped = hubFetch({ fetch: baseFetch, clock, stallTimeoutMs, uploadTimeoutMs, attempts, signal });
    return { repo: { type: 'dataset' as const, name: repo }, hubUrl, accessToken: token, fetch: wrapped };
  }
  const withRetries = { attempts, baseDelayMs: 500, maxDelayMs: 30_000, clock };

  async function upload({ repo, path, signal }: UploadDatasetParameters): Promise<UploadedDataset> {
    signal?.throwIfAborted();
    const accessToken = requireToken(token);
    const digest = await digestOf(path);
    const hub = await import('@huggingface/hub');
    const calls = { ...options(repo, signal), accessToken };
    const push = async () => {
      const existing = await commitWith(repo, digest, signal);
      if (existing) return existing;
      const pushed = await hub.uploadFile({
        ...calls,
        file: { path: FILE, content: pathToFileURL(path) },
        commitTitle: 'Update the dataset',
        abortSignal: signal,
      });
      return pushed?.commit.oid ?? '';
    };
    await hub.createRepo(calls).catch((error: unknown) => {
      if ((error as { statusCode?: number }).statusCode !== 409) throw error;
    });
    // A lost answer may hide a commit that landed: every attempt looks for it first.
    const commit = await retry(push, { ...withRetries, signal });
    await verifyUpload(repo, commit, digest, signal);
    return { commit, sha256: digest.sha256, bytes: digest.bytes };
  }

  /** The head commit when its file has this content, else `null`. */
  async function commitWith(repo: string, digest: FileDigest, signal?: AbortSignal): Promise<string | null> {
    const hub = await import('@huggingface/hub');
    const calls = options(repo, signal);
    const { sha } = await hub.datasetInfo({ ...calls, name: repo, revision: 'main', additionalFields: ['sha'] });
    const [entry] = await hub.pathsInfo({ ...calls, paths: [FILE], revision: sha });
    return sameContent(entry, digest) ? sha : null;
  }

  async function verifyUpload(repo: string, commit: string, digest: FileDigest, signal?: AbortSignal): Promise<void> {
    const hub = await import('@huggingface/hub');
    const [entry] = COMMIT_SHA.test(commit)
      ? await hub.pathsInfo({ ...options(repo, signal), paths: [FILE], revision: commit })
      : [];
    if (!sameContent(entry, digest))
      throw unreachable(`${hubUrl}/datasets/${repo}`, `the upload cannot be read back at commit ${commit}`);
  }

  async function download({
    repo,
    commit,
    to,
    maxBytes,
    signal,
  }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    signal?.throwIfAborted();
    const incomplete = `${to}.incomplete`;
    await onDisk(to, () => rm(to, { force: true }));
    await onDisk(to, () => mkdir(dirname(to), { recursive: true }));
    try {
      const attempt = () => fetchVerified({ repo, commit, to: incomplete, maxBytes, signal });
      const fetched = await retry(attempt, {
        ...withRetries,
        signal,
        onRetry: (error) => logger.debug(`downloading ${repo} again: ${messageOf(error)}`),
      });
      if (!fetched.ok) return fetched;
      await onDisk(to, () => rename(incomplete, to));
      return accept({ path: to, sha256: fetched.value.sha256, bytes: fetched.value.bytes });
    } catch (error) {
      return verdictOn(error, repo, commit);
    } finally {
      await rm(incomplete, { force: true }).catch(() => {});
    }
  }

  /** Streams the file to disk and compares it with the hash the Hub has for it at this commit. */
  async function fetchVerified({
    repo,
    commit,
    to,
    maxBytes,
    signal,
  }: DownloadDatasetParameters): Promise<Checked<FileDigest>> {
    const hub = await import('@huggingface/hub');
    const calls = options(repo, signal);
    const blob = await hub.downloadFile({ ...calls, path: FILE, revision: commit, xet: false });
    if (!blob) return reject('dataset-missing', `${repo} has no ${FILE} at commit ${commit}`);
    const tooLarge = () =>
      reject('dataset-too-large', `${FILE} has more than the ${maxBytes} bytes allowed`, { maxBytes });
    if (blob.size > maxBytes) return tooLarge();
    const digest = await writeResuming(blob, to, maxBytes, signal);
    if (digest === null) return tooLarge();
    const [entry] = await hub.pathsInfo({ ...calls, paths: [FILE], revision: commit });
    if (sameContent(entry, digest)) return accept(digest);
    throw unreachable(`${hubUrl}/datasets/${repo}`, `the bytes received are not those of ${FILE} at commit ${commit}`);
  }

  /** Writes a blob to a file; after a broken connection goes on where it stopped. `null` when it exceeds `maxBytes`. */
  async function writeResuming(
    blob: Blob,
    to: string,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<FileDigest | null> {
    const digest = digester(blob.size);
    const file = await onDisk(to, () => open(to, 'w'));
    try {
      const pass = async () => {
        const rest = digest.seen === 0 ? blob : blob.slice(digest.seen);
        for await (const chunk of pieces(rest, hubUrl)) {
          if (digest.seen + chunk.length > maxBytes) return null;
          await onDisk(to, () => file.write(chunk));
          digest.update(chunk);
        }
        if (digest.seen < blob.size)
          throw unreachable(hubUrl, `the file ended after ${digest.seen} of ${blob.size} bytes`);
        return digest.digest();
      };
      return await retry(pass, { ...withRetries, signal });
    } finally {
      await file.close();
    }
  }

  return { upload, download };
}

/** The pieces of a blob; every way a read can break becomes one transient error. */
async function* pieces(blob: Blob, hubUrl: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of blob.stream() as unknown as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (error instanceof FlockOffError || (error as Error | undefined)?.name === 'AbortError') throw error;
    throw unreachable(hubUrl, messageOf(error), { cause: error });
  }
}

/** What the Hub says of the miner's repository is a verdict; what it says of our token or itself is an error. */
function verdictOn(error: unknown, repo: string, commit: string): Checked<StoredFile> {
  if (!isCode(error, 'hub-denied')) throw error;
  const { status, errorCode, message } = (error as FlockOffError).facts;
  if (errorCode === 'RepoNotFound')
    return reject('dataset-missing', `the dataset repository ${repo} does not exist or is private`);
  if (errorCode === 'RevisionNotFound') return reject('dataset-missing', `${repo} has no commit ${commit}`);
  if (errorCode === 'GatedRepo')
    return reject('dataset-denied', `${repo} is gated: validators must be able to read it without asking`);
  // Public datasets are readable by everybody: whatever else is refused for this repository is the repository's state.
  if (status === 403 || status === 410 || status === 451)
    return reject('dataset-denied', `the Hub refuses ${repo}: ${message}`);
  throw error;
}

function requireToken(token: string | undefined): string {
  if (token?.startsWith('hf_')) return token;
  throw new FlockOffError({
    code: 'token-missing',
    what: token ? 'the Hub token does not start with "hf_"' : 'uploading needs a Hub token, and there is none',
    fix: 'create one with write access on the Hub and put HF_TOKEN=hf_... into .env',
  });
}

async function digestOf(path: string): Promise<FileDigest> {
  return onDisk(path, () => digestFile(path));
}

async function onDisk<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new FlockOffError({
      code: 'disk',
      what: `${path} cannot be read or written (${messageOf(error)})`,
      fix: 'check the path, its rights and the free space',
      facts: { path },
      cause: error,
    });
  }
}
