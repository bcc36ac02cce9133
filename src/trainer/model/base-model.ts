import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { parseHubEndpoint } from '../../schema/hub-endpoint.ts';
import { parseHubToken } from '../../schema/hub-token.ts';
import { RepoId } from '../../schema/model-id.ts';
import { bodyFrom, headersFrom } from '../../shared/body-from.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { fetchFailure } from '../../shared/fetch-failure.ts';
import { digestFile, type FileDigest } from '../../shared/file-digest.ts';
import { hubFetch } from '../../shared/hub-fetch.ts';
import { type HubFault, hubFault, hubRefusal } from '../../shared/hub-refusal.ts';
import { writeWhole } from '../../shared/incomplete-file.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { onDisk } from '../../shared/on-disk.ts';
import type { ProxyOption } from '../../shared/proxy.ts';
import { type HttpRoute, httpRoute } from '../../shared/proxy-fetch.ts';
import { ReceivedFile } from '../../shared/received-file.ts';
import { isTransientError, retry } from '../../shared/retry.ts';
import { sha256OfFile } from '../../shared/sha256-of-file.ts';
import { tracedFetch } from '../../shared/traced-fetch.ts';

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
  /** Replaces Node's fetch; `proxy` is not used then. */
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

const MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024;

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
  const hubToken = parseHubToken({ token: source.hubToken, setting: 'the parameter "hubToken"' });
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

/** Longer rate-limit waits are not waited out here: callers can, with {@link waitUntilAvailable}. */
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
  const { rfilename, size: bytes } = file;
  const url = urlOf(source, `${source.model}/resolve/${sha}/${rfilename}`);
  const what = `the model file ${path} cannot be written`;
  const fix = 'make room or choose another cache folder';
  const where = { path, what, fix, bytes, signal: source.signal };
  const bytesFrom = async (offset: number) => bodyFrom(await request(source, url, headersFrom(offset)), offset);
  const onProgress = (bytesDone: number) => source.onDownload?.({ file: rfilename, bytesDone, bytes });
  await onDisk(where, () =>
    writeWhole(path, async (incomplete) => {
      const output = await open(incomplete, 'wx');
      const received = new ReceivedFile(output, where);
      try {
        await insist(source, async () => {
          const digest = await received.fill({ bytes, bytesFrom, onProgress }).catch((error: unknown) => {
            throw transferFault(source, url, error);
          });
          if (isOf(file, digest)) return;
          received.discard();
          throw faultAt(source, url)('the bytes received are not those of the file');
        });
      } finally {
        await output.close();
      }
    }),
  );
}

async function request(source: HubSource, url: string, headers: Record<string, string> = {}): Promise<Response> {
  const { hubToken: token, stallTimeoutMs = 30_000, signal, route } = source;
  const fetch = hubFetch({ ...route, token, stallTimeoutMs, maxAnswerBytes: MAX_DESCRIPTION_BYTES, signal });
  try {
    const response = await fetch(url, { headers });
    if (response.ok) return response;
    await response.body?.cancel();
    throw hubRefusal({ url, response, body: '', isRead: true, token, fault: faultAt(source, url) });
  } catch (error) {
    throw error instanceof FlockOffError ? refusalOf(source.model, error) : error;
  }
}

/** What the Hub says of a model: that there is none is for the caller to correct. */
function refusalOf(model: string, refusal: FlockOffError): FlockOffError {
  if (refusal.code !== 'hub-denied') return refusal;
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
  const response = await request(source, url);
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

/** Whether what was received is the hub's file, as far as the hub names its hash. */
function isOf({ blobId, lfs }: HubFile, digest: FileDigest): boolean {
  if (lfs) return digest.sha256 === lfs.sha256;
  return !blobId || digest.gitBlobId === blobId;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
