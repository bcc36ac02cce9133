import { afterAll, describe, expect, it } from 'vitest';
import { checkDataset } from '../../src/dataset/check.ts';
import { DatasetChecker } from '../../src/dataset/checker/dataset-checker.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines, rowLine, tempFolder } from './temp-folder.ts';

const { fileOf, pathOf } = tempFolder();
const competition = Competition.parse({});
const checker = new DatasetChecker();
afterAll(() => checker.close());

describe('DatasetChecker', () => {
  it('says of a file what checkDataset says, without its rows', async () => {
    const files = [lines(3), lines(1), '', `${lines(2)}{"a": 1}\n`, Buffer.from(lines(3), 'utf16le')];
    for (const content of files) {
      const path = await fileOf(content);
      const expected = await checkDataset({ path, competition });
      const seen = await checker.check({ path, competition });
      if (!expected.ok) expect(seen).toEqual(expected);
      else {
        const { rows, rowHashes: _, ...facts } = expected.value;
        expect(seen).toMatchObject({ ok: true, value: { ...facts, rows: rows.length } });
      }
    }
  });

  it('reads the rows that are wanted, in the order of the file', async () => {
    const path = await fileOf(lines(2000) + rowLine('x'.repeat(300_000)));
    const dataset = await checkDataset({ path, competition });
    if (!dataset.ok) throw new Error(dataset.verdict.message);
    const { rows, sha256 } = dataset.value;
    expect(await checker.readRows({ path, competition, sha256 })).toEqual(rows);
    const keep = Uint32Array.of(1, 7, 1999, 2000);
    expect(await checker.readRows({ path, competition, keep })).toEqual([...keep].map((row) => rows[row]));
  });

  it('throws `disk` for a file that is missing or not what was checked: our fault, not the miner’s', async () => {
    const missing = { path: pathOf('missing.jsonl'), competition };
    await expect(checker.check(missing)).rejects.toMatchObject({
      code: 'disk',
      message: expect.stringMatching(/cannot be read .*ENOENT.*\. Check the path and the rights of the file\.$/),
    });
    for (const [content, sha256] of [
      [lines(2), '0'.repeat(64)],
      ['bad\n', undefined],
    ] as const)
      await expect(checker.readRows({ path: await fileOf(content), competition, sha256 })).rejects.toMatchObject({
        code: 'disk',
        message: expect.stringContaining('is not the dataset that was checked'),
      });
  });
});
