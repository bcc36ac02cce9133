import { expect, it } from 'vitest';
import { tempFolder } from '../temp-folder.ts';
import { checkHostileFiles } from './check-hostile-files.ts';

const { pathOf } = tempFolder();

it('200 hostile files are each a dataset or a verdict, soon, and an abort ends at once', async () => {
  const { failures, files, outcomes } = await checkHostileFiles({
    path: pathOf('data.jsonl'),
    seed: 1_000_000,
    count: 200,
  });
  expect(failures).toEqual([]);
  expect(files).toBe(200);
  expect(Object.keys(outcomes).sort()).toEqual(expect.arrayContaining(['a dataset', 'invalid-rows', 'row-count']));
}, 180_000);
