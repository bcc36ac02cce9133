import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FlockOffError, isCode } from '../errors/flock-off-error.ts';
import { parseHubAccess } from '../schema/hub-access.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import type { Clock } from '../shared/clock.ts';
import { digestFile, type FileDigest, sameContent } from '../shared/file-digest.ts';
import { type HubCalls, HubClient } from '../shared/hub-client.ts';
import { isDisabled } from '../shared/hub-refusal.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import type { ProxyOption } from '../shared/proxy.ts';
import { ReceivedFile } from '../shared/received-file.ts';
import { timed } from '../shared/timed.ts';
import type {
  DatasetStore,
  DownloadDatasetParameters,
  StoredFile,
  UploadDatasetParameters,
  UploadedDataset,
} from './dataset-store.ts';
import { FILE, fetchVerified, listFile } from './fetch-verified.ts';

export interface HubDatasetStoreParameters {
  /** Default `https://huggingface.co`. */
  endpoint?: string;
  /** `hf_...`; needed to upload, and raises the rate limits of downloads, for which a mirror's own token does as well. */
  token?: string;
  /** Longest silence of the Hub; a body slower than 1 KiB a second is silent, too. Default 30 s. */
  stallTimeoutMs?: number;
  /** Longest time to send one file. Default 15 minutes. */
  uploadTimeoutMs?: number;
  /** Longest time of one call in all, waits and repetitions included. Default 30 minutes. */
  totalTimeoutMs?: number;
  /** Failures after which a call is given up; a connection that breaks after a MiB or more is none. Default 5. */
  attempts?: number;
  /** Proxy of every request; `false` for none. Default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. */
  proxy?: ProxyOption;
  /** Replaces Node's, and sees to proxies itself. */
  fetch?: typeof fetch;
  clock?: Clock;
  logger?: Logger;
}

/** A rate limit of the Hub lasts 5 minutes. */
const LONGEST_WAIT_MS = 330_000;
const COMMIT_SHA = /^[0-9a-f]{40}$/;

/**
 * Datasets on the Hugging Face Hub, through @huggingface/hub.
 * @throws FlockOffError `bad-argument` for an endpoint or a proxy that is no address, and for a token that cannot be one,
 *   see `parseHubToken`.
 */
export class HubDatasetStore implements DatasetStore {
  readonly #client: HubClient;
  readonly #logger: Logger;

  constructor(parameters: HubDatasetStoreParameters = {}) {
    const { totalTimeoutMs = 1_800_000, stallTimeoutMs, uploadTimeoutMs, attempts, proxy, fetch, clock } = parameters;
    const logger = safeLogger(parameters.logger);
    const access = parseHubAccess(parameters, { endpoint: 'the parameter "endpoint"', token: 'the parameter "token"' });
    const timeouts = { stallTimeoutMs, uploadTimeoutMs, totalTimeoutMs, longestWaitMs: LONGEST_WAIT_MS };
    this.#client = new HubClient({ ...access, ...timeouts, attempts, proxy, fetch, clock, logger });
    this.#logger = logger;
  }

  upload(parameters: UploadDatasetParameters): Promise<UploadedDataset> {
    return timed(this.#logger, `uploading to ${parameters.repo}`, () => this.#upload(parameters));
  }

  download(parameters: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    const { repo, commit } = parameters;
    return timed(this.#logger, `downloading ${repo} at ${commit}`, () => this.#download(parameters));
  }

  /** What every call to @huggingface/hub takes. */
  #options(repo: string, { fetchAs }: HubCalls) {
    const { hubUrl, token } = this.#client;
    return { repo: { type: 'dataset' as const, name: repo }, hubUrl, accessToken: token, fetch: fetchAs(undefined) };
  }

  #urlOf(repo: string): string {
    return `${this.#client.hubUrl}/datasets/${repo}`;
  }

  /** Runs a call until it succeeds or its time is up, repeating what fails in passing. */
  #insist<T>(repo: string, signal: AbortSignal | undefined, call: (calls: HubCalls) => Promise<T>): Promise<T> {
    const url = this.#urlOf(repo);
    return this.#client.within(url, signal, (calls) => calls.insist(url, () => call(calls)));
  }

  async #upload({ repo, path, signal }: UploadDatasetParameters): Promise<UploadedDataset> {
    signal?.throwIfAborted();
    const accessToken = requireToken(this.#client.token);
    const digest = await digestOf(path);
    const hub = await import('@huggingface/hub');
    const commit = await this.#insist(repo, signal, async (calls) => {
      const parameters = { ...this.#options(repo, calls), accessToken };
      await hub.createRepo(parameters).catch((error: unknown) => {
        if ((error as { statusCode?: number }).statusCode !== 409) throw error;
      });
      // A lost answer may hide a commit that landed: every attempt looks for it first.
      const existing = await this.#commitWith(repo, digest, calls);
      if (existing) return existing;
      const pushed = await hub.uploadFile({
        ...parameters,
        file: { path: FILE, content: pathToFileURL(path) },
        commitTitle: 'Update the dataset',
        abortSignal: calls.signal,
      });
      const oid = pushed?.commit.oid ?? '';
      await this.#verifyUpload(repo, oid, digest, calls);
      return oid;
    });
    return { commit, sha256: digest.sha256, bytes: digest.bytes };
  }

  /** The head commit when its file has this content, else `null`. */
  async #commitWith(repo: string, digest: FileDigest, calls: HubCalls): Promise<string | null> {
    const hub = await import('@huggingface/hub');
    const parameters = this.#options(repo, calls);
    const { sha } = await hub.datasetInfo({ ...parameters, name: repo, revision: 'main', additionalFields: ['sha'] });
    const [entry] = await hub.pathsInfo({ ...parameters, paths: [FILE], revision: sha });
    return sameContent(entry, digest) ? sha : null;
  }

  async #verifyUpload(repo: string, commit: string, digest: FileDigest, calls: HubCalls): Promise<void> {
    const hub = await import('@huggingface/hub');
    const [entry] = COMMIT_SHA.test(commit)
      ? await hub.pathsInfo({ ...this.#options(repo, calls), paths: [FILE], revision: commit })
      : [];
    if (!sameContent(entry, digest))
      throw this.#client.faultAt(this.#urlOf(repo))(`the upload cannot be read back at commit ${commit}`);
  }

  async #download({ repo, commit, to, maxBytes, signal }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    signal?.throwIfAborted();
    await onDisk(to, () => makeFolder(dirname(to)));
    const { hubUrl, token, faultAt } = this.#client;
    const before = await versionOf(to);
    const received = new ReceivedFile(to);
    let complete = false;
    try {
      const fetched = await this.#insist(repo, signal, ({ fetchAs }) =>
        fetchVerified(received, { hubUrl, repo, commit, fetch: fetchAs(token), faultAt, maxBytes }),
      );
      if (!fetched.ok) return fetched;
      await received.complete();
      complete = true;
      return accept({ path: to, sha256: fetched.value.sha256, bytes: fetched.value.bytes });
    } catch (error) {
      await this.#concernsToken(error, { repo, commit, signal });
      return verdictOn(error, repo, commit);
    } finally {
      await received.close();
      // An older file must not pass for what was asked for. One that another process has put there meanwhile may stay.
      if (!complete && before !== null && before === (await versionOf(to)))
        await rm(to, { force: true }).catch(() => {});
    }
  }

  /**
   * Throws what concerns our token alone: a Hub that answers 401 to a refused token, as it does for a repository that
   * is missing, would have every miner's dataset missing. Who asks without a token is told which it is.
   */
  async #concernsToken(
    error: unknown,
    { repo, commit, signal }: Pick<DownloadDatasetParameters, 'repo' | 'commit' | 'signal'>,
  ): Promise<void> {
    const { hubUrl, token, faultAt } = this.#client;
    if (token === undefined || !isCode(error, 'hub-denied')) return;
    const { status, errorCode } = error.facts;
    if (status !== 401 || errorCode === undefined) return;
    const isRefusedToAll = await this.#insist(repo, signal, ({ fetchAs }) =>
      listFile({ hubUrl, repo, commit, faultAt, fetch: fetchAs(undefined) }),
    ).then(
      () => false,
      (said: unknown) => {
        if (isCode(said, 'hub-denied')) return true;
        throw said;
      },
    );
    if (!isRefusedToAll) throw error;
  }
}

/** What the Hub says of the miner's repository is a verdict; what it says of our token or itself is an error. */
function verdictOn(error: unknown, repo: string, commit: string): Checked<StoredFile> {
  if (!isCode(error, 'hub-denied')) throw error;
  const { status, errorCode, message = 'no reason given' } = error.facts;
  if (errorCode === 'RepoNotFound')
    return reject('dataset-missing', `the dataset repository ${repo} does not exist or is private`);
  if (errorCode === 'RevisionNotFound') return reject('dataset-missing', `${repo} has no commit ${commit}`);
  if (errorCode === 'GatedRepo')
    return reject('dataset-denied', `${repo} is gated: validators must be able to read it without asking`);
  // Only what is said of the repository: a bare 403 is as likely from a proxy or a rate limiter in between.
  if (status === 410 || status === 451 || (status === 403 && isDisabled(message)))
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

/** Names the file that is at a path now, or `null`. */
async function versionOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  return found && `${found.ino} ${found.mtimeMs} ${found.size}`;
}

async function digestOf(path: string): Promise<FileDigest> {
  return onDisk(path, () => digestFile(path));
}
