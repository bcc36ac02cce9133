import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMember, type LocalHubUser, mayWrite } from './access.ts';
import { HubRefusal } from './replies.ts';
import { pullRequestRef, type Repository, type RepositoryCommit } from './repository.ts';

/** Everything the hub stores. */
export interface HubContents {
  repositories: Map<string, Repository>;
  /** Of models, which everybody may read and nobody write to. */
  models: Map<string, Repository>;
  /** Uploaded LFS objects by sha256. */
  lfsObjects: Map<string, Buffer>;
  /** Parts of objects whose upload is not complete, by sha256 and number. */
  lfsParts: Map<string, Map<number, Buffer>>;
  nowMs: () => number;
  /** How the server decides between git and LFS storage. */
  storage: { mode: 'auto' | 'regular' | 'lfs'; lfsFromBytes: number; lfsPartBytes: number; lfsForPython: boolean };
}

export interface HubRequest {
  hub: HubContents;
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** Base of absolute links. */
  origin: string;
  /** Name behind the token; `null` without one. */
  user: string | null;
  access: LocalHubUser | null;
  body: Buffer;
}

/** The repository, if this user may read it. To others a private repository looks like a missing one. */
export function readable({ hub, user, access }: HubRequest, id: string): Repository {
  const repository = hub.repositories.get(id);
  const mine = isMember(access, id.split('/')[0] ?? '');
  if (!repository || (repository.visibility === 'private' && !mine)) {
    throw new HubRefusal(user === null ? 401 : 404, 'Repository not found', 'RepoNotFound');
  }
  if (repository.disabled) throw new HubRefusal(403, 'Access to this resource is disabled.');
  if (repository.gated && !mine)
    throw new HubRefusal(user === null ? 401 : 403, `Access to dataset ${id} is restricted.`, 'GatedRepo');
  return repository;
}

export function readableCommit(request: HubRequest, id: string, revision: string): RepositoryCommit {
  const found = readable(request, id).resolve(revision);
  if (!found) throw revisionNotFound(revision);
  return found;
}

/** The repository, if this user may change it. */
export function writable(request: HubRequest, id: string): Repository {
  const repository = readable(request, id);
  requireRights(request, id);
  return repository;
}

/** The full name of a branch or pull request that this user may commit to. */
export function writableRef(
  request: HubRequest,
  id: string,
  revision: string,
): { repository: Repository; ref: string } {
  const repository = readable(request, id);
  const isTheirs = repository.pullRequests.some(
    (one) => pullRequestRef(one) === revision && one.author === request.user,
  );
  if (!isTheirs) requireRights(request, id);
  const ref = repository.ref(revision);
  if (ref === null || ref.startsWith('refs/tags/')) throw revisionNotFound(revision);
  return { repository, ref };
}

export function requireUser(user: string | null): string {
  if (user === null) throw new HubRefusal(401, 'Invalid username or password.');
  return user;
}

/** Refuses users who may not write to the repository, or not create one of that name. */
export function requireRights({ hub, user, access }: HubRequest, id: string): void {
  requireUser(user);
  const author = hub.repositories.get(id)?.author ?? null;
  if (access === null || !mayWrite(access, id, author))
    throw new HubRefusal(403, `You don't have the rights to write to ${id}`);
}

export function revisionNotFound(revision: string): HubRefusal {
  return new HubRefusal(404, `Invalid rev id: ${revision}`, 'RevisionNotFound');
}
