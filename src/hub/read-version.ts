import { isCode } from '../errors/flock-off-error.ts';
import { accept, type Checked } from '../schema/verdict.ts';
import type { HubClient } from '../shared/hub-client.ts';
import { isDisabled } from '../shared/hub-refusal.ts';
import type { DatasetVersion } from './dataset-store.ts';
import { FILE } from './fetch-verified.ts';
import { readOwnersFile } from './owners-file.ts';
import { withRetries } from './with-retries.ts';

/** Whether anybody can read the data: see `DatasetStore.isReadable`. The body is not received. */
export async function isReadable(client: HubClient, { repo, commit, signal }: DatasetVersion): Promise<boolean> {
  const url = `${client.hubUrl}/datasets/${repo}/resolve/${commit}/${FILE}`;
  try {
    return await withRetries(client, { repo, signal }, async ({ fetchAs }) => {
      const response = await fetchAs(undefined)(url);
      await response.body?.cancel();
      if (response.status === 404) return false;
      // The page of a captive portal: the Hub serves no file as HTML.
      if (/text\/html/.test(response.headers.get('Content-Type') ?? ''))
        throw client.faultAt(url)('it answered a page');
      if (response.ok) return true;
      throw client.faultAt(url)(`it answered ${response.status}`);
    });
  } catch (error) {
    if (isClosed(error)) return false;
    throw error;
  }
}

/** Whose dataset a repository holds: see `DatasetStore.owners`. */
export async function readOwners(
  client: HubClient,
  { repo, commit, signal }: DatasetVersion,
): Promise<Checked<string[] | null>> {
  const { hubUrl, token, faultAt } = client;
  try {
    const read = await withRetries(client, { repo, signal }, ({ fetchAs }) =>
      readOwnersFile({ hubUrl, repo, commit, fetch: fetchAs(token), faultAt }),
    );
    return read.ok ? accept(read.value?.hotkeys ?? null) : read;
  } catch (error) {
    if (isClosed(error)) return accept(null);
    throw error;
  }
}

/** Whether the Hub says that the repository or the commit is missing, private, gated, disabled or taken down. */
export function isClosed(error: unknown): boolean {
  if (!isCode(error, 'hub-denied')) return false;
  const { status, errorCode, message } = error.facts;
  if (errorCode !== undefined) return true;
  return status === 410 || status === 451 || (status === 403 && isDisabled(String(message)));
}
