import { treeId } from './git-objects.ts';
import { type HubRequest, readable, readableCommit } from './hub-request.ts';
import { HubRefusal, sendJson } from './replies.ts';
import { pullRequestRef, type Repository, type RepositoryCommit, type RepositoryFile } from './repository.ts';

/** What a repository has: its facts, files, commits and references. */
export function repoInfo(request: HubRequest, id: string, revision: string): void {
  const at = readableCommit(request, id, revision || 'main');
  sendInfo(request, readable(request, id), at);
}

/** The same of any repository. */
export function sendInfo(request: HubRequest, repository: Repository, at: RepositoryCommit): void {
  const { id } = repository;
  const withBlobs = request.url.searchParams.has('blobs');
  sendJson(request.response, {
    _id: id,
    id,
    author: id.split('/')[0],
    sha: at.id,
    lastModified: new Date(at.dateMs).toISOString(),
    createdAt: new Date(repository.history(repository.head).at(-1)!.dateMs).toISOString(),
    private: repository.visibility === 'private',
    gated: repository.gated ? 'auto' : false,
    disabled: repository.disabled,
    downloads: 0,
    likes: 0,
    tags: [],
    siblings: [...at.files].map(([rfilename, file]) => ({ rfilename, ...(withBlobs ? blob(file) : {}) })),
  });
}

function blob({ content, blobId, lfs }: RepositoryFile): Record<string, unknown> {
  const { oid: sha256, ...sizes } = lfs ?? { oid: undefined };
  return { blobId, size: content.length, ...(lfs ? { lfs: { sha256, ...sizes } } : {}) };
}

export function pathsInfo(request: HubRequest, id: string, revision: string): void {
  const { request: incoming, response, body } = request;
  const at = readableCommit(request, id, revision);
  const text = body.toString();
  const isForm = incoming.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const asked = isForm ? new URLSearchParams(text).getAll('paths') : (JSON.parse(text) as { paths: string[] }).paths;
  const paths = asked.map((path) => path.replace(/\/+$/, ''));
  sendJson(
    response,
    paths.flatMap((path) => {
      if (at.files.has(path)) return fileEntry(path, at.files.get(path)!, at);
      return filesUnder(at, path).size > 0 ? folderEntry(path, at) : [];
    }),
  );
}

/** A folder that is not there is missing, while the root of an empty repository is merely empty. */
export function tree(request: HubRequest, id: string, revision: string, path: string): void {
  const at = readableCommit(request, id, revision);
  const folder = path.replace(/\/+$/, '');
  const recursive = request.url.searchParams.get('recursive') === 'true';
  const files = filesUnder(at, folder);
  if (folder !== '' && files.size === 0)
    throw new HubRefusal(404, `${folder} does not exist on "${revision}"`, 'EntryNotFound');
  const entries = new Map<string, unknown>();
  for (const [inner, file] of files) {
    const parts = inner.split('/');
    const full = (depth: number) => [folder, ...parts.slice(0, depth)].filter(Boolean).join('/');
    const deepest = recursive ? parts.length : 1;
    for (let depth = 1; depth <= deepest; depth++)
      entries.set(full(depth), depth < parts.length ? folderEntry(full(depth), at) : fileEntry(full(depth), file, at));
  }
  sendJson(request.response, [...entries.values()]);
}

/** The files of a folder, by their paths within it; of the whole repository where the folder is "". */
function filesUnder(at: RepositoryCommit, folder: string): Map<string, RepositoryFile> {
  const prefix = folder === '' ? '' : `${folder}/`;
  const under = [...at.files].filter(([path]) => path.startsWith(prefix));
  return new Map(under.map(([path, file]) => [path.slice(prefix.length), file]));
}

function fileEntry(path: string, file: RepositoryFile, at: RepositoryCommit): Record<string, unknown> {
  const { content, blobId: oid, lfs } = file;
  return { type: 'file', path, size: content.length, oid, ...(lfs ? { lfs } : {}), lastCommit: lastCommit(at) };
}

function folderEntry(path: string, at: RepositoryCommit): Record<string, unknown> {
  return { type: 'directory', path, size: 0, oid: treeId(filesUnder(at, path)), lastCommit: lastCommit(at) };
}

function lastCommit({ id, title, dateMs }: RepositoryCommit): Record<string, unknown> {
  return { id, title, date: new Date(dateMs).toISOString() };
}

export function commits(request: HubRequest, id: string, revision: string): void {
  const at = readableCommit(request, id, revision);
  const history = readable(request, id).history(at);
  const list = history.map(({ id: commitOid, title, author, dateMs }) => ({
    id: commitOid,
    title,
    message: '',
    date: new Date(dateMs).toISOString(),
    authors: [{ user: author, avatar: '' }],
  }));
  sendJson(request.response, list, { 'X-Total-Count': String(list.length) });
}

export function refs(request: HubRequest, id: string): void {
  const repository = readable(request, id);
  const under = (prefix: string) =>
    repository.refs.flatMap(([ref, targetCommit]) =>
      ref.startsWith(prefix) ? { name: ref.slice(prefix.length), ref, targetCommit } : [],
    );
  const withPullRequests = request.url.searchParams.has('include_prs');
  sendJson(request.response, {
    branches: under('refs/heads/'),
    converts: [],
    tags: under('refs/tags/'),
    ...(withPullRequests ? { pullRequests: under(pullRequestRef({ num: 0 }).slice(0, -1)) } : {}),
  });
}
