import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { parseHubEndpoint } from '../../schema/hub-endpoint.ts';
import { parseHubToken } from '../../schema/hub-token.ts';
import { RepoId } from '../../schema/model-id.ts';
import { bodyFrom, type ReceivedBytes } from '../../shared/body-from.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { fetchFailure } from '../../shared/fetch-failure.ts';
import { digestFile } from '../../shared/file-digest.ts';
import { type HubFault, hubFault, hubRefusal } from '../../shared/hub-refusal.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { onDisk } from '../../shared/on-disk.ts';
import type { ProxyOption } from '../../shared/proxy.ts';
import { type HttpRoute, httpRoute } from '../../shared/proxy-fetch.ts';
import { isTransientError, retry } from '../../shared/retry.ts';
import { sha256OfFile } from '../../shared/sha256-of-file.ts';
import { stallWatch, watchBody } from '../../shared/stall-watch.ts';
import { tracedFetch } from '../../shared/traced-fetch.ts';
import { writeAll } from '../../shared/write-all.ts';

export interface BaseModelSource {
  /** A folder with config.json, weights and tokenizer, or a hub id `namespace/name`. */
  model: string;
  /** Branch, tag or commit of a hub id. Default `main`. */
  revision?: string;
  /** Where models from the hub, and files with mapped weights, are kept. Default `.flock-off/cache/models`. */
  cacheDir?: string;
  /** Default `https://huggingface.co`. */
  hubEndpoint?: string;
  /** Only for private or gated models. Never logged. */
  hubToken?: string;
  /** Proxy of every request; `false` for none. Default: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say. */
  proxy?: ProxyOption;
  /** Replaces Node's, and sees to proxies itself. */
  fetch?: typeof fetch;
  clock?: Clock;
  /** The connection is given up after this long without a byte, or with less than 1 KiB a second. Default 30 s. */
  stallTimeoutMs?: number;
  /** Longest time of a download in all. Default 6 hours. */
  totalTimeoutMs?: number;
  /** Traces each request. */
  logger?: Logger;
  signal?: AbortSignal;
  /** Called as files of a hub model arrive. */
  onDownload?: (progress: { file: string; bytesDone: number; bytes: number }) => void;
}

/** A source on a hub: the way there, and what bounds a download, the caller's signal and the time it may take. */
interface HubSource extends BaseModelSource {
  hubEndpoint: string;
  route: HttpRoute;
  signal: AbortSignal;
}

/** What a connection must bring before it breaks to be followed by the next one at once. */
const PROGRESS_BYTES = 1024 * 1024;
const MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Where models are kept when nothing else is said. */
export const DEFAULT_CACHE = join('.flock-off', 'cache', 'models');

const NEEDED =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json)$/;

const Revision = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.int().nonnegative(),
      blobId: z.string().nullish(),
      lfs: z.object({ sha256: z.string() }).nullish(),
    }),
  ),
});
type HubFile = z.infer<typeof Revision>['siblings'][number];

/**
 * The folder of a base model: the given one, or a cached copy of a hub model at one commit. Files already complete are
 * not downloaded again; sizes and, as far as the hub names them, hashes are checked each time.
 * @throws FlockOffError `bad-argument` (token, endpoint, proxy), `bad-model`, `hub-denied`, `hub-unreachable` (transient) or `disk`.
 */
export async function resolveBaseModel(source: BaseModelSource): Promise<string> {
  const hubToken = parseHubToken(source.hubToken, 'the parameter "hubToken"');
  const hubEndpoint = parseHubEndpoint(source.hubEndpoint ?? 'https://huggingface.co', 'the parameter "hubEndpoint"');
  if (await isFolder(source.model)) return resolve(source.model);
  if (!RepoId.safeParse(source.model).success) {
    throw new FlockOffError({
      code: 'bad-model',
      what: `there is no folder ${source.model}, and it is no hub id "namespace/name" either`,
      fix: 'pass the folder of a model or an id such as Qwen/Qwen2.5-1.5B-Instruct',
      facts: { model: source.model },
    });
  }
  const { fetch, through } = httpRoute(source, hubEndpoint);
  const route = { fetch: tracedFetch(fetch, safeLogger(source.logger)), through };
  return download({ ...source, hubToken, hubEndpoint, route });
}

const MAX_DELAY_MS = 30_000;

/** Who asks for a longer wait is not asked again here: whoever wants the model can say that it is waited for. */
function isTransient(error: unknown): boolean {
  const askedMs = error instanceof FlockOffError ? (error.retryAfterMs ?? 0) : 0;
  return isTransientError(error) && askedMs <= MAX_DELAY_MS;
}

async function download(source: Omit<HubSource, 'signal'> & Pick<BaseModelSource, 'signal'>): Promise<string> {
  const { model, revision = 'main', cacheDir = DEFAULT_CACHE, totalTimeoutMs = 6 * 3_600_000 } = source;
  const deadline = new AbortController();
  const late = () => faultAt(source, urlOf(source, model))(`it took more than ${totalTimeoutMs / 1000} s in all`);
  const timer = setTimeout(() => deadline.abort(late()), totalTimeoutMs).unref();
  const signal = source.signal ? AbortSignal.any([source.signal, deadline.signal]) : deadline.signal;
  try {
    const bounded = { ...source, signal };
    const path = `api/models/${model}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const { sha, siblings } = await insist(bounded, () => readRevision(bounded, path));
    const folder = resolve(cacheDir, model.replace('/', '--'), sha);
    for (const file of siblings.filter(({ rfilename }) => NEEDED.test(rfilename))) {
      const path = join(folder, file.rfilename);
      if (!(await onDisk(path, () => isWhole(path, file)))) await downloadFile(bounded, sha, file, path);
    }
    return folder;
  } finally {
    clearTimeout(timer);
  }
}

function insist<T>({ signal, clock = systemClock }: HubSource, attempt: () => Promise<T>): Promise<T> {
  return retry(attempt, { attempts: 4, baseDelayMs: 1000, maxDelayMs: MAX_DELAY_MS, isTransient, signal, clock });
}

async function downloadFile(source: HubSource, sha: string, file: HubFile, path: string): Promise<void> {
  const url = urlOf(source, `${source.model}/resolve/${sha}/${file.rfilename}`);
  const what = `the model file ${path} cannot be written`;
  const fix = 'make room or choose another cache folder';
  const where = { path, what, fix, bytes: file.size, signal: source.signal };
  await onDisk(where, () =>
    writeWhole(path, async (incomplete) => {
      const output = await open(incomplete, 'wx');
      const write = (bytes: Uint8Array, position: number) => onDisk(where, () => writeAll(output, bytes, position));
      try {
        await receiveFile(source, url, file, { write, isWhole: () => isWhole(incomplete, file) });
      } finally {
        await output.close();
      }
    }),
  );
}

/** Where a file that is received goes. */
interface Output {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Whether what lies there is the file. */
  isWhole(): Promise<boolean>;
}

/** Receives a file, possibly over several connections: each goes on where the last one broke off. */
async function receiveFile(source: HubSource, url: string, file: HubFile, output: Output): Promise<void> {
  let bytesDone = 0;
  const receive = async ({ offset, bytes }: ReceivedBytes) => {
    bytesDone = offset;
    for await (const chunk of bytes) {
      // What lies behind the end is not read: whether this is the file, its hash tells.
      const piece = chunk.subarray(0, file.size - bytesDone);
      await output.write(piece, bytesDone);
      bytesDone += piece.length;
      source.onDownload?.({ file: file.rfilename, bytesDone, bytes: file.size });
      if (bytesDone === file.size) return;
    }
    const ended = faultAt(source, url)(`it ended after ${bytesDone} of ${file.size} bytes`);
    // A short answer that did not break off is likely another page, not the beginning of the file.
    if (bytesDone < PROGRESS_BYTES) bytesDone = 0;
    throw ended;
  };
  await insist(source, async () => {
    for (let furthest = bytesDone; bytesDone < file.size; ) {
      try {
        await receive(await requestFrom(source, url, bytesDone));
      } catch (error) {
        if (bytesDone - furthest < PROGRESS_BYTES) throw transferFault(source, url, error);
        furthest = bytesDone;
      }
    }
    if (await output.isWhole()) return;
    bytesDone = 0;
    throw faultAt(source, url)('the bytes received are not those of the file');
  });
}

async function requestFrom(source: HubSource, url: string, offset: number): Promise<ReceivedBytes> {
  const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const headers = { 'accept-encoding': 'identity', ...range };
  return bodyFrom(await request(source, url, { headers, maxBytes: Number.POSITIVE_INFINITY }), offset);
}

async function request(
  source: HubSource,
  url: string,
  { headers = {}, maxBytes }: { headers?: Record<string, string>; maxBytes: number },
): Promise<Response> {
  const { hubToken: token, stallTimeoutMs = 30_000, signal } = source;
  const fault = faultAt(source, url);
  const watch = stallWatch(stallTimeoutMs, fault);
  try {
    const response = await source.route.fetch(url, {
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.any([watch.signal, signal]),
    });
    if (response.ok) return watchBody(response, { watch, stallTimeoutMs, maxBytes, fault });
    const refused = watchBody(response, { watch, stallTimeoutMs, maxBytes: MAX_REFUSAL_BYTES, fault });
    const body = await refused.text().catch(() => '');
    throw refusalOf(source.model, hubRefusal({ url, response, body, isRead: true, token, fault }));
  } catch (error) {
    watch.stop();
    throw transferFault(source, url, error);
  }
}

/** What the Hub says of a model: that there is none is for the caller to correct. */
function refusalOf(model: string, refusal: FlockOffError): FlockOffError {
  const { errorCode, status } = refusal.facts;
  if (errorCode === 'RepoNotFound' || errorCode === 'RevisionNotFound' || errorCode === 'EntryNotFound')
    return new FlockOffError({
      code: 'bad-model',
      what: `the hub has no model ${model} at this revision, or it is private`,
      fix: 'check its name and revision, or pass a folder',
      facts: { status, model },
    });
  if (errorCode !== 'GatedRepo') return refusal;
  return new FlockOffError({
    code: 'hub-denied',
    what: `the hub refuses the model ${model} (status ${status})`,
    fix: 'accept its licence on the hub and pass a token that may read it',
    facts: { status, errorCode, model },
  });
}

function transferFault(source: HubSource, url: string, error: unknown): unknown {
  if (source.signal.aborted) return source.signal.reason;
  if (error instanceof FlockOffError) return error;
  return faultAt(source, url)(fetchFailure(error), { cause: error });
}

function urlOf({ hubEndpoint }: Pick<HubSource, 'hubEndpoint'>, path: string): string {
  return `${hubEndpoint}/${path}`;
}

function faultAt({ route }: Pick<HubSource, 'route'>, url: string): HubFault {
  return hubFault(url, route.through(url));
}

async function readRevision(source: HubSource, path: string): Promise<z.infer<typeof Revision>> {
  const url = urlOf(source, path);
  const response = await request(source, url, { maxBytes: MAX_DESCRIPTION_BYTES });
  const described = await response.json().catch((error: unknown) => {
    throw transferFault(source, url, error);
  });
  const parsed = Revision.safeParse(described);
  if (parsed.success) return parsed.data;
  throw faultAt(source, url)('it does not describe the model as the Hub does');
}

/** Whether the hub's file is there: a disk may have damaged what was whole when it arrived. */
async function isWhole(path: string, { size, blobId, lfs }: HubFile): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found?.size !== size) return false;
  if (lfs) return (await sha256OfFile(path)) === lfs.sha256;
  return !blobId || (await digestFile(path)).gitBlobId === blobId;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
