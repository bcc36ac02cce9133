import type { HubClient } from '../shared/hub-client.ts';
import { clientOf, type HubDatasetStoreParameters } from './client-of.ts';
import { HubRepository, requireOpen } from './hub-repository.ts';
import { type ReadPublicFileParameters, readPublicFile } from './read-public-file.ts';
import { requireToken } from './upload-dataset.ts';
import { withRetries } from './with-retries.ts';

export interface PublishSetParameters {
  /** `namespace/name`; created when missing. */
  repo: string;
  /** What the new list was made from: another commit since, and nothing is uploaded. `null`: there was no repository. */
  parent: string | null;
  /** The files to put, whole. */
  files: { path: string; content: string | Uint8Array<ArrayBuffer> }[];
  signal?: AbortSignal;
}

/** Where time-locked evaluation sets lie: a list and locked files in one repository, at immutable commits. */
export interface EvaluationSetStore {
  /**
   * A file at a commit, without a token: what only some can read is no set.
   * @returns `missing` where there is no such file, commit or public repository; `too-large` over `maxBytes`.
   * @throws FlockOffError `hub-unreachable` (transient).
   */
  read(parameters: ReadPublicFileParameters): Promise<Buffer | 'missing' | 'too-large'>;
  /**
   * The latest commit, for whoever may write to the repository; `null` where there is none.
   * @throws FlockOffError `token-missing`, `hub-denied`, `hub-unreachable` (transient).
   */
  latest(parameters: { repo: string; signal?: AbortSignal }): Promise<string | null>;
  /**
   * Uploads files in one commit; where the latest commit has all of them it is that one, and nothing is uploaded.
   * @returns the 40-hex commit sha.
   * @throws FlockOffError `token-missing`, `hub-denied` (also where not everybody can read the repository),
   *   `hub-unreachable`.
   */
  publish(parameters: PublishSetParameters): Promise<string>;
}

/**
 * Evaluation sets on the Hugging Face Hub.
 * @throws FlockOffError `bad-argument` as `HubDatasetStore`.
 * @example
 * const store = new HubEvaluationSetStore({ token });
 * console.log(await store.latest({ repo: 'ann/evaluation-sets' }));
 */
export class HubEvaluationSetStore implements EvaluationSetStore {
  readonly #client: HubClient;

  constructor(parameters: HubDatasetStoreParameters = {}) {
    this.#client = clientOf(parameters);
  }

  read(parameters: ReadPublicFileParameters): Promise<Buffer | 'missing' | 'too-large'> {
    return readPublicFile(this.#client, parameters);
  }

  async latest({ repo, signal }: { repo: string; signal?: AbortSignal }): Promise<string | null> {
    const token = requireToken(this.#client.token);
    return withRetries(this.#client, { repo, signal }, async (calls) => {
      const repository = new HubRepository(this.#client, { repo, token, calls });
      const found = await repository.findForWriting();
      return found?.head ?? null;
    });
  }

  async publish({ repo, parent, files, signal }: PublishSetParameters): Promise<string> {
    const token = requireToken(this.#client.token);
    return withRetries(this.#client, { repo, signal }, async (calls) => {
      const repository = new HubRepository(this.#client, { repo, token, calls });
      const found = (await repository.find()) ?? (await repository.create('public'));
      requireOpen(repo, found);
      // A lost answer may hide a commit that landed: every attempt looks for it first.
      if (found.head !== parent && (await repository.hasFiles(found.head, files))) return found.head;
      return repository.commit({
        ...{ parent: parent ?? found.head, path: null, owners: null, title: 'List an evaluation set' },
        texts: files.map(({ path, content }) => ({ path, text: content })),
      });
    });
  }
}
