import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isCode } from '../errors/flock-off-error.ts';
import { accept, type Checked, reject } from '../schema/verdict.ts';
import type { HubClient } from '../shared/hub-client.ts';
import { isDisabled } from '../shared/hub-refusal.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import { ReceivedFile } from '../shared/received-file.ts';
import { timed } from '../shared/timed.ts';
import { clientOf, type HubDatasetStoreParameters } from './client-of.ts';
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
import { isReadable, readOwners } from './read-version.ts';
import { findUpload, makePublic, uploadDataset } from './upload-dataset.ts';
import { withRetries } from './with-retries.ts';

export type { HubDatasetStoreParameters } from './client-of.ts';

/**
 * Datasets on the Hugging Face Hub, through @huggingface/hub. A rate limit of the Hub is waited for.
 * @throws FlockOffError `bad-argument` for an endpoint or a proxy that is no address, and for a token that cannot be one,
 *   see `parseHubToken`.
 * @example
 * const datasets = new HubDatasetStore({ token: readHubToken() });
 * const uploaded = await datasets.upload({ repo: 'ann/chat', path: 'data.jsonl' });
 * console.log(uploaded.commit);
 */
export class HubDatasetStore implements DatasetStore {
  readonly #client: HubClient;
  readonly #logger: Logger;

  constructor(parameters: HubDatasetStoreParameters = {}) {
    this.#client = clientOf(parameters);
    this.#logger = safeLogger(parameters.logger);
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

  async #download({ repo, commit, to, maxBytes, signal }: DownloadDatasetParameters): Promise<Checked<StoredFile>> {
    signal?.throwIfAborted();
    await onDisk(to, () => makeFolder(dirname(to)));
    const { hubUrl, token, faultAt } = this.#client;
    const before = await versionOf(to);
    const received = new ReceivedFile(to);
    let complete = false;
    try {
      const fetched = await withRetries(this.#client, { repo, signal }, ({ fetchAs }) =>
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
    const isRefusedToAll = await withRetries(this.#client, { repo, signal }, ({ fetchAs }) =>
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

/** Names the file that is at a path now, or `null`. */
async function versionOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  return found && `${found.ino} ${found.mtimeMs} ${found.size}`;
}
