import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalHub } from '../../../src/local/hub/local-hub.ts';
import { lfsFile, regularFile } from '../../../src/local/hub/repository.ts';
import { LoraTrainer } from '../../../src/trainer/lora-trainer.ts';
import { type BaseModelSource, resolveBaseModel } from '../../../src/trainer/model/base-model.ts';
import { hubCacheFolder } from '../../../src/trainer/model/hub-cache-folder.ts';
import { type Mirror, startMirror } from '../../hub/mirror.ts';
import { golden, temporaryFolder } from '../golden/golden.ts';

const MODEL = 'ann/tiny';
const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const content = (file: string) => readFileSync(golden('tiny-qwen2', file));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const gitBlobId = (bytes: Buffer) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
/** The ETag that the Hub gives a file, by which Python's cache names it. */
const etag = (file: string) => (file === 'model.safetensors' ? sha256 : gitBlobId)(content(file));

let hub: LocalHub;
let mirror: Mirror;
let commit: string;
let warnings: string[];
let source: BaseModelSource & { hubCacheDir: string; cacheDir: string };
const cached = (...parts: string[]) => join(source.hubCacheDir, 'models--ann--tiny', ...parts);
const fileRequests = () => mirror.requests.filter((request) => request.includes('/resolve/'));

beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: 'hf_ann' }] });
  mirror = await startMirror(hub.url, (answer) => answer);
  const create = JSON.stringify({ organization: 'ann', name: 'tiny', type: 'dataset' });
  const headers = { Authorization: 'Bearer hf_ann' };
  await fetch(`${hub.url}/api/repos/create`, { method: 'POST', headers, body: create });
  const changes = FILES.map((path) => ({
    path,
    file: path === 'model.safetensors' ? lfsFile(content(path)) : regularFile(content(path)),
  }));
  changes.push({ path: 'README.md', file: regularFile(Buffer.from('# Tiny')) });
  const words = { author: 'ann', title: 'model', dateMs: 0 };
  commit = hub.repository(MODEL)!.commit({ ref: 'refs/heads/main', changes, ...words }).id;
  warnings = [];
  const silent = () => {};
  source = {
    model: MODEL,
    hubCacheDir: join(temporaryFolder(), 'hub'),
    cacheDir: temporaryFolder(),
    hubEndpoint: mirror.url,
    clock: { nowMs: () => 0, sleep: async () => {} },
    logger: { debug: silent, info: silent, error: silent, warn: (message) => void warnings.push(message) },
  };
});
afterEach(async () => {
  mirror.close();
  await hub.close();
});

/** As huggingface_hub 2.4 leaves it. */
async function fillAsPython(at = commit): Promise<void> {
  for (const folder of ['blobs', 'refs', `snapshots/${at}`, `.no_exist/${at}`])
    await mkdir(cached(folder), { recursive: true });
  for (const file of FILES) {
    await writeFile(cached('blobs', etag(file)), content(file));
    await symlink(`../../blobs/${etag(file)}`, cached('snapshots', at, file));
    const locks = join(source.hubCacheDir, '.locks', 'models--ann--tiny');
    await mkdir(locks, { recursive: true });
    await writeFile(join(locks, `${etag(file)}.lock`), '');
  }
  await writeFile(cached('refs', 'main'), at);
  await writeFile(cached('.no_exist', at, 'adapter_config.json'), '');
  await writeFile(cached('blobs', `${'a'.repeat(40)}.incomplete`), 'of an older Python');
  await writeFile(cached('blobs', `${'a'.repeat(40)}.01234567.incomplete`), 'of a Python that was killed');
  await writeFile(join(source.hubCacheDir, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55');
}

/** Every name in the cache with what tells whether it was touched. */
async function inventory(): Promise<string[]> {
  const names = await readdir(source.hubCacheDir, { recursive: true });
  const lines = names.map(async (name) => {
    const { ino, mtimeMs, size, isDirectory } = await lstat(join(source.hubCacheDir, name)).then((found) => ({
      ...{ ino: found.ino, mtimeMs: found.mtimeMs, size: found.size },
      isDirectory: found.isDirectory(),
    }));
    return isDirectory ? name : `${name} ${ino} ${mtimeMs} ${size}`;
  });
  return (await Promise.all(lines)).sort();
}

async function expectModelIn(folder: string): Promise<void> {
  for (const file of FILES) expect(content(file).equals(await readFile(join(folder, file))), file).toBe(true);
}

describe('the layout', () => {
  it("is that of Python's huggingface_hub: contents by their ETag, relative links, the commit of a branch", async () => {
    expect(await resolveBaseModel(source)).toBe(cached('snapshots', commit));
    expect((await readdir(cached())).sort()).toEqual(['blobs', 'refs', 'snapshots']);
    expect((await readdir(cached('blobs'))).sort()).toEqual(FILES.map(etag).sort());
    expect(await readdir(cached('snapshots'))).toEqual([commit]);
    expect((await readdir(cached('snapshots', commit))).sort()).toEqual(FILES);
    for (const file of FILES)
      expect(await readlink(cached('snapshots', commit, file))).toBe(`../../blobs/${etag(file)}`);
    expect(await readFile(cached('refs', 'main'), 'utf8')).toBe(commit);
    expect(await readdir(source.hubCacheDir)).toEqual(['models--ann--tiny']);
  });

  it('has no reference for a commit, and one in a folder for a name with slashes', async () => {
    await resolveBaseModel({ ...source, revision: commit });
    expect(await readdir(cached())).not.toContain('refs');
    hub.repository(MODEL)!.point('refs/pr/1', commit);
    await resolveBaseModel({ ...source, revision: 'refs/pr/1' });
    expect(await readFile(cached('refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit);
  });

  it.each<[Record<string, string>, string]>([
    [{}, join(homedir(), '.cache', 'huggingface', 'hub')],
    [{ HF_HOME: '' }, join(homedir(), '.cache', 'huggingface', 'hub')],
    [{ XDG_CACHE_HOME: '/x' }, join('/x', 'huggingface', 'hub')],
    [{ HF_HOME: '/h', XDG_CACHE_HOME: '/x' }, join('/h', 'hub')],
    [{ HF_HOME: '~/h' }, join(homedir(), 'h', 'hub')],
    [{ HF_HUB_CACHE: '/c', HF_HOME: '/h' }, '/c'],
    [{ HUGGINGFACE_HUB_CACHE: '/old', HF_HOME: '/h' }, '/old'],
  ])('lies where %j says', (env, folder) => {
    expect(hubCacheFolder(env)).toBe(folder);
  });
});

describe('what Python has', () => {
  beforeEach(() => fillAsPython());

  it('is not fetched again, and nothing of it is touched', async () => {
    const before = await inventory();
    const folder = await resolveBaseModel(source);
    expect(folder).toBe(cached('snapshots', commit));
    await expectModelIn(folder);
    expect(fileRequests()).toEqual([]);
    expect(await inventory()).toEqual(before);
  });

  it('is used without any request where the commit is named', async () => {
    mirror.close();
    await expectModelIn(await resolveBaseModel({ ...source, revision: commit }));
    expect(mirror.requests).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('is linked for another commit with the same contents', async () => {
    await rm(cached('snapshots'), { recursive: true });
    await expectModelIn(await resolveBaseModel(source));
    expect(fileRequests()).toEqual([]);
  });

  it('is used as last seen while the hub cannot be reached, with a warning', async () => {
    mirror.close();
    await expectModelIn(await resolveBaseModel(source));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^the Hub at .* did not serve .*ECONNREFUSED.* Used instead: the model as main was last seen, in .*snapshots/,
      ),
    ]);
    await expect(resolveBaseModel({ ...source, revision: 'v2' })).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  it('is not used, with or without the hub, where the disk has damaged it', async () => {
    const blob = cached('blobs', etag('model.safetensors'));
    const damaged = content('model.safetensors').fill(0, 100, 200);
    await writeFile(blob, damaged);
    const endpoint = mirror.url;
    mirror.close();
    for (const revision of ['main', commit])
      await expect(resolveBaseModel({ ...source, revision })).rejects.toMatchObject({ code: 'hub-unreachable' });
    mirror = await startMirror(hub.url, (answer) => answer);
    expect(endpoint).not.toBe(mirror.url);
    const { ino } = await stat(blob);
    await expectModelIn(await resolveBaseModel({ ...source, revision: commit, hubEndpoint: mirror.url }));
    expect(fileRequests()).toEqual([expect.stringContaining('model.safetensors')]);
    expect((await stat(blob)).ino, 'who has the damaged one open is not disturbed').not.toBe(ino);
  });

  it('is found whole where a file of it is missing, after that one is fetched', async () => {
    await rm(cached('blobs', etag('tokenizer.json')));
    await expectModelIn(await resolveBaseModel({ ...source, revision: commit }));
    expect(fileRequests()).toEqual([expect.stringContaining('tokenizer.json')]);
  });

  it('ends in one sentence where it cannot be read', async () => {
    const blob = cached('blobs', etag('model.safetensors'));
    await rm(blob);
    await mkdir(blob);
    for (const revision of ['main', commit])
      await expect(resolveBaseModel({ ...source, revision })).rejects.toMatchObject({
        code: 'disk',
        message: expect.stringMatching(
          /^the cached model file .*model\.safetensors cannot be read \(EISDIR.*\)\. Make it readable; or remove it, and it is downloaded again\. /,
        ),
      });
  });

  it('and lies there as files, because links could not be made, is compared with what the hub lists', async () => {
    for (const file of FILES) {
      await rm(cached('snapshots', commit, file));
      await writeFile(cached('snapshots', commit, file), content(file));
    }
    await rm(cached('blobs'), { recursive: true });
    await expectModelIn(await resolveBaseModel({ ...source, revision: commit }));
    expect(fileRequests()).toEqual([]);
    mirror.close();
    await expectModelIn(await resolveBaseModel({ ...source, revision: commit }));
    expect(warnings).toHaveLength(1);
  });
});

it('a model in shards is whole when its index and all that it names are', async () => {
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const weightMap = { a: shards[0], b: shards[1] };
  const json = { 'model.safetensors.index.json': JSON.stringify({ weight_map: weightMap }) };
  const changes = [
    { path: 'model.safetensors', file: null },
    ...Object.entries(json).map(([path, text]) => ({ path, file: regularFile(Buffer.from(text)) })),
    ...shards.map((path) => ({ path, file: lfsFile(Buffer.from(path)) })),
  ];
  const words = { author: 'ann', title: 'shards', dateMs: 0 };
  const revision = hub.repository(MODEL)!.commit({ ref: 'refs/heads/main', changes, ...words }).id;
  await resolveBaseModel({ ...source, revision });
  mirror.requests.splice(0);
  await resolveBaseModel({ ...source, revision });
  expect(mirror.requests).toEqual([]);
  for (const file of [shards[1]!, 'model.safetensors.index.json']) {
    await rm(cached('snapshots', revision, file));
    await resolveBaseModel({ ...source, revision });
    expect(mirror.requests.splice(0)).toEqual([expect.stringContaining('/revision/')]);
  }
});

it('the trainer reads a model through the links of the cache', async () => {
  const trainer = await LoraTrainer.open({ ...source, inline: true, backend: 'cpu' });
  const plain = await LoraTrainer.open({ ...source, model: golden('tiny-qwen2'), inline: true, backend: 'cpu' });
  expect(trainer.modelFolder).toBe(cached('snapshots', commit));
  expect(trainer.baseSha256).toBe(plain.baseSha256);
  trainer.dispose();
  plain.dispose();
});

describe('a cache that cannot be written', () => {
  it('is replaced by the cache folder, with a warning', async () => {
    await writeFile(source.hubCacheDir, 'a file');
    const folder = await resolveBaseModel(source);
    expect(folder).toBe(join(source.cacheDir, 'hub', 'models--ann--tiny', 'snapshots', commit));
    await expectModelIn(folder);
    expect(warnings).toEqual([expect.stringMatching(/cannot be written .*: the model is kept in /)]);
    mirror.requests.splice(0);
    expect(await resolveBaseModel({ ...source, revision: commit })).toBe(folder);
    expect(mirror.requests).toEqual([]);
  });

  it('and neither can the cache folder: one sentence', async () => {
    await writeFile(source.hubCacheDir, 'a file');
    await writeFile(join(source.cacheDir, 'hub'), 'a file');
    await expect(resolveBaseModel(source)).rejects.toMatchObject({
      code: 'disk',
      message: expect.stringMatching(/^the model file .* cannot be written .*another cache folder\. /),
    });
  });
});

describe('models that lie in the cache folder', () => {
  const lies = (...parts: string[]) => join(source.cacheDir, 'ann--tiny', commit, ...parts);
  beforeEach(async () => {
    await mkdir(lies(), { recursive: true });
    for (const file of FILES) await writeFile(lies(file), content(file));
  });

  it('are taken over without a download and without taking room twice', async () => {
    await expectModelIn(await resolveBaseModel(source));
    expect(fileRequests()).toEqual([]);
    expect((await stat(lies('model.safetensors'))).ino).toBe(
      (await stat(cached('blobs', etag('model.safetensors')))).ino,
    );
  });

  it('are not, where they are damaged', async () => {
    await writeFile(lies('model.safetensors'), content('model.safetensors').fill(0, 100, 200));
    await expectModelIn(await resolveBaseModel(source));
    expect(fileRequests()).toEqual([expect.stringContaining('model.safetensors')]);
  });
});

it('several calls that fetch one model at once all find it whole, and leave nothing else', async () => {
  const folders = await Promise.all(Array.from({ length: 4 }, () => resolveBaseModel(source)));
  for (const folder of folders) await expectModelIn(folder);
  expect((await readdir(cached('blobs'))).sort()).toEqual(FILES.map(etag).sort());
  expect((await readdir(cached('snapshots', commit))).sort()).toEqual(FILES);
});
