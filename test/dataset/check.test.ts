import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { checkDataset } from '../../src/dataset/check.ts';
import { checkBytes } from '../../src/dataset/check-bytes.ts';
import { RowsCheck } from '../../src/dataset/check-rows.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines, rowLine, tempFolder } from './temp-folder.ts';

const { fileOf, pathOf } = tempFolder();

async function check(content: string | Uint8Array, rules: Partial<Competition> = {}) {
  const competition = Competition.parse(rules);
  const onDisk = await checkDataset({ path: await fileOf(content), competition });
  expect(await checkBytes({ bytes: Buffer.from(content), competition })).toEqual(onDisk);
  return onDisk;
}

async function verdictOn(content: string | Uint8Array, rules: Partial<Competition> = {}) {
  const dataset = await check(content, rules);
  if (dataset.ok) throw new Error('expected a verdict, saw a dataset');
  return dataset.verdict;
}

describe('checkDataset', () => {
  it('returns rows, size and digest of a good file', async () => {
    const content = lines(3);
    const dataset = await check(content);
    if (!dataset.ok) throw new Error(dataset.verdict.message);
    expect(dataset.value.rows.map((row) => row.conversations[0]?.content)).toEqual([
      'question 0',
      'question 1',
      'question 2',
    ]);
    expect(dataset.value.bytes).toBe(content.length);
    expect(dataset.value.sha256).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('defect 10: refuses 0 rows and 1 row, takes 2', async () => {
    expect(await verdictOn('')).toEqual({
      reason: 'row-count',
      message: 'the file has 0 rows, at least 2 are needed',
      facts: { rows: 0, minRows: 2 },
    });
    expect(await verdictOn(lines(1))).toMatchObject({
      reason: 'row-count',
      message: 'the file has 1 rows, at least 2 are needed',
    });
    expect((await check(lines(2))).ok).toBe(true);
    expect((await check(lines(2).trimEnd())).ok).toBe(true);
  });

  it('refuses one row more than allowed', async () => {
    expect((await check(lines(5), { maxRows: 5 })).ok).toBe(true);
    expect(await verdictOn(lines(6), { maxRows: 5 })).toEqual({
      reason: 'row-count',
      message: 'the file has 6 rows, at most 5 are allowed',
      facts: { rows: 6, maxRows: 5 },
    });
  });

  it('defect 9: takes rows without system beside rows with one', async () => {
    const withSystem = JSON.stringify({ system: 'Be brief.', ...JSON.parse(rowLine('b')) });
    expect((await check(`${rowLine('a')}\n${withSystem}\n`)).ok).toBe(true);
  });

  it('names the line and the exact reason of each bad line', async () => {
    const content = Buffer.concat([
      Buffer.from(`\ufeff${rowLine('a')}\n`),
      Buffer.from(`${rowLine('b')}\r\n`),
      Buffer.from([0xff, 0x0a]),
      Buffer.from('\n'),
      Buffer.from('{"conversations": []}\n'),
      Buffer.from('{"a": 1, "a": 2}\n'),
      Buffer.from(`${rowLine('x'.repeat(3000))}\n`),
    ]);
    const verdict = await verdictOn(content, { maxLineBytes: 2048 });
    expect(verdict).toEqual({
      reason: 'invalid-rows',
      message:
        '6 of 7 lines are no rows: line 1: starts with a byte-order mark; save the file as UTF-8 without BOM; ' +
        'line 3: not valid UTF-8; line 4: empty line; ...',
      facts: {
        problemCount: 6,
        kinds: expect.any(Array),
        problems: [
          { line: 1, problem: 'starts with a byte-order mark; save the file as UTF-8 without BOM' },
          { line: 3, problem: 'not valid UTF-8' },
          { line: 4, problem: 'empty line' },
          { line: 5, problem: 'conversations: conversations needs at least one user turn and one assistant turn' },
          { line: 6, problem: 'a key occurs twice in one object' },
          { line: 7, problem: 'longer than 2048 bytes' },
        ],
      },
    });
  });

  it('lists the first 20 problems and counts them all', async () => {
    const verdict = await verdictOn(lines(2) + 'bad\n'.repeat(500));
    const lineNumbers = Array.from({ length: 20 }, (_, i) => i + 3);
    expect(verdict).toMatchObject({
      reason: 'invalid-rows',
      facts: { problemCount: 500, problems: lineNumbers.map((line) => ({ line })) },
    });
    expect(verdict.message.length).toBeLessThan(500);
  });

  it('calls bad lines bad before it counts rows, so that a miner sees the cause', async () => {
    expect((await verdictOn('bad\n')).reason).toBe('invalid-rows');
  });

  it('defect 14: refuses a file over the size limit', async () => {
    const content = lines(100);
    expect((await check(content, { maxBytes: content.length })).ok).toBe(true);
    expect(await verdictOn(content, { maxBytes: content.length - 1 })).toEqual({
      reason: 'dataset-too-large',
      message: `the file has ${content.length} bytes, at most ${content.length - 1} are allowed`,
      facts: { bytes: content.length, maxBytes: content.length - 1 },
    });
  });

  it('refuses more text in all than allowed, told by the line where it became too much', async () => {
    const row = rowLine('12345', '67890');
    const three = `${row}\n${row}\n${row}\nbad\n`;
    expect((await check(`${row}\n${row}\n`, { maxCodePoints: 20 })).ok).toBe(true);
    expect(await verdictOn(three, { maxCodePoints: 29 })).toEqual({
      reason: 'dataset-too-large',
      message:
        'the first 3 lines have 30 code points in their texts, at most 29 are allowed in the whole file; shorten or leave out rows',
      facts: { codePoints: 30, maxCodePoints: 29, lines: 3 },
    });
    // Bad lines before it are not what is wrong with the file.
    expect((await verdictOn(`bad\n${three}`, { maxCodePoints: 19 })).facts).toMatchObject({ lines: 3 });
  });

  it('refuses more JSON in all than allowed, before it is parsed', async () => {
    // Five keys, three objects and a list.
    const row = rowLine('a');
    expect((await check(`${row}\n${row}\n`, { maxJsonNodes: 18 })).ok).toBe(true);
    expect(await verdictOn(`${row}\n${row}\n`, { maxJsonNodes: 17 })).toEqual({
      reason: 'dataset-too-large',
      message:
        'the first 2 lines have 18 JSON keys, objects and arrays, at most 17 are allowed in the whole file; shorten or leave out rows',
      facts: { jsonNodes: 18, maxJsonNodes: 17, lines: 2 },
    });
    expect((await verdictOn(`[[[{ "a"\t: [] },\n`, { maxJsonNodes: 5 })).reason).toBe('dataset-too-large');
    expect((await verdictOn(`[[[{ "a"\t: [] },\n`, { maxJsonNodes: 6 })).reason).toBe('invalid-rows');
  });

  it('tells once that a file will be refused, and gives no row after that', async () => {
    const seen: string[] = [];
    const check = new RowsCheck({
      competition: Competition.parse({}),
      onRow: ({ conversations }) => seen.push(conversations[0]!.content),
      onRefused: () => seen.push('refused'),
    });
    check.push(Buffer.from(`${rowLine('a')}\nbad\n${rowLine('b')}\nbad\n`));
    expect(seen).toEqual(['a', 'refused']);
    expect(check.finish({ sha256: '', bytes: 1 })).toMatchObject({ ok: false, verdict: { reason: 'invalid-rows' } });
  });

  it('gives every row of a refused file where that is asked for, and each line that is none with the kind of its problem', () => {
    const [rows, problems]: [[string, number][], unknown[]] = [[], []];
    const check = new RowsCheck({
      competition: Competition.parse({}),
      everyRow: true,
      onRow: ({ conversations }, line) => rows.push([conversations[0]!.content, line]),
      onProblem: (problem) => problems.push(problem),
    });
    check.push(Buffer.from(`${rowLine('a')}\nbad\n${rowLine('b')}\n{"conversations": [1]}`));
    check.finish({ sha256: '', bytes: 1 });
    expect(rows).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
    const where = 'Invalid input: expected object, received number';
    expect(problems).toEqual([
      { line: 2, problem: expect.stringMatching(/^not JSON \(/), kind: 'not JSON' },
      { line: 4, problem: `conversations.0: ${where}`, kind: `conversations.*: ${where}` },
    ]);
  });

  it('takes a row that is not allowed for none, and only that', () => {
    const rows: string[] = [];
    const check = new RowsCheck({
      competition: Competition.parse({}),
      isAllowed: ({ conversations }) => conversations[0]!.content !== 'own',
      onRow: ({ conversations }) => rows.push(conversations[0]!.content),
    });
    check.push(Buffer.from(`${rowLine('a')}\n${rowLine('b')}\n`));
    expect(rows).toEqual(['a', 'b']);
    check.push(Buffer.from(`${rowLine('own')}\nbad\n`));
    const problem = 'no row of the evaluation set, from which this competition wants its rows';
    expect(check.finish({ sha256: '', bytes: 1 })).toMatchObject({
      verdict: {
        message: expect.stringMatching(/^2 of 4 lines are no rows: line 3: no row of the evaluation set/),
        facts: { problems: [{ line: 3, problem }, { line: 4 }], kinds: [{ kind: problem, count: 1, lines: [3] }, {}] },
      },
    });
  });

  it('takes a file of exactly the limits', async () => {
    const content = lines(3);
    expect((await check(content, { minRows: 3, maxRows: 3, maxBytes: content.length })).ok).toBe(true);
    expect(await verdictOn(`${content}bad\n`, { maxRows: 4 })).toMatchObject({ reason: 'invalid-rows' });
    expect(await verdictOn(`bad\n${content}`, { maxRows: 3 })).toMatchObject({ reason: 'row-count' });
  });

  it('caps a line of 100 MB', async () => {
    const path = pathOf('long.jsonl');
    const file = await open(path, 'w');
    await file.write(lines(2));
    await file.truncate(100 * 2 ** 20);
    await file.close();
    const dataset = await checkDataset({ path, competition: Competition.parse({}) });
    expect(dataset).toMatchObject({
      verdict: { reason: 'invalid-rows', message: '1 of 3 lines are no rows: line 3: longer than 1048576 bytes' },
    });
  });

  it('shows no control characters of a bad line in its message', async () => {
    const { message, facts } = await verdictOn('\u001b[31mred\u0007\n{"a": \u001b}\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(message + JSON.stringify(facts)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it('survives compressed, binary and UTF-16 files', async () => {
    const binary = await readFile(process.execPath).then((bytes) => bytes.subarray(0, 200_000));
    for (const content of [binary, Buffer.from(lines(3), 'utf16le'), Buffer.from([0x1f, 0x8b, 8, 0])])
      expect((await verdictOn(content)).reason).toBe('invalid-rows');
  });

  it('throws `disk` for a missing file: our fault, not the miner’s', async () => {
    const path = pathOf('missing.jsonl');
    await expect(checkDataset({ path, competition: Competition.parse({}) })).rejects.toMatchObject({
      name: 'FlockOffError',
      code: 'disk',
      message: expect.stringMatching(/cannot be read .*ENOENT.*\. Check the path/),
    });
  });

  it('stops with the reason of the signal', async () => {
    const path = await fileOf(lines(2000));
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(checkDataset({ path, competition: Competition.parse({}), signal })).rejects.toThrow('stop');
  });
});
