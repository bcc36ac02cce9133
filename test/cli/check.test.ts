import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkReport } from '../../src/cli/check/check-report.ts';
import { rowSizes } from '../../src/cli/check/row-sizes.ts';
import type { CheckOutput } from '../../src/cli/check/run-check.ts';
import { openTokenCounter } from '../../src/cli/check/token-counter.ts';
import { checkCommand } from '../../src/cli/check.ts';
import { LOCAL_COMPETITION } from '../../src/local/local-competition.ts';
import { TINY_BASE } from '../../src/local/tiny-base.ts';
import { Competition } from '../../src/schema/competition.ts';
import { runCommand } from '../../src/setup/run-command.ts';
import { tokenizeRow } from '../../src/trainer/tokens/chat.ts';
import { loadTokenizer } from '../../src/trainer/tokens/tokenizer.ts';
import { onTerminal } from '../examples/on-terminal.ts';
import { inProcess } from './in-process.ts';

const CLI = fileURLToPath(new URL('../../src/cli/index.ts', import.meta.url));
const COMMAND = [process.execPath, '--import', import.meta.resolve('tsx'), CLI, 'check'];
const CHATS = Array.from({ length: 40 }, (_, i) => ({
  asked: `Why is ${i} "so"?`,
  answered: `Because,\n${i * 7} ü 漢.`,
}));
const ROWS = CHATS.map(({ asked, answered }) => ({
  conversations: [
    { role: 'user', content: asked },
    { role: 'assistant', content: answered },
  ],
}));
const SHAREGPT = CHATS.map(({ asked, answered }) => ({
  conversations: [
    { from: 'human', value: asked },
    { from: 'gpt', value: answered },
  ],
}));
const ALPACA = CHATS.map(({ asked, answered }) => ({ instruction: asked, input: '', output: answered }));
const PAIRS = CHATS.map(({ asked, answered }) => ({ prompt: asked, completion: answered }));
const jsonl = (rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
const table = (separator: string, end: string) =>
  ['Question,Answer', ...CHATS.map(({ asked, answered }) => `${quoted(asked)},${quoted(answered)}`)]
    .map((line) => line.replace(/(?<=^Question|"),/, separator) + end)
    .join('');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-check-'));
  await writeFile(join(folder, 'good.jsonl'), jsonl(ROWS));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const HOME = { HF_HOME: '/nowhere', HF_HUB_CACHE: '', XDG_CACHE_HOME: '' };

function check(args: string[], env: Record<string, string> = {}) {
  return inProcess(checkCommand(), args, { cwd: folder, env: { ...HOME, ...env } });
}

/** The same as a user runs it. */
function checkAlone(args: string[], env: NodeJS.ProcessEnv = {}) {
  const [command = '', ...others] = COMMAND;
  return runCommand({
    command,
    args: [...others, ...args],
    cwd: folder,
    env: { ...process.env, ...HOME, ...env },
    timeoutMs: 60_000,
  });
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return name;
}

async function outputOf(args: string[]): Promise<CheckOutput & { code: unknown }> {
  const { code, stdout, stderr } = await check([...args, '--json']);
  expect(stderr).toBe('');
  return { ...(JSON.parse(stdout) as CheckOutput), code };
}

describe('a file in another format is named, and converted:', () => {
  test.each<[string, string | Uint8Array, string[]]>([
    ['sharegpt.jsonl', jsonl(SHAREGPT), ['JSON Lines of ShareGPT']],
    ['messages.jsonl', jsonl(ROWS.map((row) => ({ messages: row.conversations }))), ['JSON Lines of OpenAI messages']],
    ['alpaca.json', JSON.stringify(ALPACA, null, 2), ['a JSON array of rows (Alpaca)']],
    ['one-line.json', JSON.stringify(SHAREGPT), ['a JSON array of rows (ShareGPT)']],
    [
      'rows.json',
      JSON.stringify({ version: 1, data: PAIRS }, null, 1),
      ['one JSON object around all rows ("prompt" and "completion")'],
    ],
    ['indented.json', ROWS.map((row) => JSON.stringify(row, null, 2)).join('\n'), ['indented JSON of rows']],
    ['table.csv', `\ufeff${table(',', '\r\n')}`, ['a CSV table']],
    ['table.tsv', table('\t', '\n'), ['a TSV table']],
    ['semicolons.csv', table(';', '\n'), ['a CSV table with semicolons']],
    ['sharegpt.jsonl.gz', gzipSync(jsonl(SHAREGPT)), ['compressed with gzip', 'JSON Lines of ShareGPT']],
    ['twice.gz', gzipSync(gzipSync(jsonl(ROWS))), ['compressed with gzip', 'compressed with gzip', 'JSON Lines']],
    ['utf16.jsonl', Buffer.from(`\ufeff${jsonl(ROWS)}`, 'utf16le'), ['UTF-16 text', 'JSON Lines']],
    [
      'utf16-no-mark.json',
      Buffer.from(JSON.stringify(ALPACA, null, 1), 'utf16le').swap16(),
      ['UTF-16 text', 'a JSON array of rows (Alpaca)'],
    ],
    [
      'utf16.csv.gz',
      gzipSync(Buffer.from(table(',', '\r\n'), 'utf16le')),
      ['compressed with gzip', 'UTF-16 text', 'a CSV table'],
    ],
  ])('%s', async (name, content, layers) => {
    const path = join(folder, await fileOf(name, content));
    const rules = {
      competition: Competition.parse({}),
      counter: await openTokenCounter({ env: HOME }),
      evaluation: null,
    };
    expect(await checkReport({ path, ...rules })).toMatchObject({
      ...{ verdict: { reason: 'invalid-rows' }, rows: 0 },
      format: { layers, convertible: true },
    });

    const to = `${name}.data.jsonl`;
    const after = await outputOf([name, '--convert', to]);
    expect(after).toMatchObject({ code: 0, good: true, conversion: { layers, rows: 40, problems: 0, refusal: null } });
    expect(after.check).toMatchObject({ file: to, verdict: null, rows: 40 });
    expect(await readFile(join(folder, to), 'utf8')).toBe(jsonl(ROWS));
  });
});

describe('a bad file is refused with what is wrong:', () => {
  const text = async (name: string) => {
    const { code, stdout, stderr } = await check([name]);
    expect([code, stderr]).toEqual([1, '']);
    return stdout;
  };

  test('one in another format', async () => {
    const { code, stdout, stderr } = await checkAlone([await fileOf('their chats.json', JSON.stringify(ALPACA))]);
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^Seen {7}a JSON array of rows \(Alpaca\)$/m);
    expect(stdout).toMatch(/^Expected {3}UTF-8, one JSON object a line: /m);
    expect(stdout).toMatch(/^Convert {4}flock-off check 'their chats.json' --convert data.jsonl$/m);
  });

  test('an empty one', async () => {
    expect(await text(await fileOf('empty.jsonl', ''))).toMatch(/refused \(row-count\)\n +the file has 0 rows/);
  });

  test('a binary one', async () => {
    const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * i * 31) % 256);
    const stdout = await text(await fileOf('random.bin', bytes));
    expect(stdout).toMatch(/^Seen {7}a binary file$/m);
    expect(stdout).toMatch(/^Convert {4}not here; export the rows as JSON Lines$/m);
  });

  test('a cut gzip', async () => {
    const name = await fileOf('cut.gz', gzipSync(jsonl(ROWS)).subarray(0, 300));
    expect(await text(name)).toContain('its gzip data is cut off or damaged');
    const converted = await check([name, '--convert', 'cut.jsonl']);
    expect(converted.code).toBe(1);
    expect(converted.stdout).toContain('its gzip data is cut off or damaged');
    expect((await readdir(folder)).filter((file) => file.startsWith('cut.jsonl'))).toEqual([]);
  });

  test('one of an older Windows', async () => {
    const name = await fileOf('latin.csv', Buffer.from('question,answer\nWhy ü?,So.\n', 'latin1'));
    const { code, stdout } = await check([name, '--convert', 'latin.jsonl']);
    expect([code, stdout.replace(/\s+/g, ' ')]).toEqual([1, expect.stringContaining('iconv -f WINDOWS-1252 -t UTF-8')]);
  });

  test('one with some bad lines, each kind with its first line', async () => {
    const lines = jsonl(ROWS).split('\n');
    for (const bad of [2, 4, 6, 8, 10]) lines[bad] = '{"messages": []}';
    lines[20] = '{"\u001b[2J';
    const name = await fileOf('bad.jsonl', lines.join('\n'));
    const stdout = await text(name);
    expect(stdout).toContain('6 lines are no rows');
    expect(stdout).toMatch(/^Problems {3}line 3 and 4 more like it \(5, 7, \.\.\.\): OpenAI messages; rename$/m);
    expect(stdout).toMatch(/^ {11}line 21: not JSON \(/m);
    expect(stdout).not.toContain('\u001b');
    // What the rest holds is measured all the same.
    expect(stdout).toMatch(/^Rows {7}34 of at most 20,000$/m);
    const all = (await check([name, '--all'])).stdout;
    expect(all.match(/^line \d+ /gm)).toEqual([3, 5, 7, 9, 11, 21].map((line) => `line ${line} `));

    const refused = await check([name, '--convert', 'rest.jsonl']);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('6 of its records cannot become rows');
    expect(await readdir(folder)).not.toContain('rest.jsonl');
    const { code, conversion } = await outputOf([name, '--convert', 'rest.jsonl', '--leave_out']);
    expect(code).toBe(0);
    expect(conversion).toMatchObject({ rows: 34, problems: 6, refusal: null });
    expect(conversion!.list.map(({ place }) => place)).toEqual([3, 5, 7, 9, 11, 21].map((line) => `line ${line}`));
  });
});

test('lines may end as on Windows', async () => {
  const name = await fileOf('windows.jsonl', jsonl(ROWS).replaceAll('\n', '\r\n'));
  expect(await outputOf([name])).toMatchObject({ code: 0, check: { rows: 40, format: null } });
});

test.each<[string, string[], number, string]>([
  ['is not there', ['absent.jsonl'], 3, 'the file absent.jsonl cannot be read (ENOENT'],
  ['is a folder', ['.'], 3, 'the file . cannot be read (EISDIR'],
  ['is not named', [], 2, "error: missing required argument 'file'"],
  ['has an unknown flag', ['good.jsonl', '--fix'], 2, "error: unknown option '--fix'"],
  ['is compared with nothing', ['good.jsonl', '--eval_data', 'absent'], 3, 'the file absent cannot be read'],
  [
    'has a model that is not here',
    ['good.jsonl', '--base_model', 'a/b'],
    2,
    'there is no folder a/b, and no such model',
  ],
  [
    'has rules with a misspelt name',
    ['good.jsonl', '--competition_file', 'rules.json'],
    2,
    'the competition file rules',
  ],
  [
    'would replace itself',
    ['good.jsonl', '--convert', './link.jsonl', '--force'],
    2,
    './link.jsonl is the file that is',
  ],
  ['would replace a file', ['good.jsonl', '--convert', 'rules.json'], 2, 'rules.json is there already'],
  ['would replace a folder', ['good.jsonl', '--convert', '.', '--force'], 2, '. is there and is no file'],
])('a file that %s ends the command with a sentence', async (_, args, code, sentence) => {
  await fileOf('rules.json', '{"maxRow": 5}');
  await symlink('good.jsonl', join(folder, 'link.jsonl')).catch(() => {});
  const { stdout, stderr, ...ended } = await (args.length === 0 ? checkAlone : check)(args);
  expect([ended.code, stdout]).toEqual([code, '']);
  expect(stderr).toContain(sentence);
  expect(await readFile(join(folder, 'good.jsonl'), 'utf8')).toBe(jsonl(ROWS));
});

test('--force replaces a file by a whole one', async () => {
  await fileOf('old.jsonl', 'old');
  await fileOf('new.json', JSON.stringify(PAIRS));
  expect((await check(['new.json', '--convert', 'old.jsonl', '--force'])).code).toBe(0);
  expect(await readFile(join(folder, 'old.jsonl'), 'utf8')).toBe(jsonl(ROWS));
  expect((await readdir(folder)).filter((name) => name.includes('incomplete'))).toEqual([]);
});

describe('what a good file holds:', () => {
  test('tokens as the trainer counts them, rows cut, repeated, and of the evaluation set', async () => {
    const long = {
      conversations: [ROWS[0]!.conversations[0], { role: 'assistant', content: 'long words '.repeat(99) }],
    };
    const rows = [...ROWS, long, ROWS[3], ROWS[5]];
    await fileOf('mixed.jsonl', jsonl(rows));
    await fileOf('data.jsonl', jsonl([ROWS[1]]));
    const rules = { recipe: { contextTokens: 64 } };
    await fileOf('short.json', JSON.stringify(rules));
    const flags = ['--base_model', TINY_BASE, '--eval_data', '.', '--competition_file', 'short.json'];
    const { code, check: report } = await outputOf(['mixed.jsonl', ...flags]);
    const tokenizer = await loadTokenizer({ folder: TINY_BASE });
    const tokens = rows.map((row) => tokenizeRow(row as never, tokenizer, 64).inputIds.length);
    // Rows 42 and 43 are repetitions, row 2 is of the evaluation set.
    const trained = tokens.filter((_, row) => ![1, 41, 42].includes(row));
    expect(code).toBe(0);
    expect(report).toMatchObject({
      rows: 43,
      turns: { all: 86, most: 2 },
      tokens: {
        exact: true,
        all: trained.reduce((sum, count) => sum + count, 0),
        sizes: { least: Math.min(...tokens), most: 64 },
        cut: { rows: 1, lines: [41] },
      },
      repeated: {
        rows: 2,
        examples: [
          { line: 42, ofLine: 4 },
          { line: 43, ofLine: 6 },
        ],
      },
      evaluation: { rows: 1, examples: [{ line: 2, alike: 1 }] },
      competition: Competition.parse(rules),
    });
    expect(report!.tokens.sizes!.histogram.reduce((sum, bin) => sum + bin.rows, 0)).toBe(43);
  });

  test('too many tokens refuse it where they are counted, and warn where they are estimated', async () => {
    await fileOf('few.json', '{"maxTokens": 500}');
    const flags = ['good.jsonl', '--competition_file', 'few.json'];
    expect(await outputOf([...flags, '--base_model', TINY_BASE])).toMatchObject({
      code: 1,
      check: { verdict: { reason: 'too-many-tokens', facts: { maxTokens: 500 } } },
    });
    const estimated = await outputOf(flags);
    expect(estimated).toMatchObject({ code: 0, check: { tokens: { exact: false } } });
    expect(estimated.check!.warnings).toEqual([expect.stringContaining('validators refuse more than 500')]);
  });

  test('the tokenizer is found in the cache of huggingface_hub, as main was last seen', async () => {
    const cache = join(folder, 'hub', 'models--Qwen--Qwen2.5-1.5B-Instruct');
    const commit = 'a'.repeat(40);
    await promisify(execFile)('mkdir', ['-p', join(cache, 'refs'), join(cache, 'snapshots', commit)]);
    await writeFile(join(cache, 'refs', 'main'), commit);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await writeFile(join(cache, 'snapshots', commit, file), await readFile(join(TINY_BASE, file)));
    const counter = await openTokenCounter({ env: { HF_HUB_CACHE: join(folder, 'hub') } });
    expect(counter).toMatchObject({ exact: true, how: expect.stringContaining(commit) });
  });

  test('in lines of 80 characters', async () => {
    for (const args of [['good.jsonl'], ['bad.jsonl'], ['--help'], ['sharegpt.jsonl']]) {
      const { stdout } = await check(args, { COLUMNS: '80' });
      const words = (line: string) => line.replace(/^\w* +/, '').split(' ').length;
      expect(stdout.split('\n').filter((line) => line.length > 80 && words(line) > 1)).toEqual([]);
    }
  });

  test.skipIf(process.platform === 'win32')('with a coloured word on a terminal, unless NO_COLOR says no', async () => {
    const run = (env: Record<string, string>) =>
      onTerminal({ command: [...COMMAND, join(folder, 'good.jsonl')], interrupts: [], withinMs: 60_000, env });
    expect((await run({})).output).toContain('Verdict    \u001b[32mgood\u001b[39m');
    const plain = await run({ NO_COLOR: '1' });
    expect(plain).toMatchObject({ exitCode: 0, output: expect.not.stringContaining('\u001b') });
    expect(plain.output).toContain('Verdict    good');
  });
});

test('rows by their tokens', () => {
  expect(rowSizes([], 100)).toBeNull();
  expect(rowSizes([5, 1, 101, 9, 100], 100)).toEqual({
    ...{ least: 1, median: 9, p95: 100, most: 100 },
    histogram: [
      { from: 1, to: 1, rows: 1 },
      { from: 2, to: 3, rows: 0 },
      { from: 4, to: 7, rows: 1 },
      { from: 8, to: 15, rows: 1 },
      { from: 16, to: 31, rows: 0 },
      { from: 32, to: 63, rows: 0 },
      { from: 64, to: 100, rows: 1 },
      { from: 101, to: null, rows: 1 },
    ],
  });
});

test('a file that changes while it is read is no finding', async () => {
  const path = join(folder, await fileOf('growing.jsonl', jsonl(ROWS)));
  const counter = {
    exact: true,
    how: '',
    count() {
      appendFileSync(path, `${JSON.stringify(ROWS[0])}\n`);
      return { tokens: 5, learned: true };
    },
  };
  const competition = Competition.parse(LOCAL_COMPETITION);
  await expect(checkReport({ path, competition, counter, evaluation: null })).rejects.toMatchObject({
    code: 'disk',
    message: expect.stringContaining('growing.jsonl changed while it was read'),
  });
});

describe.skipIf(process.platform === 'win32')('Ctrl-C ends it within two seconds and leaves nothing,', () => {
  test.each([[[]], [['--convert', 'interrupted.jsonl']]])('with %j', async (flags) => {
    const pipe = join(folder, `pipe-${flags.length}`);
    await promisify(execFile)('mkfifo', [pipe]);
    const [command = '', ...others] = COMMAND;
    const child = spawn(command, [...others, pipe, ...flags], { cwd: folder, env: { ...process.env, ...HOME } });
    // Opens once the command reads; the rest never comes.
    const writer = await open(pipe, 'w');
    await writer.write(jsonl(ROWS).repeat(2000).slice(0, 60_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const startMs = performance.now();
    child.kill('SIGINT');
    // A shell calls that 130.
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    expect(performance.now() - startMs).toBeLessThan(2000);
    await writer.close();
    expect((await readdir(folder)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
  });
});
