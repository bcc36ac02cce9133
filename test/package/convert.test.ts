import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Competition, checkDataset } from '../../src/index.ts';

const DOCUMENT = new URL('../../docs/miner.md', import.meta.url);
const CHATS = [0, 1].map((i) => ({ asked: `Why ${i}, "ann"?`, answered: `Because\n${i} ü.` }));
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
const jsonl = (rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

let folder: string;
let document: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-convert-'));
  document = await readFile(DOCUMENT, 'utf8');
  await writeFile(join(folder, 'convert.mjs'), /```js\n([\s\S]*?)```/.exec(document)![1]!);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the command that the document has for a format, and checks what it made. */
async function convert(format: string, file: string, content: string | Uint8Array) {
  const row = document.split('\n').find((line) => line.startsWith(`| ${format} |`))!;
  const command = /`(.+)`/.exec(row)![1]!.replaceAll('\\|', '|');
  await writeFile(join(folder, file), content);
  await promisify(execFile)('bash', ['-o', 'pipefail', '-c', command], { cwd: folder });
  return checkDataset({ path: join(folder, 'data.jsonl'), competition: Competition.parse({}) });
}

describe('docs/miner.md converts', () => {
  test.each<[string, string, string, string | Uint8Array]>([
    ['ShareGPT', 'JSON or JSON Lines', 'theirs.json', jsonl(SHAREGPT)],
    ['a JSON array of ShareGPT', 'JSON or JSON Lines', 'theirs.json', JSON.stringify(SHAREGPT, null, 2)],
    [
      'OpenAI messages',
      'JSON or JSON Lines',
      'theirs.json',
      jsonl(ROWS.map((row) => ({ messages: row.conversations }))),
    ],
    ['Alpaca', 'JSON or JSON Lines', 'theirs.json', jsonl(ALPACA)],
    ['rows under a key', 'JSON or JSON Lines', 'theirs.json', JSON.stringify({ data: ALPACA })],
    [
      'Dolly',
      'JSON or JSON Lines',
      'theirs.json',
      jsonl(CHATS.map(({ asked, answered }) => ({ instruction: asked, context: '', response: answered }))),
    ],
    [
      'pairs',
      'JSON or JSON Lines',
      'theirs.json',
      `\ufeff${jsonl(CHATS.map(({ asked, answered }) => ({ prompt: asked, completion: answered })))}`,
    ],
    ['gzip', 'gzip', 'theirs.json.gz', gzipSync(jsonl(SHAREGPT))],
    ['UTF-16', 'UTF-16', 'theirs.json', Buffer.from(`\ufeff${jsonl(SHAREGPT)}`, 'utf16le')],
    [
      'CSV',
      'CSV',
      'theirs.csv',
      `question,answer\r\n${CHATS.map(({ asked, answered }) => `${quoted(asked)},${quoted(answered)}\r\n`).join('')}`,
    ],
  ])('%s', async (_, format, file, content) => {
    const dataset = await convert(format, file, content);
    expect(dataset.ok || dataset.verdict).toBe(true);
    if (dataset.ok) expect(dataset.value.rows).toEqual(ROWS);
  });

  test('a system message to the key "system"', async () => {
    const messages = [{ role: 'system', content: 'Be brief.' }, ...ROWS[0]!.conversations];
    const dataset = await convert('JSON or JSON Lines', 'theirs.json', jsonl([{ messages }, { messages }]));
    expect(dataset.ok && dataset.value.rows[0]).toEqual({ system: 'Be brief.', ...ROWS[0] });
  });
});
