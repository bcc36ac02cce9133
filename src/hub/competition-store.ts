import { digestFile } from '../shared/file-digest.ts';
import type { HubClient } from '../shared/hub-client.ts';
import { type Logger, safeLogger } from '../shared/logger.ts';
import { onDisk } from '../shared/on-disk.ts';
import { timed } from '../shared/timed.ts';
import { clientOf, type HubDatasetStoreParameters } from './client-of.ts';
import type { DatasetVersion } from './dataset-store.ts';
import { HubRepository, requireOpen } from './hub-repository.ts';
import { readPublicFile } from './read-public-file.ts';
import { requireToken } from './upload-dataset.ts';
import { withRetries } from './with-retries.ts';

/**
 * The file that says what a competition is, beside its evaluation set `data.jsonl`.
 * @example
 * const document = CompetitionDocument.parse(JSON.parse(await readFile(join(folder, COMPETITION_FILE), 'utf8')));
 */
export const COMPETITION_FILE = 'competition.json';
/**
 * No competition's file is longer.
 * @example
 * if (Buffer.byteLength(text) > MAX_COMPETITION_BYTES) console.log('say less');
 */
export const MAX_COMPETITION_BYTES = 256 * 1024;

export interface PublishCompetitionParameters {
  /** `namespace/name`; created when missing. */
  repo: string;
  /** Of `competition.json`. */
  text: string;
  /** The evaluation set; it becomes `data.jsonl`. */
  evaluationPath: string;
  signal?: AbortSignal;
}

/** Where competitions lie: one `competition.json` in a repository with its evaluation set, at immutable commits. */
export interface CompetitionStore {
  /**
   * The text of `competition.json` at a commit, without a token: what only some can read is no competition.
   * @returns `missing` where there is no such file, commit or public repository; `too-large` over 256 KiB.
   * @throws FlockOffError `hub-unreachable` (transient).
   */
  read(version: DatasetVersion): Promise<string | 'missing' | 'too-large'>;
  /**
   * The text at the latest commit, for whoever may write to the repository, `null` where there is none.
   * @throws FlockOffError `token-missing`, `hub-denied`, `hub-unreachable` (transient).
   */
  latest(parameters: { repo: string; signal?: AbortSignal }): Promise<string | null>;
  /**
   * Uploads both files in one commit and reads them back. The same content again gives the commit that it already has.
   * @returns the 40-hex commit sha.
   * @throws FlockOffError `token-missing`, `hub-denied` (also where not everybody can read the repository),
   *   `hub-unreachable` (transient), `disk`.
   */
  publish(parameters: PublishCompetitionParameters): Promise<string>;
}

/**
 * Competitions on the Hugging Face Hub.
 * @throws FlockOffError `bad-argument` as `HubDatasetStore`.
 */
export class HubCompetitionStore implements CompetitionStore {
  readonly #client: HubClient;
  readonly #logger: Logger;

  constructor(parameters: HubDatasetStoreParameters = {}) {
    this.#client = clientOf(parameters);
    this.#logger = safeLogger(parameters.logger);
  }

  async read(version: DatasetVersion): Promise<string | 'missing' | 'too-large'> {
    const read = await readPublicFile(this.#client, { ...version, ...FILE_AND_LIMIT });
    return typeof read === 'string' ? read : read.toString('utf8');
  }

  async latest({ repo, signal }: { repo: string; signal?: AbortSignal }): Promise<string | null> {
    const token = requireToken(this.#client.token);
    return withRetries(this.#client, { repo, signal }, async (calls) => {
      const repository = new HubRepository(this.#client, { repo, token, calls });
      const found = await repository.findForWriting();
      const read = found && (await repository.readFile(found.head, FILE_AND_LIMIT));
      return read instanceof Buffer ? read.toString('utf8') : null;
    });
  }

  publish(parameters: PublishCompetitionParameters): Promise<string> {
    return timed(this.#logger, `publishing ${parameters.repo}`, () => this.#publish(parameters));
  }

  async #publish({ repo, text, evaluationPath: path, signal }: PublishCompetitionParameters): Promise<string> {
    const token = requireToken(this.#client.token);
    const digest = await onDisk(path, () => digestFile(path));
    const { hubUrl, faultAt } = this.#client;
    return withRetries(this.#client, { repo, signal }, async (calls) => {
      const repository = new HubRepository(this.#client, { repo, token, calls });
      const found = (await repository.find()) ?? (await repository.create('public'));
      requireOpen(repo, found);
      // A lost answer may hide a commit that landed: every attempt looks for it first.
      const holds = async (commit: string) => {
        const read = await repository.readFile(commit, FILE_AND_LIMIT);
        return {
          text: read instanceof Buffer && read.toString('utf8') === text,
          data: (await repository.version(commit, digest)).hasData,
        };
      };
      const head = await holds(found.head);
      if (head.text && head.data) return found.head;
      const pushed = await repository.commit({
        ...{ parent: found.head, path: head.data ? null : path, owners: null, title: 'Publish the competition' },
        texts: head.text ? [] : [{ path: COMPETITION_FILE, text }],
      });
      const readBack = await holds(pushed);
      if (readBack.text && readBack.data) return pushed;
      throw faultAt(`${hubUrl}/datasets/${repo}`)(`the competition cannot be read back at commit ${pushed}`);
    });
  }
}

const FILE_AND_LIMIT = { path: COMPETITION_FILE, maxBytes: MAX_COMPETITION_BYTES };
