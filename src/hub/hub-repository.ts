import { pathToFileURL } from 'node:url';
import { FlockOffError, isCode } from '../errors/flock-off-error.ts';
import { type DatasetOwners, OWNERS_FILE } from '../schema/dataset-owners.ts';
import type { Checked } from '../schema/verdict.ts';
import { type FileDigest, hasHash } from '../shared/file-digest.ts';
import type { HubCalls, HubClient } from '../shared/hub-client.ts';
import type { Visibility } from './dataset-store.ts';
import { FILE, type HubDataset, listFile } from './fetch-verified.ts';
import { readOwnersFile } from './owners-file.ts';
import { hasFiles, type ReadSmallFileParameters, readSmallFile } from './small-file.ts';
import { requireRights } from './token-rights.ts';

const COMMIT_SHA = /^[0-9a-f]{40}$/;

/** A dataset repository as it is now, to whoever may write to it. */
export interface FoundRepository {
  /** The latest commit. */
  head: string;
  visibility: Visibility;
  isGated: boolean;
}

/** What a commit holds of an upload. */
export interface FoundVersion {
  commit: string;
  /** Whether its `data.jsonl` has the very content. */
  hasData: boolean;
  /** The owners it names; the verdict where its list of them cannot be read. */
  owners: Checked<DatasetOwners | null>;
}

export interface CommitFilesParameters {
  /** The latest commit, as it was read: another one in between ends the attempt. */
  parent: string;
  /** The file to put as `data.jsonl`, `null` to leave it as it is. */
  path: string | null;
  owners: DatasetOwners | null;
  /** Further files, whole. */
  texts?: { path: string; text: string | Uint8Array<ArrayBuffer> }[];
  /** Of the commit. Default "Update the dataset". */
  title?: string;
}

/** A repository on the Hub, through the owner's token, for one attempt. */
export class HubRepository {
  readonly #client: HubClient;
  readonly #repo: string;
  readonly #token: string;
  readonly #signal: AbortSignal;
  readonly #fetch: typeof fetch;

  constructor(client: HubClient, { repo, token, calls }: { repo: string; token: string; calls: HubCalls }) {
    this.#client = client;
    this.#repo = repo;
    this.#token = token;
    this.#signal = calls.signal;
    this.#fetch = calls.fetchAs(token);
  }

  /**
   * As {@link find}, for whoever is going to publish.
   * @throws FlockOffError `hub-denied` where the Hub says that the token may not do that.
   */
  async findForWriting(): Promise<FoundRepository | null> {
    const told = await this.#whoAmI();
    const found = await this.find();
    requireRights(told, { repo: this.#repo, exists: found !== null });
    return found;
  }

  /** `null` where there is none, or none that the token may see. */
  async find(): Promise<FoundRepository | null> {
    const hub = await import('@huggingface/hub');
    const asked = { name: this.#repo, revision: 'main', additionalFields: ['sha' as const] };
    try {
      const { sha, private: isPrivate, gated } = await hub.datasetInfo({ ...this.#calls(), ...asked });
      return { head: sha, visibility: isPrivate ? 'private' : 'public', isGated: Boolean(gated) };
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** @throws FlockOffError `hub-denied` also where the Hub makes public what was to be private. */
  async create(visibility: Visibility): Promise<FoundRepository> {
    const hub = await import('@huggingface/hub');
    await hub.createRepo({ ...this.#calls(), visibility }).catch((error: unknown) => {
      if ((error as { statusCode?: number }).statusCode !== 409) throw error;
    });
    const created = await this.find();
    if (created === null) throw this.#fault(this.#url())('it does not show the repository that it has made');
    if (visibility === 'private' && created.visibility === 'public') throw publicAtOnce(this.#repo);
    return created;
  }

  /** @throws what {@link HubRepository.find} does, also where there is no such commit. */
  async version(commit: string, digest: FileDigest): Promise<FoundVersion> {
    const dataset = this.#dataset(commit);
    const entry = await listFile(dataset);
    const hasData = entry !== null && hasHash(digest, entry.hash);
    return { commit, hasData, owners: await readOwnersFile(dataset) };
  }

  /** The new commit's sha, read back. */
  async commit(parameters: CommitFilesParameters): Promise<string> {
    const { parent, path, owners, texts = [], title = 'Update the dataset' } = parameters;
    const hub = await import('@huggingface/hub');
    const files = [
      ...(path === null ? [] : [{ path: FILE, content: pathToFileURL(path) }]),
      ...(owners === null ? [] : [{ path: OWNERS_FILE, content: new Blob([`${JSON.stringify(owners, null, 2)}\n`]) }]),
      ...texts.map(({ path, text }) => ({ path, content: new Blob([text]) })),
    ];
    const pushed = await hub.uploadFiles({
      ...this.#calls(),
      files,
      commitTitle: title,
      parentCommit: parent,
      abortSignal: this.#signal,
    });
    const commit = pushed?.commit.oid ?? '';
    if (COMMIT_SHA.test(commit)) return commit;
    throw this.#fault(this.#url())('it does not say which commit the upload is');
  }

  /** A file beside the data: see `readSmallFile`. */
  readFile(commit: string, file: ReadSmallFileParameters): Promise<Buffer | 'missing' | 'too-large'> {
    return readSmallFile(this.#dataset(commit), file);
  }

  /** Whether a commit has files with these very contents. */
  hasFiles(commit: string, files: { path: string; content: string | Uint8Array }[]): Promise<boolean> {
    return hasFiles(this.#dataset(commit), files);
  }

  async makePublic(): Promise<void> {
    const url = `${this.#client.hubUrl}/api/datasets/${this.#repo}/settings`;
    const headers = { 'Content-Type': 'application/json' };
    const response = await this.#fetch(url, { method: 'PUT', headers, body: JSON.stringify({ private: false }) });
    await response.body?.cancel();
    if (!response.ok) throw this.#fault(url)(`it answered ${response.status}`);
  }

  async #whoAmI(): Promise<unknown> {
    return (await this.#fetch(`${this.#client.hubUrl}/api/whoami-v2`)).json();
  }

  #calls() {
    const { hubUrl } = this.#client;
    return {
      repo: { type: 'dataset' as const, name: this.#repo },
      hubUrl,
      accessToken: this.#token,
      fetch: this.#fetch,
    };
  }

  #dataset(commit: string): HubDataset {
    const { hubUrl, faultAt } = this.#client;
    return { hubUrl, repo: this.#repo, commit, fetch: this.#fetch, faultAt };
  }

  #url(): string {
    return `${this.#client.hubUrl}/datasets/${this.#repo}`;
  }

  get #fault() {
    return this.#client.faultAt;
  }
}

/** Whether the Hub says that a repository, or a commit of it, is not there. */
export function isMissing(error: unknown): boolean {
  if (!isCode(error, 'hub-denied')) return false;
  const { errorCode } = error.facts;
  return errorCode === 'RepoNotFound' || errorCode === 'RevisionNotFound';
}

function publicAtOnce(repo: string): FlockOffError {
  return new FlockOffError({
    code: 'hub-denied',
    what: `the Hub made ${repo} public although it was to be private, so nothing was uploaded`,
    fix: 'make it private on the Hub, or delete it, and check what is set for new repositories there',
    facts: { status: 200 },
  });
}

/** @throws FlockOffError `hub-denied` where not everybody can read the repository. */
export function requireOpen(repo: string, { visibility, isGated }: FoundRepository): void {
  if (visibility === 'public' && !isGated) return;
  throw new FlockOffError({
    code: 'hub-denied',
    what: `${repo} is ${isGated ? 'gated' : 'private'}, and everybody must be able to read a competition`,
    fix: 'open it in its settings on the Hub, or publish to another repository',
    facts: { status: 403, errorCode: isGated ? 'GatedRepo' : undefined },
  });
}
