import { type FileHandle, open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { FlockOffError, messageOf } from '../errors/flock-off-error.ts';
import { RepoId } from '../schema/model-id.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { digestFile } from '../shared/file-digest.ts';
import { writeWhole } from '../shared/incomplete-file.ts';
import { onDisk } from '../shared/on-disk.ts';
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
  fetch?: typeof fetch;
  clock?: Clock;
  /** The connection is given up after this long without a byte. Default 30 s. */
  stallTimeoutMs?: number;
  signal?: AbortSignal;
  /** Called as files of a hub model arrive. */
  onDownload?: (progress: { file: string; bytesDone: number; bytes: number }) => void;
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
 * @throws FlockOffError `bad-model`, `hub-denied`, `hub-unreachable` (transient) or `disk`.
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
  return download(source);
}

async function download(source: BaseModelSource): Promise<string> {
  const { model, revision = 'main', cacheDir = DEFAULT_CACHE, signal } = source;
  const { clock = systemClock } = source;
  const again = <T>(attempt: () => Promise<T>) =>
    retry(attempt, { attempts: 4, baseDelayMs: 1000, maxDelayMs: 30_000, signal, clock });

  const path = `api/models/${model}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const { sha, siblings } = await again(() => readRevision(source, path));
  const files = siblings.filter(({ rfilename }) => NEEDED.test(rfilename));
  const folder = resolve(cacheDir, model.replace('/', '--'), sha);
  for (const file of files) {
    const path = join(folder, file.rfilename);
    if (!(await onDisk(path, () => isWhole(path, file)))) await again(() => downloadFile(source, sha, file, folder));
  }
  return folder;
}

async function downloadFile(source: BaseModelSource, sha: string, file: HubFile, folder: string): Promise<void> {
  const path = join(folder, file.rfilename);
  const what = `the model file ${path} cannot be written`;
  const fix = 'make room or choose another cache folder';
  await onDisk({ path, what, fix, bytes: file.size, signal: source.signal }, () =>
    writeWhole(path, async (incomplete) => {
      const output = await open(incomplete, 'wx');
      const bytesDone = await receive(source, sha, file, output).finally(() => output.close());
      if (bytesDone === file.size && (await isWhole(incomplete, file))) return;
      const { model } = source;
      throw unreachable(`${file.rfilename} of ${model} arrived damaged (${bytesDone} bytes, expected ${file.size})`);
    }),
  );
}

async function receive(source: BaseModelSource, sha: string, file: HubFile, output: FileHandle): Promise<number> {
  const { model, onDownload } = source;
  const stallTimeoutMs = stallTimeoutOf(source);
  const stall = new AbortController();
  const response = await request(source, `${model}/resolve/${sha}/${file.rfilename}`, stall.signal);
  let bytesDone = 0;
  let timer = setTimeout(() => stall.abort(), stallTimeoutMs);
  let refused: { error: unknown } | undefined;
  try {
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), stallTimeoutMs);
      bytesDone += chunk.length;
      if (bytesDone > file.size) break;
      await output.writeFile(chunk).catch((error: unknown) => {
        refused = { error };
        throw error;
      });
      onDownload?.({ file: file.rfilename, bytesDone, bytes: file.size });
    }
  } catch (error) {
    throw refused ? refused.error : transferFault(source, file.rfilename, error);
  } finally {
    clearTimeout(timer);
  }
  return bytesDone;
}

async function request(source: BaseModelSource, path: string, stall?: AbortSignal): Promise<Response> {
  const { model, hubEndpoint = 'https://huggingface.co', hubToken, signal } = source;
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), stallTimeoutOf(source));
  const signals = [deadline.signal, ...(stall ? [stall] : []), ...(signal ? [signal] : [])];
  try {
    const response = await (source.fetch ?? fetch)(`${hubEndpoint.replace(/\/+$/, '')}/${path}`, {
      headers: hubToken ? { authorization: `Bearer ${hubToken}` } : {},
      signal: AbortSignal.any(signals),
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(response.status, model);
  } catch (error) {
    throw transferFault(source, path, error);
  } finally {
    clearTimeout(timer);
  }
}

function refusal(status: number, model: string): FlockOffError {
  const facts = { status, model };
  if (status === 401 || status === 403) {
    const fix = 'accept its licence on the hub and pass a token that may read it';
    return new FlockOffError({
      code: 'hub-denied',
      what: `the hub refuses the model ${model} (status ${status})`,
      fix,
      facts,
    });
  }
  if (status === 404) {
    const fix = 'check its name and revision, or pass a folder';
    return new FlockOffError({ code: 'bad-model', what: `the hub has no model ${model} at this revision`, fix, facts });
  }
  return unreachable(`the hub answered status ${status} for the model ${model}`);
}

function transferFault(source: BaseModelSource, what: string, error: unknown): unknown {
  if (source.signal?.aborted) return source.signal.reason;
  if (error instanceof FlockOffError) return error;
  return unreachable(`the hub did not deliver ${what} of the model ${source.model}: ${messageOf(error)}`, error);
}

function unreachable(what: string, cause?: unknown): FlockOffError {
  return new FlockOffError({ code: 'hub-unreachable', what, fix: 'try again later', transient: true, cause });
}

async function readRevision(source: BaseModelSource, path: string): Promise<z.infer<typeof Revision>> {
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
