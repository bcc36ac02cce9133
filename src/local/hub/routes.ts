import type { IncomingMessage, ServerResponse } from 'node:http';
import { HubRefusal, sendJson } from './replies.ts';
import {
  type FileChange,
  lfsFile,
  lfsPointer,
  Repository,
  type RepositoryCommit,
  type RepositoryFile,
  regularFile,
} from './repository.ts';

/** Everything the hub holds. */
export interface HubContents {
  repositories: Map<string, Repository>;
  /** Uploaded LFS objects by sha256. */
  lfsObjects: Map<string, Buffer>;
  nowMs: () => number;
  /** How the server decides between git and LFS storage. */
  storage: { mode: 'auto' | 'regular' | 'lfs'; lfsFromBytes: number };
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
  body: Buffer;
}

type Handler = (request: HubRequest, ...parts: string[]) => void;
type Route = [method: string, path: RegExp, handler: Handler];

const ID = '([^/]+/[^/]+)';
/** The routes of the Hub that its clients use for dataset repositories. */
const ROUTES: Route[] = [
  ['GET', /^\/api\/whoami-v2$/, whoami],
  ['POST', /^\/api\/repos\/create$/, createRepo],
  ['POST', new RegExp(`^/api/datasets/${ID}/preupload/([^/]+)$`), preupload],
  ['POST', new RegExp(`^/api/datasets/${ID}/commit/([^/]+)$`), commit],
  ['POST', new RegExp(`^/api/datasets/${ID}/paths-info/([^/]+)$`), pathsInfo],
  ['GET', new RegExp(`^/api/datasets/${ID}/tree/([^/]+)(?:/(.*))?$`), tree],
  ['GET', new RegExp(`^/api/datasets/${ID}/commits/([^/]+)$`), commits],
  ['GET', new RegExp(`^/api/datasets/${ID}/refs$`), refs],
  ['GET', new RegExp(`^/api/datasets/${ID}(?:/revision/([^/]+))?$`), repoInfo],
  ['POST', new RegExp(`^/datasets/${ID}\\.git/info/lfs/objects/batch$`), lfsBatch],
  ['PUT', /^\/__lfs\/([0-9a-f]{64})$/, lfsPut],
  ['POST', /^\/__lfs\/verify$/, lfsVerify],
  ['GET', new RegExp(`^/datasets/${ID}/(resolve|raw)/([^/]+)/(.+)$`), resolve],
  ['GET', new RegExp(`^/api/models/${ID}(?:/.*)?$`), noModel],
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

function whoami({ response, user }: HubRequest): void {
  if (user === null) throw new HubRefusal(401, 'Invalid username or password.');
  sendJson(response, {
    type: 'user',
    id: user,
    name: user,
    orgs: [],
    auth: { type: 'access_token', accessToken: { role: 'write' } },
  });
}

function createRepo({ hub, response, body, user, origin }: HubRequest): void {
  const { name, organization, visibility } = JSON.parse(body.toString()) as {
    name: string;
    organization?: string;
    visibility?: string;
  };
  const id = `${organization ?? user}/${name}`;
  requireOwner(user, id);
  const url = `${origin}/datasets/${id}`;
  if (hub.repositories.has(id))
    throw new HubRefusal(409, 'You already created this dataset repo', undefined, { url, name: id, id });
  const repository = new Repository({ id, author: user!, dateMs: hub.nowMs() });
  if (visibility === 'private') repository.visibility = 'private';
  hub.repositories.set(id, repository);
  sendJson(response, { url, name: id, id });
}

function preupload(request: HubRequest, id: string, branch: string): void {
  const { hub, response, body } = request;
  const { head } = writable(request, id, branch);
  const { files } = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
  sendJson(response, {
    files: files.map(({ path, size }) => {
      const known = head.files.get(path);
      return {
        path,
        uploadMode: uploadMode(request, hub, size),
        shouldIgnore: false,
        oid: known?.lfs?.oid ?? known?.blobId,
      };
    }),
  });
}

/** Python's client sends LFS files straight to Xet, which this server has not: it is told to send them inline. */
function uploadMode({ request }: HubRequest, { storage }: HubContents, size: number): 'regular' | 'lfs' {
  if (/hf_hub\//.test(request.headers['user-agent'] ?? '') || storage.mode === 'regular') return 'regular';
  return storage.mode === 'lfs' || size > storage.lfsFromBytes ? 'lfs' : 'regular';
}

function commit(request: HubRequest, id: string, branch: string): void {
  const { hub, response, body, user, origin } = request;
  const repository = writable(request, id, branch);
  const changes: FileChange[] = [];
  let title = 'Update';
  for (const line of body.toString().split('\n').filter(Boolean)) {
    const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
    if (key === 'header') {
      title = value.summary ?? title;
      if (value.parentCommit && value.parentCommit !== repository.head.id)
        throw new HubRefusal(412, 'A commit has happened since. Please refresh and try again.');
    } else if (key === 'file')
      changes.push({ path: value.path!, file: regularFile(Buffer.from(value.content!, 'base64')) });
    else if (key === 'lfsFile') changes.push({ path: value.path!, file: lfsFile(lfsObject(hub, value.oid!)) });
    else if (key === 'deletedFile') changes.push({ path: value.path!, file: null });
    else if (key === 'deletedFolder') {
      const folder = value.path!.replace(/\/?$/, '/');
      for (const path of repository.head.files.keys()) if (path.startsWith(folder)) changes.push({ path, file: null });
    } else throw new HubRefusal(400, `Unknown operation ${key}`);
  }
  const { id: commitOid } = repository.commit({ changes, author: user!, title, dateMs: hub.nowMs() });
  sendJson(response, {
    success: true,
    commitOid,
    commitUrl: `${origin}/datasets/${id}/commit/${commitOid}`,
    hookOutput: '',
  });
}

function lfsObject(hub: HubContents, oid: string): Buffer {
  const content = hub.lfsObjects.get(oid);
  if (!content) throw new HubRefusal(400, `LFS object ${oid} was not uploaded`);
  return content;
}

function pathsInfo(request: HubRequest, id: string, revision: string): void {
  const { request: incoming, response, body } = request;
  const at = readableCommit(request, id, revision);
  const text = body.toString();
  const isForm = incoming.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const paths = isForm ? new URLSearchParams(text).getAll('paths') : (JSON.parse(text) as { paths: string[] }).paths;
  sendJson(
    response,
    paths.flatMap((path) => (at.files.has(path) ? entry(path, at.files.get(path)!, at) : [])),
  );
}

function tree(request: HubRequest, id: string, revision: string, folder: string): void {
  const at = readableCommit(request, id, revision);
  const prefix = folder ? `${folder}/` : '';
  const recursive = request.url.searchParams.get('recursive') === 'true';
  const entries = new Map<string, unknown>();
  for (const [path, file] of at.files) {
    if (!path.startsWith(prefix)) continue;
    const slash = path.indexOf('/', prefix.length);
    if (recursive || slash < 0) entries.set(path, entry(path, file, at));
    else entries.set(path.slice(0, slash), { type: 'directory', path: path.slice(0, slash), oid: at.id, size: 0 });
  }
  sendJson(request.response, [...entries.values()]);
}

function entry(path: string, file: RepositoryFile, at: RepositoryCommit): Record<string, unknown> {
  const lastCommit = { id: at.id, title: at.title, date: new Date(at.dateMs).toISOString() };
  return {
    type: 'file',
    path,
    size: file.content.length,
    oid: file.blobId,
    ...(file.lfs ? { lfs: file.lfs } : {}),
    lastCommit,
  };
}

function commits(request: HubRequest, id: string, revision: string): void {
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

function refs(request: HubRequest, id: string): void {
  const { head } = readable(request, id);
  sendJson(request.response, {
    branches: [{ name: 'main', ref: 'refs/heads/main', targetCommit: head.id }],
    converts: [],
    tags: [],
  });
}

function repoInfo(request: HubRequest, id: string, revision: string): void {
  const at = readableCommit(request, id, revision || 'main');
  const repository = readable(request, id);
  sendJson(request.response, {
    _id: id,
    id,
    author: id.split('/')[0],
    sha: at.id,
    lastModified: new Date(at.dateMs).toISOString(),
    private: repository.visibility === 'private',
    gated: repository.gated ? 'auto' : false,
    disabled: repository.disabled,
    downloads: 0,
    likes: 0,
    tags: [],
    siblings: [...at.files.keys()].map((rfilename) => ({ rfilename })),
  });
}

function lfsBatch(request: HubRequest, id: string): void {
  const { hub, response, body, origin } = request;
  writable(request, id, 'main');
  const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
  sendJson(response, {
    transfer: 'basic',
    objects: objects.map(({ oid, size }) => {
      const stored = hub.lfsObjects.has(oid);
      const actions = { upload: { href: `${origin}/__lfs/${oid}` }, verify: { href: `${origin}/__lfs/verify` } };
      return { oid, size, ...(stored ? {} : { actions }) };
    }),
  });
}

function lfsPut({ hub, response, body }: HubRequest, oid: string): void {
  if (lfsFile(body).lfs!.oid !== oid) throw new HubRefusal(400, 'The content does not have the announced sha256');
  hub.lfsObjects.set(oid, body);
  response.writeHead(200).end();
}

function lfsVerify({ hub, response, body }: HubRequest): void {
  const { oid } = JSON.parse(body.toString()) as { oid: string };
  lfsObject(hub, oid);
  response.writeHead(200).end();
}

function resolve(request: HubRequest, id: string, how: string, revision: string, path: string): void {
  const { response, request: incoming } = request;
  const at = readableCommit(request, id, revision);
  const file = at.files.get(path);
  if (!file) throw new HubRefusal(404, 'Entry not found', 'EntryNotFound');
  const content = how === 'raw' && file.lfs ? lfsPointer(file.lfs) : file.content;
  const headers: Record<string, string | number> = {
    'Content-Type': 'application/octet-stream',
    'X-Repo-Commit': at.id,
    ETag: `"${file.lfs?.oid ?? file.blobId}"`,
    'Accept-Ranges': 'bytes',
    'Content-Disposition': `inline; filename="${path.split('/').at(-1)}"`,
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

/** This hub has datasets alone; whoever asks for a model is told so as the Hub does. */
function noModel({ user }: HubRequest): void {
  throw new HubRefusal(user === null ? 401 : 404, 'Repository not found', 'RepoNotFound');
}

/** The repository, if this user may read it. Whoever may not cannot tell a private repository from a missing one. */
function readable({ hub, user }: HubRequest, id: string): Repository {
  const repository = hub.repositories.get(id);
  const mine = user !== null && id.startsWith(`${user}/`);
  if (!repository || (repository.visibility === 'private' && !mine)) {
    throw new HubRefusal(user === null ? 401 : 404, 'Repository not found', 'RepoNotFound');
  }
  if (repository.disabled) throw new HubRefusal(403, 'Access to this resource is disabled.');
  if (repository.gated && !mine)
    throw new HubRefusal(user === null ? 401 : 403, `Access to dataset ${id} is restricted.`, 'GatedRepo');
  return repository;
}

function readableCommit(request: HubRequest, id: string, revision: string): RepositoryCommit {
  const found = readable(request, id).resolve(revision);
  if (!found) throw new HubRefusal(404, `Invalid rev id: ${revision}`, 'RevisionNotFound');
  return found;
}

function writable(request: HubRequest, id: string, branch: string): Repository {
  const repository = readable(request, id);
  requireOwner(request.user, id);
  if (branch !== 'main') throw new HubRefusal(404, `Invalid rev id: ${branch}`, 'RevisionNotFound');
  return repository;
}

function requireOwner(user: string | null, id: string): void {
  if (user === null) throw new HubRefusal(401, 'Invalid username or password.');
  if (!id.startsWith(`${user}/`)) throw new HubRefusal(403, `You don't have the rights to write to ${id}`);
}
