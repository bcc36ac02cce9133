import type { HubClient } from '../shared/hub-client.ts';
import type { DatasetVersion } from './dataset-store.ts';
import { isClosed } from './read-version.ts';
import { readSmallFile } from './small-file.ts';
import { withRetries } from './with-retries.ts';

export interface ReadPublicFileParameters extends DatasetVersion {
  /** Within the repository. */
  path: string;
  maxBytes: number;
}

/**
 * A file at a commit as everybody can read it: without a token.
 * @returns `missing` where there is no such file, commit or public repository; `too-large` over `maxBytes`.
 * @throws FlockOffError `hub-unreachable` (transient).
 */
export async function readPublicFile(
  client: HubClient,
  { repo, commit, path, maxBytes, signal }: ReadPublicFileParameters,
): Promise<Buffer | 'missing' | 'too-large'> {
  const { hubUrl, faultAt } = client;
  try {
    return await withRetries(client, { repo, signal }, ({ fetchAs }) =>
      readSmallFile({ hubUrl, repo, commit, fetch: fetchAs(undefined), faultAt }, { path, maxBytes }),
    );
  } catch (error) {
    if (isClosed(error)) return 'missing';
    throw error;
  }
}
