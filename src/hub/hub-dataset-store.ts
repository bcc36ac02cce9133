import { open, rename, rm, stat } from 'node:fs/promises';
import { FlockOffError, isCode, messageOf } from '../errors/flock-off-error.ts';
import { parseHubEndpoint } from '../schema/hub-endpoint.ts';
import { parseHubToken } from '../schema/hub-token.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { fetchFailure } from '../shared/fetch-failure.ts';
import { type HubFetchParameters, hubFetch } from '../shared/hub-fetch.ts';
import { type HubFault, hubFault, isDisabled } from '../shared/hub-refusal.ts';
import { startIncomplete } from '../shared/incomplete-file.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import type { ProxyOption } from '../shared/proxy.ts';
import { httpRoute } from '../shared/proxy-fetch.ts';
import { ReceivedFile } from '../shared/received-file.ts';
import { retry } from '../shared/retry.ts';
import { timed } from '../shared/timed.ts';
import { tracedFetch } from '../shared/traced-fetch.ts';
import type {
  DatasetStore,
  DatasetVersion,
  DownloadDatasetParameters,
  FindUploadParameters,
  FoundUpload,
  MakePublicParameters,
  StoredFile,
  UploadDatasetParameters,
  UploadedDataset,
} from './dataset-store.ts';
import { fetchVerified, listFile } from './fetch-verified.ts';
import type { HubClient } from './hub-client.ts';
import { isReadable, readOwners } from './read-version.ts';
import { findUpload, makePublic, uploadDataset } from './upload-dataset.ts';

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

const BASE_DELAY_MS = 500;
/** A rate limit of the Hub lasts 5 minutes. */
const MAX_DELAY_MS = 330_000;

/**
 * Datasets on the Hugging Face Hub, through @huggingface/hub.
 * @throws FlockOffError `bad-argument` for an endpoint or a proxy that is no address, and for a token that cannot be one,
 *   see {@link parseHubToken}.
 */
export class HubDatasetStore implements DatasetStore {
  readonly #hubUrl: string;
  readonly #token: string | undefined;
  readonly #limits: Omit<HubFetchParameters, 'signal' | 'token'>;
  /** Names the proxy, too. */
  readonly #faultAt: (url: string) => HubFault;
  readonly #attempts: number;
  readonly #totalTimeoutMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(parameters: HubDatasetStoreParameters = {}) {
    const { stallTimeoutMs = 30_000, uploadTimeoutMs = 900_000, totalTimeoutMs = 1_800_000 } = parameters;
    const { attempts = 5, clock = systemClock } = parameters;
    const logger = safeLogger(parameters.logger);
    const hubUrl = parseHubEndpoint(parameters.endpoint ?? 'https://huggingface.co', 'the parameter "endpoint"');
    const route = httpRoute(parameters, hubUrl);
    this.#hubUrl = hubUrl;
    this.#token = parseHubToken({ token: parameters.token, setting: 'the parameter "token"' });
    this.#limits = { ...route, fetch: tracedFetch(route.fetch, logger), stallTimeoutMs, uploadTimeoutMs };
    this.#faultAt = (url) => hubFault(url, route.through(url));
    this.#attempts = attempts;
    this.#totalTimeoutMs = totalTimeoutMs;
    this.#clock = clock;
    this.#logger = logger;
  }

  findUpload(parameters: FindUploadParameters): Promise<FoundUpload> {
    return findUpload(this.#client, parameters);
  }

  upload(parameters: UploadDatasetParameters): Promise<UploadedDataset> {
    return timed(this.#logger, `uploading to ${parameters.repo}`, () => uploadDataset(this.#client, parameters));
  }

  makePublic(parameters: MakePublicParameters): Promise<void> {
    return timed(this.#logger, `making ${parameters.repo} public`, () => makePublic(this.#client, parameters));
  }

  isReadable(version: DatasetVersion): Promise<boolean> {
    return isReadable(this.#client, version);
  }

  owners(version: DatasetVersion): Promise<Checked<string[] | null>> {
    return readOwners(this.#client, version);
  }

  download(parameters: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    const { repo, commit } = parameters;
    return timed(this.#logger, `downloading ${repo} at ${commit}`, () => this.#download(parameters));
  }

  /** Runs a call until it succeeds or its time is up, repeating what fails in passing. */
  async #insist<T>(
    repo: string,
    signal: AbortSignal | undefined,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const deadline = new AbortController();
    const fault = this.#faultAt(`${this.#hubUrl}/datasets/${repo}`);
    const late = () => deadline.abort(fault(`it took more than ${this.#totalTimeoutMs / 1000} s in all`));
    const timer = setTimeout(late, this.#totalTimeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
    try {
      return await retry(() => asOurs(fault, either, () => call(either)), {
        attempts: this.#attempts,
        baseDelayMs: BASE_DELAY_MS,
        maxDelayMs: MAX_DELAY_MS,
        signal: either,
        clock: this.#clock,
        onRetry: (error, attempt, delayMs) =>
          this.#logger.debug(`${repo}, attempt ${attempt}: ${messageOf(error)} Tried again in ${delayMs / 1000} s.`),
      });
    } finally {
      clearTimeout(timer);
    }
  }

  get #client(): HubClient {
    return {
      hubUrl: this.#hubUrl,
      token: this.#token,
      fetchWith: (signal, token) => hubFetch({ ...this.#limits, signal, token }),
      faultAt: this.#faultAt,
      insist: (repo, signal, call) => this.#insist(repo, signal, call),
    };
  }

  async #download({ repo, commit, to, maxBytes, signal }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    signal?.throwIfAborted();
    const incomplete = await onDisk(to, () => startIncomplete(to));
    const file = await onDisk(to, () => open(incomplete, 'wx'));
    const before = await versionOf(to);
    let complete = false;
    try {
      const received = new ReceivedFile(file, to);
      const fetched = await this.#insist(repo, signal, (signal) => {
        const fetch = hubFetch({ ...this.#limits, signal, token: this.#token });
        return fetchVerified(received, { hubUrl: this.#hubUrl, repo, commit, fetch, faultAt: this.#faultAt, maxBytes });
      });
      if (!fetched.ok) return fetched;
      await onDisk(to, () => rename(incomplete, to));
      complete = true;
      return accept({ path: to, sha256: fetched.value.sha256, bytes: fetched.value.bytes });
    } catch (error) {
      await this.#concernsToken(error, { repo, commit, signal });
      return verdictOn(error, repo, commit);
    } finally {
      await file.close().catch(() => {});
      await rm(incomplete, { force: true }).catch(() => {});
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
    if (this.#token === undefined || !isCode(error, 'hub-denied')) return;
    const { status, errorCode } = error.facts;
    if (status !== 401 || errorCode === undefined) return;
    const isRefusedToAll = await this.#insist(repo, signal, (signal) =>
      listFile({
        hubUrl: this.#hubUrl,
        repo,
        commit,
        faultAt: this.#faultAt,
        fetch: hubFetch({ ...this.#limits, signal }),
      }),
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

/** Runs a call of @huggingface/hub: what it throws of its own, for an answer it cannot read, is a fault of the Hub. */
async function asOurs<T>(fault: HubFault, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof FlockOffError) throw error;
    const isUnread = error instanceof SyntaxError || (error instanceof TypeError && error.cause === undefined);
    throw fault(isUnread ? `its answer cannot be read (${messageOf(error)})` : fetchFailure(error), { cause: error });
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

/** Names the file that is at a path now, or `null`. */
async function versionOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  return found && `${found.ino} ${found.mtimeMs} ${found.size}`;
}
