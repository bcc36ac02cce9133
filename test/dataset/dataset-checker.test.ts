import { afterAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { checkDataset } from '../../src/dataset/check.ts';
import { checkerKey } from '../../src/dataset/checker/checker-key.ts';
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
        const { rows, ...facts } = expected.value;
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
      message: expect.stringMatching(/cannot be read .*ENOENT.*\. Check the path and the rights of the file\./),
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

  it('ends a call within 100 ms of its signal, whether it runs or waits, and does the others', async () => {
    const slow = await fileOf(`${rowLine('x', 'lorem ipsum '.repeat(80_000))}\n`.repeat(100));
    const quick = await fileOf(lines(3));
    const mine = new DatasetChecker();
    await mine.check({ path: quick, competition });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const calls = [running, waiting].map(({ signal }) =>
      mine.check({ path: slow, competition, signal }).then(
        () => 'done',
        (error: Error) => error.message,
      ),
    );
    const next = mine.check({ path: quick, competition });
    for (const [i, controller] of [waiting, running].entries()) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const startMs = performance.now();
      controller.abort(new Error('enough'));
      expect(await calls[1 - i]).toBe('enough');
      expect(performance.now() - startMs).toBeLessThan(100);
    }
    expect(await next).toMatchObject({ ok: true, value: { rows: 3 } });
    mine.close();
    await expect(mine.check({ path: quick, competition })).rejects.toMatchObject({ code: 'bad-argument' });
  });

  it.each([
    ['does not end in time', { timeoutMs: 1 }, 'did not end within 0.001 s'],
    ['takes more memory than it is given', { memoryBytes: 2 ** 20 }, 'at most 1048576 are allowed'],
  ])('throws a passing fault where the process %s: no verdict', async (_, options, message) => {
    const failing = new DatasetChecker(options);
    const path = await fileOf(`${rowLine('x', 'lorem ipsum '.repeat(80_000))}\n`.repeat(100));
    await expect(failing.check({ path, competition })).rejects.toMatchObject({
      code: 'checker-failed',
      transient: true,
      message: expect.stringContaining(message),
    });
    failing.close();
  });

  it('says of each budget what is allowed and what was seen', async () => {
    const verdictOn = async (content: string, rules: Partial<Competition>) => {
      const file = await checker.check({ path: await fileOf(content), competition: Competition.parse(rules) });
      return file.ok ? null : file.verdict;
    };
    expect(await verdictOn(lines(9), { maxCodePoints: 100 })).toEqual({
      reason: 'dataset-too-large',
      message:
        'the first 3 lines have 102 code points in their texts, at most 100 are allowed in the whole file; shorten or leave out rows',
      facts: { codePoints: 102, maxCodePoints: 100, lines: 3 },
    });
    expect(await verdictOn(lines(9), { maxJsonNodes: 20 })).toEqual({
      reason: 'dataset-too-large',
      message:
        'the first 3 lines have 27 JSON keys, objects and arrays, at most 20 are allowed in the whole file; shorten or leave out rows',
      facts: { jsonNodes: 27, maxJsonNodes: 20, lines: 3 },
    });
    expect(await verdictOn(lines(2), { maxTurns: 1 })).toMatchObject({
      reason: 'invalid-rows',
      message: expect.stringContaining('line 1 and 1 more like it (2): 2 turns, at most 1 are allowed; split the chat'),
    });
  });

  it('warns of a file that will probably have too many tokens', async () => {
    const path = await fileOf(lines(20));
    const file = await checker.check({ path, competition: Competition.parse({ maxTokens: 300 }) });
    expect(file).toMatchObject({
      value: { likelyTokens: 380, warnings: [expect.stringMatching(/about 380 tokens.*refuse more than 300/)] },
    });
    expect(await checker.check({ path, competition })).toMatchObject({ value: { warnings: [] } });
  });
});

it('checkerKey changes with the rules that a verdict of the checker rests on, and with no other', () => {
  const keyOf = (rules: z.input<typeof Competition>) => checkerKey(Competition.parse(rules));
  const limits = ['minRows', 'maxRows', 'maxBytes', 'maxLineBytes', 'maxTurns', 'maxCodePoints', 'maxJsonNodes'];
  const keys = [{}, ...limits.map((limit) => ({ [limit]: 7 }))].map(keyOf);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keyOf({ id: 'x', maxTokens: 7, recipe: { epochs: 1 } })).toBe(keyOf({}));
});
