import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkDataset } from '../../src/dataset/check.ts';
import { checkBytes } from '../../src/dataset/check-bytes.ts';
import { fileFormat, HEAD_BYTES } from '../../src/dataset/file-format.ts';
import { Competition } from '../../src/schema/competition.ts';
import { lines, rowLine, tempFolder } from './temp-folder.ts';

const { fileOf } = tempFolder();

async function check(content: string | Uint8Array, rules: Partial<Competition> = {}) {
  const competition = Competition.parse(rules);
  const onDisk = await checkDataset({ path: await fileOf(content), competition });
  expect(await checkBytes({ bytes: Buffer.from(content), competition })).toEqual(onDisk);
  return onDisk;
}

async function verdictOn(content: string | Uint8Array, rules: Partial<Competition> = {}) {
  const dataset = await check(content, rules);
  if (dataset.ok) throw new Error('expected a verdict, saw a dataset');
  if (dataset.verdict.reason !== 'invalid-rows')
    throw new Error(`expected invalid-rows, saw ${dataset.verdict.reason}`);
  return dataset.verdict;
}

const jsonl = (rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const good = () =>
  lines(3)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const sharegpt = {
  conversations: [
    { from: 'human', value: 'Hi' },
    { from: 'gpt', value: 'Hello' },
  ],
};
const alpaca = { instruction: 'Say it', input: '', output: 'It' };
const binary = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from([0, 1, 2, 255, 10, 0, 7])]);
const be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const utf32 = (text: string) => Buffer.from(Uint32Array.from([...text].map((char) => char.codePointAt(0)!)).buffer);
const tarred = (content: string) => {
  const header = Buffer.alloc(512);
  header.write('data.jsonl');
  header.write('ustar', 257);
  return Buffer.concat([header, Buffer.from(content)]);
};

const files: [string, string | Uint8Array, string, string][] = [
  ['gzip', gzipSync(lines(50)), 'compressed with gzip', 'unpack it first: gunzip'],
  [
    'stored in gzip, so that its lines can be read',
    gzipSync(lines(50), { level: 0 }),
    'compressed with gzip',
    'gunzip',
  ],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 4, 0]), 'compressed with zstd', 'zstd -d'],
  ['xz', binary('\xfd7zXZ\0'), 'compressed with xz', 'xz -d'],
  ['lz4', binary('\x04"M\x18d'), 'compressed with lz4', 'lz4 -d'],
  ['bzip2', binary('BZh91AY'), 'compressed with bzip2', 'bunzip2'],
  ['zip', binary('PK\x03\x04\x14data.jsonl'), 'a zip archive', 'unzip'],
  ['an empty zip', binary('PK\x05\x06'), 'a zip archive', 'unzip'],
  ['7z', binary("7z\xbc\xaf'\x1c"), 'a 7z archive', '7z x'],
  ['RAR', binary('Rar!\x1a\x07'), 'a RAR archive', 'unrar x'],
  ['an Excel workbook', binary('PK\x03\x04\x14\0[Content_Types].xml'), 'an Excel workbook', 'to_json('],
  ['a workbook packed by another tool', binary('PK\x03\x04\x14\0xl/workbook.xml'), 'an Excel workbook', 'to_json('],
  ['tar', tarred(lines(50)), 'a tar archive', 'tar -xf'],
  ['a tar with a workbook in it', tarred('xl/workbook.xml'), 'a tar archive', 'tar -xf'],
  ['Parquet', binary('PAR1\x15'), 'Parquet', 'orient="records", lines=True'],
  ['Arrow', binary('ARROW1\0\0'), 'Arrow or Feather', 'to_json('],
  ['Feather', binary('FEA1\0'), 'Feather', 'to_json('],
  ['an Arrow stream', binary('\xff\xff\xff\xff\x10'), 'an Arrow stream', 'to_json('],
  ['SQLite', binary('SQLite format 3\0'), 'an SQLite database', 'to_json('],
  ['Avro', binary('Obj\x01\x04'), 'Avro', 'to_json('],
  ['DuckDB', binary('checksumDUCK@'), 'a DuckDB database', 'to_json('],
  ['xls', binary('\xd0\xcf\x11\xe0\xa1'), 'an old Excel workbook', 'to_json('],
  ['HDF5', binary('\x89HDF\r\n'), 'HDF5', 'to_json('],
  ['NumPy', binary('\x93NUMPY\x01'), 'a NumPy array', 'to_json('],
  ['PDF', binary('%PDF-1.7'), 'a PDF', 'to_json('],
  ['UTF-16 with a mark', Buffer.from(`\ufeff${lines(3)}`, 'utf16le'), 'UTF-16 text', 'iconv -f UTF-16 -t UTF-8'],
  ['big-endian UTF-16 with a mark', be(`\ufeff${lines(3)}`), 'UTF-16 text', 'iconv -f UTF-16 -t UTF-8'],
  ['UTF-16', Buffer.from(lines(3, '你好'), 'utf16le'), 'UTF-16 text', 'iconv -f UTF-16LE -t UTF-8'],
  ['big-endian UTF-16', be(lines(3)), 'UTF-16 text', 'iconv -f UTF-16BE -t UTF-8'],
  ['UTF-32 with a mark', utf32(`\ufeff${lines(3)}`), 'UTF-32 text', 'iconv -f UTF-32 -t UTF-8'],
  ['big-endian UTF-32 with a mark', utf32(`\ufeff${lines(3)}`).swap32(), 'UTF-32 text', 'iconv -f UTF-32 -t UTF-8'],
  ['big-endian UTF-32', utf32(lines(3)).swap32(), 'UTF-32 text', 'iconv -f UTF-32BE -t UTF-8'],
  ['UTF-32', utf32(lines(3)), 'UTF-32 text', 'iconv -f UTF-32LE -t UTF-8'],
  ['zero bytes', Buffer.alloc(5000), 'nothing but zero bytes, as after a full disk or a power cut', 'write it again'],
  ['another binary', binary('\x7fELF'), 'a binary file', 'export the rows as JSON Lines'],
  ['too few bytes to tell their width', Buffer.from('a\0\0'), 'a binary file', 'export the rows as JSON Lines'],
  ['a JSON array in one line', JSON.stringify(good()), 'a JSON array of rows', 'write each row as one line'],
  ['a JSON array in lines', `[\n${lines(3).trim().replaceAll('\n', ',\n')}\n]\n`, 'a JSON array of rows', 'one line'],
  ['an indented JSON array', JSON.stringify(good(), null, 2), 'a JSON array of rows', 'write each row as one line'],
  ['an array behind empty lines', `\n \n${JSON.stringify(good(), null, 2)}`, 'a JSON array of rows', 'one line'],
  ['an array behind a mark', `\ufeff${JSON.stringify(good(), null, 2)}`, 'a JSON array of rows', 'one line'],
  [
    'an array of ShareGPT',
    JSON.stringify([sharegpt, sharegpt], null, 1),
    'a JSON array of rows (ShareGPT)',
    'and rename "from" and "value"',
  ],
  [
    'an array of Alpaca in one line',
    JSON.stringify([alpaca, alpaca]),
    'a JSON array of rows (Alpaca)',
    '"instruction"',
  ],
  [
    'rows under a key',
    JSON.stringify({ data: good() }),
    'one JSON object around all rows',
    'write each row as one line',
  ],
  [
    'rows under a key behind others, indented',
    JSON.stringify({ version: '1', n: 2, rows: [alpaca, alpaca] }, null, 2),
    'one JSON object around all rows (Alpaca)',
    'write each row as one line',
  ],
  [
    'rows under a key, with space around every mark',
    `{ "by" : "some one" , "n" : 120 , "v" : 1.25 , "old" : false , "new" : true , "x" : null , "items" : [ ${JSON.stringify(alpaca)} ] }`,
    'one JSON object around all rows (Alpaca)',
    'write each row as one line',
  ],
  [
    'rows under a key behind others, in one line',
    JSON.stringify({ by: 'some one', n: 12, records: [alpaca] }),
    'one JSON object around all rows (Alpaca)',
    'write each row as one line',
  ],
  [
    'an indented object with space behind its brace',
    '{ \t\n  "text": "a"\n}',
    'indented JSON of rows (plain',
    'one line',
  ],
  [
    'indented objects',
    good()
      .map((row) => JSON.stringify(row, null, 2))
      .join('\n'),
    'indented JSON of rows',
    'one line',
  ],
  ['CSV', 'instruction,input,output\n"Say, it",,It\n"Two\nlines",x,y\n', 'a CSV table', 'one JSON object'],
  ['CSV with quotes', '"id","prompt","completion"\r\n"1","a","b"\r\n', 'a CSV table', 'one JSON object'],
  ['TSV', 'question\tanswer\nWhy?\tSo.\n', 'a TSV table', 'one JSON object'],
  ['semicolons', 'question;answer\nWhy?;So.\n', 'a CSV table with semicolons', 'one JSON object'],
  ['bars', 'question|answer\nWhy?|So.\n', 'a table with bars', 'one JSON object'],
  ['a table with other columns as well', 'name, "prompt" \na,b\n', 'a CSV table', 'one JSON object'],
  ['a table of chats', 'n,conversation\n1,a\n', 'a CSV table', 'one JSON object'],
  ['a table without a name that datasets have', 'grid,identity\n1,2\n', 'plain text', 'make chats of it'],
  ['a table without a record', 'id,text', 'plain text', 'make chats of it'],
  ['a heading that is the name of a column', 'Text\nOnce upon a time\n', 'plain text', 'make chats of it'],
  ['a sentence with such a name in it', 'Answer, it was (so) cold!\nand dark\n', 'plain text', 'make chats of it'],
  ['a sentence that ends with a quote', 'Answer,she said "no"\nand left\n', 'plain text', 'make chats of it'],
  ['a sentence that begins with a quote', 'Answer,"no" she said\nand left\n', 'plain text', 'make chats of it'],
  ['code', 'function a() {\n  return [];\n}\n', 'plain text', 'make chats of it'],
  ['prose about web pages', 'A page begins with <html>\nand XML with <?xml\n', 'plain text', 'make chats of it'],
  ['prose', 'Once upon a time\nthere was a miner, and\nanother.\n', 'plain text', 'make chats of it'],
  ['XML', '<?xml version="1.0"?>\n<rows/>\n', 'XML', 'export the rows as JSON Lines'],
  ['XML without its first line', '<rows>\n</rows>\n', 'XML', 'export the rows as JSON Lines'],
  ['HTML', '<!DOCTYPE html>\n<html><body>404</body></html>\n', 'a web page', 'download the file itself'],
  [
    'a git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n',
    'the pointer of a file in git LFS',
    'git lfs pull',
  ],
];

describe('a file in another format', () => {
  it.each(files)('is named once, with what to do: %s', async (_, content, name, fix) => {
    const { message, facts } = await verdictOn(content);
    expect(message).toMatch(/^the file is .+, expected one JSON object a line; .+[^.]$/);
    expect(message).toContain(`the file is ${name}`);
    expect(message).toContain(fix);
    expect(message.length).toBeLessThan(400);
    expect(facts?.format).toEqual(expect.stringContaining(name));
  });

  it('is named before its lines are counted', async () => {
    const indented = JSON.stringify(good(), null, 2);
    expect((await verdictOn(indented, { maxRows: 5 })).message).toContain('a JSON array of rows');
    expect((await check(lines(6), { maxRows: 5 })).ok).toBe(false);
  });

  it('is not named where there are rows in it, or where its first line is JSON by itself', async () => {
    expect((await verdictOn(`instruction,input,output\n${lines(3)}`)).message).toMatch(/^1 of 4 lines are no rows/);
    expect((await verdictOn('[{"a":1}]\nbad\n')).message).toMatch(/^2 of 2 lines are no rows/);
    expect((await verdictOn('bad\n[{"a":1}]\n')).message).toMatch(/^2 of 2 lines are no rows/);
  });

  it.each([
    ['a text in quotes', '"Hi\nHo\n', 'not JSON'],
    ['numbers', '12 34\n56 78\n', 'not JSON'],
    ['text that is no UTF-8', Buffer.from('caf\xe9\nol\xe9\n', 'latin1'), 'not valid UTF-8'],
    ['prose in front of broken JSON', 'The rows:\n  {"text": "a"\n', 'not JSON'],
    ['an object of rows behind prose', 'The rows:\n{"data": [{"text": "a"},\n', 'not JSON'],
  ])('is not named where nothing tells what it is meant to be: %s', async (_, content, problem) => {
    const { message, facts } = await verdictOn(content);
    expect(message).toMatch(/^2 of 2 lines are no rows: /);
    expect(message).toContain(problem);
    expect(facts?.format).toBeUndefined();
  });

  it('is told to be cut into lines and no more where its rows are in no other format', async () => {
    expect((await verdictOn(JSON.stringify(good()))).message).toBe(
      'the file is a JSON array of rows, expected one JSON object a line; write each row as one line without the brackets and commas around it',
    );
  });

  it('is named where its one line is longer than a line may be', async () => {
    const content = JSON.stringify(Array.from({ length: 100 }, () => sharegpt));
    expect((await verdictOn(content, { maxLineBytes: 1000 })).message).toContain('a JSON array of rows (ShareGPT)');
  });

  it('is told in linear time from a beginning made to be slow', () => {
    const slow = ['\n', '\r', ' ', ' \n', '[', '{"', '"\\', '{', ',', 'a,', '{"data":', '"a":1,', '\\'];
    const startMs = performance.now();
    for (const start of ['', 'a', '[', '{', '{"a":1,', 'text'])
      for (const part of slow) {
        const head = Buffer.from(start + part.repeat(HEAD_BYTES)).subarray(0, HEAD_BYTES);
        fileFormat({ head, lines: 1, rows: 0, firstLineIsJson: false });
      }
    expect(performance.now() - startMs).toBeLessThan(5000);
  });

  it('is told from its beginning alone, in time that does not grow with what follows', async () => {
    const first = { conversations: [{ from: 'human', value: '"{'.repeat(HEAD_BYTES) }] };
    const content = `[\n${JSON.stringify(first)}\n]`;
    expect((await verdictOn(content)).message).toContain('the file is a JSON array of rows, expected');
  });
});

const rows: [string, unknown, string][] = [
  ['ShareGPT', sharegpt, 'ShareGPT; rename "from" and "value" to "role" and "content"'],
  [
    'OpenAI messages',
    {
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'a' },
      ],
    },
    'OpenAI messages; rename "messages"',
  ],
  [
    'a system turn',
    {
      conversations: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'a' },
      ],
    },
    'the role "system"; move',
  ],
  [
    'other roles',
    {
      conversations: [
        { role: 'human', content: 'a' },
        { role: 'gpt', content: 'b' },
      ],
    },
    'the role "human"; name the roles',
  ],
  ['Alpaca', alpaca, 'Alpaca; make "instruction" with "input" the user\'s turn'],
  [
    'Dolly',
    { instruction: 'a', context: '', response: 'b', category: 'qa' },
    'Dolly; make "instruction" with "context"',
  ],
  [
    'prompt and completion',
    { prompt: 'a', completion: 'b' },
    '"prompt" and "completion"; make "prompt" the user\'s turn',
  ],
  ['question and answer', { question: 'a', answer: 'b' }, '"question" and "answer"; make'],
  ['Orca', { id: '1', system_prompt: '', question: 'a', response: 'b' }, '"question" and "response"; make'],
  ['preferences', { prompt: 'a', chosen: 'b', rejected: 'c' }, 'a preference pair (DPO); make "prompt"'],
  ['Gemini', { contents: [{ role: 'user', parts: [{ text: 'a' }] }] }, 'Gemini contents; rename "contents"'],
  ['conversation', { conversation: [{ role: 'user', content: 'a' }] }, 'chats under "conversation"; rename'],
  ['Vicuna', { id: '1', items: [{ from: 'human', value: 'a' }] }, 'chats under "items"; rename'],
  ...['conversation', 'dialogue', 'dialog', 'chat', 'turns'].map((key): [string, unknown, string] => [
    `chats under ${key}`,
    { [key]: ['Hi', 'Hello'] },
    `chats under "${key}"; rename "${key}" to "conversations"`,
  ]),
  ...['data', 'rows', 'train', 'examples', 'items', 'records', 'dataset', 'features'].map(
    (key): [string, unknown, string] => [
      `rows under ${key}`,
      { version: 1, [key]: [alpaca] },
      'one JSON object around all rows (Alpaca); write each row as one line',
    ],
  ),
  ...[
    ['prompt', 'response'],
    ['query', 'response'],
    ['input', 'output'],
    ['user', 'assistant'],
  ].map(([asked, answered]): [string, unknown, string] => [
    `${asked} and ${answered}`,
    { [asked!]: 'a', [answered!]: 'b' },
    `"${asked}" and "${answered}"; make "${asked}" the user's turn and "${answered}" the assistant's`,
  ]),
  ...['human', 'gpt', 'tool', 'function', 'model', 'bot', 'ai', 'chatbot'].map((role): [string, unknown, string] => [
    `the role ${role} of a second turn`,
    { conversations: [good()[0].conversations[0], { role, content: 'b' }] },
    `the role "${role}"; name the roles "user" and "assistant"`,
  ]),
  [
    'a developer turn',
    { conversations: [{ role: 'developer', content: 's' }] },
    'the role "developer"; move the content of that turn to the key "system"',
  ],
  [
    'wrappers within a wrapper',
    { data: [{ rows: [{ text: 'a' }] }] },
    'one JSON object around all rows (one JSON object around all rows (plain text under "text"))',
  ],
  [
    'more wrappers than it helps to name',
    { data: [{ data: [{ data: [{ text: 'a' }] }] }] },
    'one JSON object around all rows (one JSON object around all rows (one JSON object around all rows)); ',
  ],
  [
    'wrappers within a list',
    [{ data: [{ data: [{ text: 'a' }] }] }],
    'a JSON array of rows (one JSON object around all rows (one JSON object around all rows)); ',
  ],
  ['a row encoded twice, with space around it', ' {"text": "a"} ', 'a row encoded twice; write the object itself'],
  ['text', { text: 'a' }, 'plain text under "text"; make chats of it'],
  [
    'a list of turns',
    [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ],
    'a list of turns; put it under',
  ],
  ['a row encoded twice', JSON.stringify(good()[0]), 'a row encoded twice; write the object itself'],
  ['a chat as text', { conversations: '[{"role": "user"}]' }, '"conversations" as a string; write it as a JSON array'],
];

describe('rows in another format', () => {
  it.each(rows)('are named once, with what to do: %s', async (_, row, problem) => {
    const { message, facts } = await verdictOn(jsonl(Array.from({ length: 50 }, () => row)));
    expect(message).toContain(`50 of 50 lines are no rows: line 1 and 49 more like it (2, 3, ...): ${problem}`);
    expect(message.split(problem)).toHaveLength(2);
    expect(facts?.kinds).toEqual([{ kind: expect.stringContaining(problem), count: 50, lines: [1, 2, 3] }]);
  });

  it.each([
    ['a sender but no value', { conversations: [{ from: 'human', content: 'a' }] }, 'conversations.0.role: '],
    ['a value but no sender', { conversations: [{ role: 'human turn', value: 'a' }] }, 'conversations.0.role: '],
    [
      'another role behind two turns that are right',
      { conversations: [...good()[0].conversations, { role: 'tool' }] },
      'conversations.2.role: ',
    ],
    ['a chat without turns', { conversations: [1, 2] }, 'conversations.0: '],
    ['a list of numbers', [1, 2], 'Invalid input: expected object, received array'],
    ['nothing', null, 'Invalid input: expected object, received null'],
  ])('are told what is wrong where no other format is meant: %s', async (_, row, problem) => {
    expect((await verdictOn(jsonl([row, row]))).message).toContain(`line 1 and 1 more like it (2): ${problem}`);
  });

  it('are counted by kind where good ones stand between them', async () => {
    const bad = [sharegpt, alpaca, sharegpt, 'x', sharegpt, sharegpt, alpaca];
    const { message, facts } = await verdictOn(jsonl(bad.flatMap((row, i) => [good()[i % 3], row])));
    expect(message).toMatch(
      /^7 of 14 lines are no rows: line 2 and 3 more like it \(6, 10, \.\.\.\): ShareGPT; .+; line 4 and 1 more like it \(14\): Alpaca; .+; line 8: Invalid input: expected object, received string$/,
    );
    expect(facts?.format).toBeUndefined();
    expect(facts?.kinds).toHaveLength(3);
  });

  it('are of one kind wherever in the row the fault is', async () => {
    const empty = (turn: number) => {
      const row = JSON.parse(rowLine('a'));
      row.conversations[turn].content = ' ';
      return row;
    };
    const { message } = await verdictOn(jsonl([empty(1), empty(0), empty(1)]));
    expect(message).toBe(
      '3 of 3 lines are no rows: line 1 and 2 more like it (2, 3): conversations.1.content: content is empty',
    );
  });
});

describe('a good dataset', () => {
  const withKeys = (more: object) => jsonl(good().map((row) => ({ ...more, ...row })));
  it.each([
    [
      'keys of every other format',
      withKeys({ ...alpaca, messages: [], text: 'a', data: [{}], chosen: 1, rejected: 1 }),
    ],
    ['white space before each row', lines(3).replaceAll(/^/gm, ' \t\r').trimEnd()],
    ['other formats in what is said', jsonl(good().map((row) => ({ ...row, system: JSON.stringify(sharegpt) })))],
  ])('stays one with %s', async (_, content) => {
    expect((await check(content)).ok).toBe(true);
  });
});
