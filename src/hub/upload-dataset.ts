import { FlockOffError } from '../errors/flock-off-error.ts';
import { type DatasetOwners, MAX_OWNERS, OWNERS_FILE } from '../schema/dataset-owners.ts';
import { digestFile } from '../shared/file-digest.ts';
import type { HubClient } from '../shared/hub-client.ts';
import { onDisk } from '../shared/on-disk.ts';
import type { FindUploadParameters, FoundUpload, UploadDatasetParameters, UploadedDataset } from './dataset-store.ts';
import { type FoundVersion, HubRepository, isMissing } from './hub-repository.ts';
import { withRetries } from './with-retries.ts';

/** What there is of an upload already, and whether the token may do the rest: see `DatasetStore.findUpload`. */
export async function findUpload(client: HubClient, parameters: FindUploadParameters): Promise<FoundUpload> {
  const { repo, path, owner, commit = null } = parameters;
  const token = requireToken(client.token);
  const digest = await onDisk(path, () => digestFile(path));
  return withRetries(client, parameters, async (calls) => {
    const repository = new HubRepository(client, { repo, token, calls });
    const found = await repository.findForWriting();
    if (found === null) return { visibility: 'missing', commit: null };
    if (found.isGated) throw gated(repo);
    const { visibility } = found;
    const head = await repository.version(found.head, digest);
    ownersWith(repo, head, owner);
    if (commit !== null) {
      const pointed = commit === head.commit ? head : await repository.version(commit, digest).catch(nothingIfMissing);
      if (pointed?.hasData && isOf(pointed, owner, { orNobody: true })) return { visibility, commit };
    }
    return { visibility, commit: head.hasData && isOf(head, owner) ? head.commit : null };
  });
}

/** Uploads a file as `data.jsonl`, with its owner: see `DatasetStore.upload`. */
export async function uploadDataset(client: HubClient, parameters: UploadDatasetParameters): Promise<UploadedDataset> {
  const { repo, path, visibility = 'public', owner } = parameters;
  const token = requireToken(client.token);
  const digest = await onDisk(path, () => digestFile(path));
  const commit = await withRetries(client, parameters, async (calls) => {
    const repository = new HubRepository(client, { repo, token, calls });
    const found = (await repository.find()) ?? (await repository.create(visibility));
    // A lost answer may hide a commit that landed: every attempt looks for it first.
    const head = await repository.version(found.head, digest);
    const owners = ownersWith(repo, head, owner);
    if (head.hasData && owners === null) return head.commit;
    const pushed = await repository.commit({ parent: head.commit, path: head.hasData ? null : path, owners });
    const readBack = await repository.version(pushed, digest);
    if (readBack.hasData && isOf(readBack, owner)) return pushed;
    throw client.faultAt(`${client.hubUrl}/datasets/${repo}`)(`the upload cannot be read back at commit ${pushed}`);
  });
  return { commit, sha256: digest.sha256, bytes: digest.bytes };
}

export async function makePublic(
  client: HubClient,
  { repo, signal }: { repo: string; signal?: AbortSignal },
): Promise<void> {
  const token = requireToken(client.token);
  await withRetries(client, { repo, signal }, (calls) =>
    new HubRepository(client, { repo, token, calls }).makePublic(),
  );
}

/**
 * The list of owners to write so that it names this one as well, `null` where there is nothing to write.
 * @throws FlockOffError `bad-argument` where the list there is full, or none.
 */
function ownersWith(repo: string, { owners }: FoundVersion, owner: string | undefined): DatasetOwners | null {
  if (owner === undefined) return null;
  if (!owners.ok) throw cannotAdd(owners.verdict.message, `correct or delete ${OWNERS_FILE} in ${repo}`);
  const { value } = owners;
  if (value?.hotkeys.includes(owner)) return null;
  const hotkeys = [...(value?.hotkeys ?? []), owner];
  if (hotkeys.length <= MAX_OWNERS) return { ...value, hotkeys };
  throw cannotAdd(
    `${OWNERS_FILE} of ${repo} names ${MAX_OWNERS} hotkeys already, which is the most`,
    'take those out of it that you no longer use, or use another repository',
  );
}

/** Whether a commit may be pointed to by this owner; `orNobody`: also where it names no owner at all. */
function isOf({ owners }: FoundVersion, owner: string | undefined, { orNobody = false } = {}): boolean {
  if (owner === undefined) return true;
  if (!owners.ok) return false;
  return owners.value === null ? orNobody : owners.value.hotkeys.includes(owner);
}

function nothingIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

export function requireToken(token: string | undefined): string {
  if (token?.startsWith('hf_')) return token;
  throw new FlockOffError({
    code: 'token-missing',
    what: token ? 'the Hub token does not start with "hf_"' : 'uploading needs a Hub token, and there is none',
    fix: 'create one with write access on the Hub and put HF_TOKEN=hf_... into .env',
  });
}

function gated(repo: string): FlockOffError {
  return new FlockOffError({
    code: 'hub-denied',
    what: `${repo} is gated, and validators read nothing that they have to ask for`,
    fix: 'turn off gated access in the settings of the repository',
    facts: { status: 403, errorCode: 'GatedRepo' },
  });
}

function cannotAdd(what: string, fix: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what, fix });
}
