import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../src/shared/logger.ts';
import {
  checkpointFolder,
  type DatasetCache,
  datasetFolder,
  markUsed,
  pruneCache,
} from '../../src/validator/dataset-cache.ts';

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'flock-off-shared-'));
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

const DAY_MS = 86_400_000;
const validator = (validatorId: string, nowMs = Date.now()): DatasetCache => ({
  cacheDir,
  validatorId,
  clock: { nowMs: () => nowMs, sleep: async () => {} },
});

async function datasetOf(users: DatasetCache[], commit = 'c'): Promise<string> {
  const folder = datasetFolder(cacheDir, 'u/x', commit);
  await mkdir(folder, { recursive: true });
  for (const user of users) await markUsed(folder, user);
  await writeFile(join(folder, 'data.jsonl'), '');
  return folder;
}

test('what another validator uses stays, until nobody uses it', async () => {
  const [one, two] = [validator('one'), validator('two')];
  const folder = await datasetOf([one, two]);
  await pruneCache(one, new Set());
  expect(existsSync(join(folder, 'data.jsonl'))).toBe(true);
  await pruneCache(two, new Set([folder]));
  await pruneCache(one, new Set());
  expect(existsSync(join(folder, 'data.jsonl'))).toBe(true);
  await pruneCache(two, new Set());
  expect(await readdir(join(cacheDir, 'datasets', 'u', 'x'))).toEqual([]);
});

test('what a validator needs it keeps in use though it does not touch it for a month, and who is gone for a week counts no more', async () => {
  const folder = await datasetOf([validator('two')]);
  for (let day = 0; day < 30; day++) {
    await pruneCache(validator('two', Date.now() + day * DAY_MS), new Set([folder]));
    await pruneCache(validator('one', Date.now() + day * DAY_MS), new Set());
  }
  expect(existsSync(folder)).toBe(true);
  await pruneCache(validator('one', Date.now() + 38 * DAY_MS), new Set());
  expect(existsSync(folder)).toBe(false);
});

test('checkpoints of other validators stay, those of validators that are gone and of earlier versions do not', async () => {
  const [one, two, gone] = ['one', 'two', 'gone'].map((id) => checkpointFolder(validator(id)));
  for (const folder of [one!, two!, gone!]) await mkdir(folder, { recursive: true });
  await utimes(gone!, new Date(0), new Date(Date.now() - 8 * DAY_MS));
  await writeFile(join(cacheDir, 'checkpoints', 'old.safetensors'), '');
  await pruneCache(validator('one'), new Set());
  expect(await readdir(join(cacheDir, 'checkpoints'))).toEqual(['two']);
});

test('validators that remove the same datasets at the same time warn of nothing', async () => {
  const folders = await Promise.all(Array.from({ length: 20 }, (_, i) => datasetOf([], `c${i}`)));
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warned.push(message) };
  await Promise.all(['one', 'two', 'three'].map((id) => pruneCache({ ...validator(id), logger }, new Set())));
  expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
  expect(warned).toEqual([]);
});

test('validators that use and remove a dataset at the same time leave each other what they use', async () => {
  for (let round = 0; round < 20; round++) {
    const folder = datasetFolder(cacheDir, 'u/x', `c${round}`);
    await datasetOf([validator('one')], `c${round}`);
    await Promise.all([pruneCache(validator('one'), new Set()), markUsed(folder, validator('two'))]);
    // Whoever marked it either finds it with its mark, or finds that it has to be fetched again.
    expect(await readdir(folder)).toContain('used-by-two');
  }
});
