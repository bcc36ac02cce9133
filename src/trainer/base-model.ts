import { open, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { RepoId } from '../schema/model-id.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { digestFile } from '../shared/file-digest.ts';
import { makeFolder } from '../shared/make-folder.ts';
import type { ProxyOption } from '../shared/proxy.ts';
import { type HttpRoute, httpRoute } from '../shared/proxy-fetch.ts';
import { ProxyError } from '../shared/proxy-tunnel.ts';
import { retry } from '../shared/retry.ts';
import { sha256OfFile } from '../shared/sha256-of-file.ts';

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
  /** The connection is given up after this long without a byte. Default 30 s. */
  stallTimeoutMs?: number;
  signal?: AbortSignal;
  /** Called as files of a hub model arrive. */
  onDownload?: (progress: { file: string; bytesDone: number; bytes: number }) => void;
}

/** A source on a hub, and the way there. */
interface HubSource extends BaseModelSource {
  endpoint: string;
  route: HttpRoute;
}

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
 * @throws FlockOffError `bad-model`, `bad-argument` (proxy), `hub-denied`, `hub-unreachable` (transient) or `disk`.
 */
export async function resolveBaseModel(source: BaseModelSource): Promise<string> {
  if (await isFolder(source.model)) return resolve(source.model);
  if (!RepoId.safeParse(source.model).success) {
    throw new FlockOffError({
      code: 'bad-model',
      what: `there is no folder ${source.model}, and it is no hub id "namespace/name" either`,
      fix: 'pass the folder of a model or an id such as Qwen/Qwen2.5-1.5B-Instruct',
      facts: { model: source.model },
    });
  }
  const endpoint = (source.hubEndpoint ?? 'https://huggingface.co').replace(/\/+$/, '');
  return download({ ...source, endpoint, route: httpRoute(source, endpoint) });
}

async function download(source: HubSource): Promise<string> {
  const { model, revision = 'main', cacheDir = DEFAULT_CACHE, signal } = source;
  const { clock = systemClock } = source;
  const again = <T>(attempt: () => Promise<T>) =>
    retry(attempt, { attempts: 4, baseDelayMs: 1000, maxDelayMs: 30_000, signal, clock });

  const path = `api/models/${model}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const { sha, siblings } = await again(() => readRevision(source, path));
  const files = siblings.filter(({ rfilename }) => NEEDED.test(rfilename));
  const folder = resolve(cacheDir, model.replace('/', '--'), sha);
  await makeFolder(folder);
  for (const file of files) {
    if (!(await isWhole(join(folder, file.rfilename), file)))
      await again(() => downloadFile(source, sha, file, folder));
  }
  return folder;
}

async function downloadFile(source: HubSource, sha: string, file: HubFile, folder: string): Promise<void> {
  const { model, onDownload } = source;
  const stallTimeoutMs = stallTimeoutOf(source);
  const path = join(folder, file.rfilename);
  const incomplete = `${path}.incomplete`;
  const stall = new AbortController();
  const response = await request(source, `${model}/resolve/${sha}/${file.rfilename}`, stall.signal);
  const output = await open(incomplete, 'w').catch(diskFault);
  let bytesDone = 0;
  let timer = setTimeout(() => stall.abort(), stallTimeoutMs);
  try {
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), stallTimeoutMs);
      bytesDone += chunk.length;
      if (bytesDone > file.size) break;
      await output.writeFile(chunk).catch(diskFault);
      onDownload?.({ file: file.rfilename, bytesDone, bytes: file.size });
    }
  } catch (error) {
    await rm(incomplete, { force: true });
    throw transferFault(source, file.rfilename, error);
  } finally {
    clearTimeout(timer);
    await output.close();
  }
  if (bytesDone !== file.size || !(await isWhole(incomplete, file))) {
    await rm(incomplete, { force: true });
    throw unreachable(`${file.rfilename} of ${model} arrived damaged (${bytesDone} bytes, expected ${file.size})`);
  }
  await rename(incomplete, path).catch(diskFault);
}

async function request(source: HubSource, path: string, stall?: AbortSignal): Promise<Response> {
  const { endpoint, route, hubToken, signal } = source;
  const deadline = new AbortController();
  const silent = () => deadline.abort(new Error(`no answer for ${stallTimeoutOf(source)} ms`));
  const timer = setTimeout(silent, stallTimeoutOf(source));
  const signals = [deadline.signal, ...(stall ? [stall] : []), ...(signal ? [signal] : [])];
  try {
    const response = await route.fetch(`${endpoint}/${path}`, {
      headers: hubToken ? { authorization: `Bearer ${hubToken}` } : {},
      signal: AbortSignal.any(signals),
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(source, response);
  } catch (error) {
    throw transferFault(source, path, error);
  } finally {
    clearTimeout(timer);
  }
}

function refusal(source: HubSource, { status, headers }: Response): FlockOffError {
  const { model, hubToken } = source;
  const facts = { status, model };
  // The Hub says what is missing or forbidden; a bare answer comes from something between us and it.
  const isBare = headers.get('X-Error-Code') === null && !(status === 401 && hubToken);
  if (isBare || ![401, 403, 404].includes(status))
    return unreachable(`the hub answered status ${status} for the model ${model}${through(source)}`);
  if (status !== 404) {
    const fix = 'accept its licence on the hub and pass a token that may read it';
    return new FlockOffError({
      code: 'hub-denied',
      what: `the hub refuses the model ${model} (status ${status})`,
      fix,
      facts,
    });
  }
  const fix = 'check its name and revision, or pass a folder';
  return new FlockOffError({ code: 'bad-model', what: `the hub has no model ${model} at this revision`, fix, facts });
}

function transferFault(source: HubSource, what: string, error: unknown): unknown {
  if (source.signal?.aborted) return source.signal.reason;
  if (error instanceof FlockOffError) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  const why = cause instanceof Error && cause.message ? messageOf(cause) : messageOf(error);
  const place = error instanceof ProxyError ? '' : through(source);
  return unreachable(`the hub did not deliver ${what} of the model ${source.model}: ${why}${place}`, error);
}

function through({ endpoint, route }: HubSource): string {
  const proxy = route.through(endpoint);
  return proxy ? ` (through ${proxy})` : '';
}

function unreachable(what: string, cause?: unknown): FlockOffError {
  return new FlockOffError({ code: 'hub-unreachable', what, fix: 'try again later', transient: true, cause });
}

function diskFault(cause: unknown): never {
  throw new FlockOffError({
    code: 'disk',
    what: `a model file cannot be written: ${messageOf(cause)}`,
    fix: 'make room or choose another cache folder',
    cause,
  });
}

async function readRevision(source: HubSource, path: string): Promise<z.infer<typeof Revision>> {
  const response = await request(source, path, AbortSignal.timeout(stallTimeoutOf(source)));
  try {
    return Revision.parse(await response.json());
  } catch (error) {
    throw transferFault(source, 'a readable description', error);
  }
}

function stallTimeoutOf({ stallTimeoutMs = 30_000 }: BaseModelSource): number {
  return stallTimeoutMs;
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
