import { describe } from './access.ts';
import { validateYaml } from './card.ts';
import { discussion, discussions, discussionUrl, openDiscussion } from './discussions.ts';
import {
  type HubContents,
  type HubRequest,
  readable,
  readableCommit,
  requireRights,
  requireUser,
  revisionNotFound,
  writable,
  writableRef,
} from './hub-request.ts';
import { lfsBatch, lfsComplete, lfsObject, lfsPut, lfsPutPart, lfsVerify, noXet } from './lfs.ts';
import { commits, pathsInfo, refs, repoInfo, sendInfo, tree } from './listings.ts';
import { HubRefusal, inHeader, sendJson } from './replies.ts';
import {
  type FileChange,
  lfsFile,
  lfsPointer,
  pullRequestRef,
  Repository,
  type RepositoryCommit,
  regularFile,
} from './repository.ts';

/** What the .gitattributes that the Hub gives a new dataset has in LFS, however small. */
const BINARY =
  /\.(7z|arrow|avro|bin|bz2|gz|h5|joblib|jpe?g|lz4|mp3|mp4|msgpack|npy|npz|onnx|parquet|pickle|pkl|png|pt|pth|rar|safetensors|tar|tgz|wav|webp|xz|zip|zst)$/i;

type Handler = (request: HubRequest, ...parts: string[]) => void;
type Route = [method: string, path: RegExp, handler: Handler];

/** Letters, digits, and `-`, `_` and `.` within, 96 characters at most. */
const REPOSITORY = /^[\w.-]{1,96}\/(?![.-])(?!.*(?:--|\.\.))[\w.-]{1,96}(?<![.-])$/;
const ID = '([^/]+/[^/]+)';
/** Clients encode the slashes of `refs/pr/1` in some routes and leave them in others. */
const REVISION = '(refs/(?:pr|heads|tags)/[^/]+|[^/]+)';
/** The routes of the Hub that its clients use for dataset repositories, and for reading models. */
const ROUTES: Route[] = [
  ['GET', /^\/api\/whoami-v2$/, whoami],
  ['POST', /^\/api\/validate-yaml$/, validateYaml],
  ['POST', /^\/api\/repos\/create$/, createRepo],
  ['PUT', new RegExp(`^/api/datasets/${ID}/settings$`), settings],
  ['POST', new RegExp(`^/api/datasets/${ID}/preupload/${REVISION}$`), preupload],
  ['POST', new RegExp(`^/api/datasets/${ID}/commit/${REVISION}$`), commit],
  ['POST', new RegExp(`^/api/datasets/${ID}/branch/${REVISION}$`), createBranch],
  ['POST', new RegExp(`^/api/datasets/${ID}/tag/${REVISION}$`), createTag],
  ['DELETE', new RegExp(`^/api/datasets/${ID}/(branch|tag)/${REVISION}$`), removeRef],
  ['POST', new RegExp(`^/api/datasets/${ID}/discussions$`), openDiscussion],
  ['GET', new RegExp(`^/api/datasets/${ID}/discussions$`), discussions],
  ['GET', new RegExp(`^/api/datasets/${ID}/discussions/(\\d+)$`), discussion],
  ['POST', new RegExp(`^/api/datasets/${ID}/paths-info/${REVISION}$`), pathsInfo],
  ['GET', new RegExp(`^/api/datasets/${ID}/tree/${REVISION}(?:/(.*))?$`), tree],
  ['GET', new RegExp(`^/api/datasets/${ID}/commits/${REVISION}$`), commits],
  ['GET', new RegExp(`^/api/datasets/${ID}/refs$`), refs],
  ['GET', new RegExp(`^/api/datasets/${ID}(?:/revision/${REVISION})?$`), repoInfo],
  ['POST', new RegExp(`^/datasets/${ID}\\.git/info/lfs/objects/batch$`), lfsBatch],
  ['PUT', /^\/__lfs\/([0-9a-f]{64})$/, lfsPut],
  ['PUT', /^\/__lfs\/([0-9a-f]{64})\/parts\/(\d{1,5})$/, lfsPutPart],
  ['POST', /^\/__lfs\/([0-9a-f]{64})\/complete$/, lfsComplete],
  ['POST', /^\/__lfs\/verify$/, lfsVerify],
  ['GET', new RegExp(`^/api/datasets/${ID}/xet-(?:read|write)-token/${REVISION}$`), noXet],
  ['GET', new RegExp(`^/datasets/${ID}/(resolve|raw)/${REVISION}/(.+)$`), resolve],
  ['GET', new RegExp(`^/api/models/${ID}(?:/revision/${REVISION})?$`), modelInfo],
  ['GET', new RegExp(`^/${ID}/resolve/${REVISION}/(.+)$`), resolveModel],
];

/** Answers a request, or throws the refusal. HEAD is GET without the body. */
export function answer(request: HubRequest): void {
  const method = request.request.method === 'HEAD' ? 'GET' : request.request.method;
  for (const [routeMethod, path, handler] of ROUTES) {
    const match = routeMethod === method ? path.exec(request.url.pathname) : null;
    if (!match) continue;
    handler(request, ...match.slice(1).map((part) => decodeURIComponent(part ?? '')));
    return;
  }
  throw new HubRefusal(404, "Sorry, we can't find the page you are looking for.");
}

function whoami({ response, access }: HubRequest): void {
  if (access === null) throw new HubRefusal(401, 'Invalid username or password.');
  sendJson(response, describe(access));
}

function createRepo(request: HubRequest): void {
  const { hub, response, body, user, origin } = request;
  const { name, type, organization, visibility } = JSON.parse(body.toString()) as {
    name: string;
    type?: string;
    organization?: string;
    visibility?: string;
  };
  if (type !== 'dataset') throw new HubRefusal(400, 'This hub has datasets alone');
  const id = `${organization ?? user}/${name}`;
  if (typeof name !== 'string' || !REPOSITORY.test(id))
    throw new HubRefusal(400, `Invalid repository name: ${id.slice(0, 200)}`);
  requireRights(request, id);
  const url = `${origin}/datasets/${id}`;
  if (hub.repositories.has(id))
    throw new HubRefusal(409, 'You already created this dataset repo', undefined, { url, name: id, id });
  const repository = new Repository({ id, author: user!, dateMs: hub.nowMs() });
  if (visibility === 'private') repository.visibility = 'private';
  hub.repositories.set(id, repository);
  sendJson(response, { url, name: id, id });
}

function settings(request: HubRequest, id: string): void {
  const repository = writable(request, id);
  const {
    private: isPrivate,
    visibility,
    gated,
  } = JSON.parse(request.body.toString()) as {
    private?: boolean;
    visibility?: 'public' | 'private';
    gated?: 'auto' | 'manual' | false;
  };
  repository.visibility =
    visibility ?? (isPrivate === undefined ? repository.visibility : isPrivate ? 'private' : 'public');
  if (gated !== undefined) repository.gated = gated !== false;
  sendJson(request.response, {
    private: repository.visibility === 'private',
    gated: repository.gated ? 'auto' : false,
  });
}

function createBranch(request: HubRequest, id: string, branch: string): void {
  const repository = writable(request, id);
  const { startingPoint = 'main' } = JSON.parse(request.body.toString() || '{}') as { startingPoint?: string };
  newRef(request, repository, `refs/heads/${branch}`, startingPoint);
}

function createTag(request: HubRequest, id: string, revision: string): void {
  const repository = writable(request, id);
  const { tag } = JSON.parse(request.body.toString()) as { tag: string };
  newRef(request, repository, `refs/tags/${tag}`, revision);
}

function newRef({ response }: HubRequest, repository: Repository, ref: string, at: string): void {
  if (repository.ref(ref) !== null) throw new HubRefusal(409, `Reference ${ref} already exists`);
  const commit = repository.resolve(at);
  if (!commit) throw revisionNotFound(at);
  repository.point(ref, commit.id);
  sendJson(response, { success: true });
}

function removeRef(request: HubRequest, id: string, kind: string, name: string): void {
  const repository = writable(request, id);
  const ref = `refs/${kind === 'tag' ? 'tags' : 'heads'}/${name}`;
  if (repository.ref(ref) === null) throw revisionNotFound(name);
  if (name === 'main') throw new HubRefusal(403, 'The branch main cannot be deleted');
  repository.removeRef(ref);
  sendJson(request.response, { success: true });
}

/** Whether the client wants its commit as a pull request, which leaves the branch alone. */
function asPullRequest({ url }: HubRequest): boolean {
  return url.searchParams.has('create_pr') && url.searchParams.get('create_pr') !== '0';
}

function preupload(request: HubRequest, id: string, revision: string): void {
  const { hub, response, body } = request;
  if (asPullRequest(request)) requireUser(request.user);
  else writableRef(request, id, revision);
  const base = readableCommit(request, id, revision);
  const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
  sendJson(response, {
    files: files.map(({ path, size }) => {
      const known = base.files.get(path);
      return {
        path,
        uploadMode: uploadMode(request, hub, { path, size }),
        shouldIgnore: false,
        oid: known?.lfs?.oid ?? known?.blobId,
      };
    }),
  });
}

/** Python's client uploads LFS files to Xet, which this server does not have: it is told to send them inline. */
function uploadMode(
  { request }: HubRequest,
  { storage }: HubContents,
  { path, size }: { path: string; size: number },
): 'regular' | 'lfs' {
  // Python takes "lfs" for Xet, unless it is told not to.
  const isPython = /hf_hub\//.test(request.headers['user-agent'] ?? '');
  if ((isPython && !storage.lfsForPython) || storage.mode === 'regular') return 'regular';
  return storage.mode === 'lfs' || size > storage.lfsFromBytes || BINARY.test(path) ? 'lfs' : 'regular';
}

function commit(request: HubRequest, id: string, revision: string): void {
  const { hub, response, body, origin } = request;
  const user = requireUser(request.user);
  const repository = asPullRequest(request) ? readable(request, id) : writableRef(request, id, revision).repository;
  const base = readableCommit(request, id, revision);
  const { title, description, parentCommit, changes } = readCommit(hub, body, [...base.files.keys()]);
  const words = { author: user, title, dateMs: hub.nowMs() };
  // A pull request may stand on an older commit; a branch takes commits on its latest only.
  const parent = parentCommit === undefined ? base : repository.resolve(parentCommit);
  if (!parent || (parent !== base && !asPullRequest(request)))
    throw new HubRefusal(412, 'A commit has happened since. Please refresh and try again.');
  const opened = asPullRequest(request) ? repository.openPullRequest(parent, { ...words, description }) : null;
  const ref = opened ? pullRequestRef(opened) : repository.ref(revision)!;
  const { id: commitOid } = repository.commit({ ref, changes, ...words });
  sendJson(response, {
    success: true,
    commitOid,
    commitUrl: `${origin}/datasets/${id}/commit/${commitOid}`,
    hookOutput: '',
    ...(opened ? { pullRequestUrl: discussionUrl(request, id, opened) } : {}),
  });
}

/** A header, or an operation. */
interface CommitLine {
  summary?: string;
  description?: string;
  parentCommit?: string;
  path?: string;
  content?: string;
  oid?: string;
  size?: number;
}

/** The lines of a commit request (NDJSON): a header, then one operation a line. */
function readCommit(hub: HubContents, body: Buffer, paths: string[]) {
  const changes: FileChange[] = [];
  let header: CommitLine = {};
  for (const line of body.toString().split('\n').filter(Boolean)) {
    const { key, value } = JSON.parse(line) as { key: string; value: CommitLine };
    if (key === 'header') header = value;
    else if (key === 'file')
      changes.push({ path: newPath(value.path), file: regularFile(Buffer.from(value.content!, 'base64')) });
    else if (key === 'lfsFile') changes.push({ path: newPath(value.path), file: lfsFile(lfsObject(hub, value)) });
    else if (key === 'deletedFile') changes.push({ path: value.path!, file: null });
    else if (key === 'deletedFolder') {
      const folder = value.path!.replace(/\/?$/, '/');
      for (const path of paths) if (path.startsWith(folder)) changes.push({ path, file: null });
    } else throw new HubRefusal(400, `Unknown operation ${key}`);
  }
  const { summary: title = 'Update', description = '', parentCommit } = header;
  return { title, description, parentCommit, changes };
}

/** A path that git can have: relative, without empty parts, `.` and `..`, and outside `.git`. */
function newPath(path: unknown): string {
  const isPath =
    typeof path === 'string' && path.split('/').every((part) => !/^(\.{0,2}|\.git)$/i.test(part)) && !/\0/.test(path);
  if (isPath) return path;
  throw new HubRefusal(400, `Invalid path: ${String(path).slice(0, 200)}`);
}

function resolve(request: HubRequest, id: string, how: string, revision: string, path: string): void {
  sendFile(request, readableCommit(request, id, revision), { how, path });
}

function resolveModel(request: HubRequest, id: string, revision: string, path: string): void {
  sendFile(request, modelCommit(request, id, revision), { how: 'resolve', path });
}

function sendFile(
  { response, request: incoming }: HubRequest,
  at: RepositoryCommit,
  { how, path }: { how: string; path: string },
): void {
  const file = at.files.get(path);
  if (!file) throw new HubRefusal(404, 'Entry not found', 'EntryNotFound');
  const content = how === 'raw' && file.lfs ? lfsPointer(file.lfs) : file.content;
  const headers: Record<string, string | number> = {
    'Content-Type': 'application/octet-stream',
    'X-Repo-Commit': at.id,
    ETag: `"${file.lfs?.oid ?? file.blobId}"`,
    'Accept-Ranges': 'bytes',
    'Content-Disposition': disposition(path.split('/').at(-1)!),
    ...(file.lfs ? { 'X-Linked-Size': file.lfs.size, 'X-Linked-ETag': `"${file.lfs.oid}"` } : {}),
  };
  const range = /^bytes=(\d+)-(\d*)$/.exec(incoming.headers.range ?? '');
  if (!range) {
    response.writeHead(200, { ...headers, 'Content-Length': content.length });
    return void response.end(content);
  }
  const first = Number(range[1]);
  const last = Math.min(range[2] ? Number(range[2]) : content.length - 1, content.length - 1);
  if (content.length === 0) {
    // Clients probe the size with the first byte; an empty file has none, and a plain 416 would look like a fault.
    response.writeHead(206, { ...headers, 'Content-Range': 'bytes 0-0/0', 'Content-Length': 0 });
    return void response.end();
  }
  if (first > last) {
    response.writeHead(416, { 'Content-Range': `bytes */${content.length}`, 'Content-Length': 0 });
    return void response.end();
  }
  const part = content.subarray(first, last + 1);
  response.writeHead(206, {
    ...headers,
    'Content-Range': `bytes ${first}-${last}/${content.length}`,
    'Content-Length': part.length,
  });
  response.end(part);
}

/** The name in any language, and for old clients in ASCII (RFC 6266). */
function disposition(name: string): string {
  return `inline; filename*=UTF-8''${encodeURIComponent(name)}; filename="${inHeader(name).replace(/["\\]/g, '?')}"`;
}

function modelInfo(request: HubRequest, id: string, revision: string): void {
  const at = modelCommit(request, id, revision || 'main');
  sendInfo(request, request.hub.models.get(id)!, at);
}

function modelCommit({ hub, user }: HubRequest, id: string, revision: string): RepositoryCommit {
  const model = hub.models.get(id);
  if (!model) throw new HubRefusal(user === null ? 401 : 404, 'Repository not found', 'RepoNotFound');
  const found = model.resolve(revision);
  if (!found) throw revisionNotFound(revision);
  return found;
}
