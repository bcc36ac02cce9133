import { describe, expect, it } from 'vitest';
import { loadEvaluationSet, loadRows } from '../../src/dataset/load-rows.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines, tempFolder } from './temp-folder.ts';

const { fileOf, pathOf } = tempFolder();

describe('loadRows', () => {
  it('returns the dataset of a good file', async () => {
    const dataset = await loadRows({ path: await fileOf(lines(3)), competition: Competition.parse({}) });
    expect(dataset.rows).toHaveLength(3);
  });

  it('throws `disk` where a stored file is not what it was: no miner is to blame', async () => {
    const path = await fileOf('{"cut');
    await expect(loadRows({ path, competition: Competition.parse({}) })).rejects.toMatchObject({
      code: 'disk',
      facts: { path, problemCount: 1 },
      message: expect.stringContaining('is not a usable dataset: 1 of 1 lines are no rows: line 1: not JSON'),
      fix: 'restore the file, or remove it so that it is fetched again',
    });
  });
});

describe('loadEvaluationSet', () => {
  it('takes a single row, with the digest that pins the set (defect 15)', async () => {
    const set = await loadEvaluationSet({ path: await fileOf(lines(1)) });
    expect(set.rows).toHaveLength(1);
    expect(set.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('throws `disk` when it is missing or empty', async () => {
    await expect(loadEvaluationSet({ path: pathOf('missing.jsonl') })).rejects.toMatchObject({ code: 'disk' });
    await expect(loadEvaluationSet({ path: await fileOf('') })).rejects.toMatchObject({ code: 'disk' });
  });
});
