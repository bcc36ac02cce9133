import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlockOffError, isCode, messageOf } from '../../errors/flock-off-error.ts';
import { parseHubAccess } from '../../schema/hub-access.ts';
import { RepoId } from '../../schema/model-id.ts';
import type { Clock } from '../../shared/clock.ts';
import { CONTENT_HASH } from '../../shared/file-digest.ts';
import { type HubCalls, HubClient, openHubFile } from '../../shared/hub-client.ts';
import { type Logger, safeLogger } from '../../shared/logger.ts';
import { onDisk } from '../../shared/on-disk.ts';
import type { ProxyOption } from '../../shared/proxy.ts';
import { ReceivedFile } from '../../shared/received-file.ts';
import { isTransientError } from '../../shared/retry.ts';
import { DEFAULT_HUB_CACHE } from './hub-cache-folder.ts';
import { KnownHashes } from './known-hashes.ts';
import { COMMIT, ModelCache } from './model-cache.ts';

export interface BaseModelSource {
  /** A folder with config.json, weights and tokenizer, or a hub id `namespace/name`. */
  model: string;
  /** Branch, tag or commit of a hub id. Default `main`. */
  revision?: string;
  /**
   * Where models from the hub are kept, in the layout of Python's huggingface_hub, which finds them there as its own
   * are found; `hubCacheFolder` reads its variables. Default `~/.cache/huggingface/hub`.
   */
  hubCacheDir?: string;
  /**
   * Where files with mapped weights are kept, and models where `hubCacheDir` cannot be written. Models that lie there
   * are taken over. Default `.flock-off/cache/models`.
   */
  cacheDir?: string;
  /**
   * Reads the whole model again. Else what was read once counts as unchanged while the file system says so; after a failure
   * it is read again all the same. Default false.
   */
  recheck?: boolean;
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
  /** Traces each request, and warns where something else is used than what was asked for. */
  logger?: Logger;
  signal?: AbortSignal;
  /** Called as files of a hub model are downloaded. */
  onDownload?: (progress: { file: string; bytesDone: number; bytes: number }) => void;
}

const MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024;
const LONGEST_WAIT_MS = 30_000;
const FIX = 'make room or choose another cache folder';

/** Where files of models are kept when nothing else is said. */
export const DEFAULT_CACHE = join('.flock-off', 'cache', 'models');

/** What is known of the files of models that a trainer with this cache folder has read. */
export function knownHashes({
  cacheDir = DEFAULT_CACHE,
  recheck,
}: Pick<BaseModelSource, 'cacheDir' | 'recheck'>): KnownHashes {
  return new KnownHashes(resolve(cacheDir, 'sha256'), { recheck });
}

const NEEDED =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json)$/;

const Hash = z.string().regex(CONTENT_HASH);
const Revision = z.object({
  sha: z.string().regex(COMMIT),
  siblings: z.array(
    z
      .object({
        rfilename: z.string(),
        size: z.int().nonnegative(),
        blobId: Hash.nullish(),
        lfs: z.object({ sha256: Hash }).nullish(),
      })
      .transform(({ rfilename, size, blobId, lfs }) => ({
        file: rfilename,
        bytes: size,
        hash: lfs?.sha256 ?? blobId ?? null,
      })),
  ),
});
type HubFile = z.infer<typeof Revision>['siblings'][number];

/** A model on a hub, and where it is kept. */
interface HubModel {
  source: BaseModelSource;
  client: HubClient;
  /** The one shared with Python, and one in the cache folder for where that cannot be written. */
  caches: readonly [shared: ModelCache, own: ModelCache];
  logger: Logger;
}

/**
 * The folder of a base model: the given one, or the cached copy of a hub model at one commit. Files already there are
 * not downloaded again; their hashes, as far as the hub or the cache names them, are checked: each file is
 * read for it once, see {@link KnownHashes}. A commit that is
 * in the cache whole is used without a request; a branch or tag as it was last seen, with a warning, while the hub is
 * unreachable.
 * @throws FlockOffError `bad-argument` (token, endpoint, proxy), `bad-model`, `hub-denied`, `hub-unreachable` (transient) or `disk`.
 */
export async function resolveBaseModel(source: BaseModelSource): Promise<string> {
  const { hubEndpoint: endpoint, hubToken, model, totalTimeoutMs = 6 * 3_600_000 } = source;
  const names = { endpoint: 'the parameter "hubEndpoint"', token: 'the parameter "hubToken"' };
  const access = parseHubAccess({ endpoint, token: hubToken }, names);
  if (await isFolder(model)) return resolve(model);
  if (!RepoId.safeParse(model).success) {
    throw new FlockOffError({
      code: 'bad-model',
      what: `there is no folder ${model}, and it is no hub id "namespace/name" either`,
      fix: 'pass the folder of a model or an id such as Qwen/Qwen2.5-1.5B-Instruct',
      facts: { model },
    });
  }
  const { hubCacheDir = DEFAULT_HUB_CACHE, cacheDir = DEFAULT_CACHE } = source;
  const hashOf = knownHashes(source).of;
  const caches = [
    new ModelCache(hubCacheDir, model, hashOf),
    new ModelCache(join(cacheDir, 'hub'), model, hashOf),
  ] as const;
  const { revision, stallTimeoutMs, proxy, fetch, clock, signal } = source;
  signal?.throwIfAborted();
  const kept = revision !== undefined && COMMIT.test(revision) ? await findWhole(caches, revision) : null;
  if (kept !== null) return kept;
  const logger = safeLogger(source.logger);
  const limits = { totalTimeoutMs, stallTimeoutMs, longestWaitMs: LONGEST_WAIT_MS };
  const parameters = { ...access, ...limits, maxAnswerBytes: MAX_DESCRIPTION_BYTES, proxy, fetch, clock, logger };
  const hubModel = { source, client: new HubClient(parameters), caches, logger };
  return hubModel.client.within(`${access.hubUrl}/${model}`, signal, (calls) => fetchModel(hubModel, calls));
}

async function findWhole(caches: readonly ModelCache[], commit: string): Promise<string | null> {
  for (const cache of caches) if ((await cache.holdsModel(commit)) === 'whole') return cache.snapshot(commit);
  return null;
}

async function fetchModel(model: HubModel, calls: HubCalls): Promise<string> {
  const { revision = 'main' } = model.source;
  let described: z.infer<typeof Revision>;
  try {
    described = await readRevision(model, calls, revision);
  } catch (error) {
    calls.signal.throwIfAborted();
    const kept = isTransientError(error) ? await lastSeen(model, revision) : null;
    if (kept === null) throw error;
    model.logger.warn(`${messageOf(error)} Used instead: the model as ${revision} was last seen, in ${kept}.`);
    return kept;
  }
  const { sha, siblings } = described;
  const files = siblings.filter(({ file }) => NEEDED.test(file));
  const cache = (await findHolding(model, sha, files)) ?? (await chooseCache(model, sha));
  for (const file of files) if (!(await isHeld(cache, sha, file))) await provide(model, calls, cache, sha, file);
  // Last: until all is there, the commit before is the one to fall back to.
  await cache.putCommitAt(revision, sha).catch(() => {});
  return cache.snapshot(sha);
}

async function findHolding({ caches }: HubModel, sha: string, files: HubFile[]): Promise<ModelCache | null> {
  cache: for (const cache of caches) {
    for (const file of files) if (!(await isHeld(cache, sha, file))) continue cache;
    return cache;
  }
  return null;
}

async function isHeld(cache: ModelCache, sha: string, { file, bytes, hash }: HubFile): Promise<boolean> {
  if ((await cache.holds(sha, file, hash)) !== 'whole') return false;
  return (await stat(join(cache.snapshot(sha), file))).size === bytes;
}

/** The cache that is shared with Python, unless it cannot be written and the other one can. */
async function chooseCache({ caches: [shared, own], logger }: HubModel, sha: string): Promise<ModelCache> {
  const refused = await shared.refusesWriting(sha);
  if (refused === null || (await own.refusesWriting(sha)) !== null) return shared;
  logger.warn(
    `${shared.snapshot(sha)} cannot be written (${messageOf(refused)}): the model is kept in ${own.snapshot(sha)}`,
  );
  return own;
}

/** The model as a branch or tag was last seen, where nothing says that it is damaged. */
async function lastSeen({ caches }: HubModel, revision: string): Promise<string | null> {
  for (const cache of caches) {
    const commit = COMMIT.test(revision) ? revision : await cache.commitAt(revision);
    if (commit !== null && (await cache.holdsModel(commit)) !== 'absent') return cache.snapshot(commit);
  }
  return null;
}

/** Gives a cache a file: from itself, from elsewhere on this machine, or from the hub. */
async function provide(model: HubModel, calls: HubCalls, cache: ModelCache, sha: string, file: HubFile): Promise<void> {
  const { source, caches } = model;
  const { file: name, bytes, hash } = file;
  const path = join(cache.snapshot(sha), name);
  const what = `the model file ${path} cannot be written`;
  await onDisk({ path, what, fix: FIX, bytes, signal: calls.signal }, async () => {
    // The cache folder may hold models of a version that did not share them with Python.
    const own = resolve(source.cacheDir ?? DEFAULT_CACHE, source.model.replace('/', '--'), sha, name);
    const places = hash === null ? [] : [...caches.map((other) => other.blob(hash)), own];
    for (const found of places)
      if (hash !== null && (await cache.adopt(found, hash))) return cache.show(sha, name, hash);
    await cache.show(sha, name, await download(model, calls, cache, sha, file));
  });
}

/** Downloads a file as a blob. @returns its name. */
async function download(
  { source, client }: HubModel,
  calls: HubCalls,
  cache: ModelCache,
  sha: string,
  { file, bytes, hash }: HubFile,
): Promise<string> {
  const url = `${client.hubUrl}/${source.model}/resolve/${sha}/${file}`;
  const fault = client.faultAt(url);
  const fetch = calls.fetchAs(client.token);
  const bytesFrom = async (offset: number) => {
    const served = await openHubFile({ fetch, url, offset, fault });
    if (served === null) throw fault('it lists the file and does not serve it');
    return served;
  };
  const onProgress = (bytesDone: number) => source.onDownload?.({ file, bytesDone, bytes });
  const what = `the model file ${file} cannot be written to ${cache.blob(hash ?? file)}`;
  const path = cache.arriving(hash ?? file);
  const received = new ReceivedFile(path, { path, what, fix: FIX, bytes, signal: calls.signal });
  try {
    const fill = () => received.fill({ bytes, hash, bytesFrom, fault, onProgress });
    const { sha256 } = await calls.withRetries(url, () => asModelFault(source.model, fill));
    await received.complete(cache.blob(hash ?? sha256));
    return hash ?? sha256;
  } finally {
    await received.close();
  }
}

async function readRevision(
  { source, client }: HubModel,
  calls: HubCalls,
  revision: string,
): Promise<z.infer<typeof Revision>> {
  const { hubUrl, token, faultAt } = client;
  const url = `${hubUrl}/api/models/${source.model}/revision/${encodeURIComponent(revision)}?blobs=true`;
  return calls.withRetries(url, async () => {
    const response = await asModelFault(source.model, () => calls.fetchAs(token)(url));
    const parsed = Revision.safeParse(response.ok ? await response.json() : null);
    if (parsed.success) return parsed.data;
    throw faultAt(url)('it does not describe the model as the Hub does');
  });
}

/** Turns the Hub's refusal of a model into `bad-model` where the caller can correct it. */
async function asModelFault<T>(model: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isCode(error, 'hub-denied') ? refusalOf(model, error as FlockOffError) : error;
  }
}

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

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
