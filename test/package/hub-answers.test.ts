import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import type { Checked } from '../../src/schema/verdict.ts';
import { resolveBaseModel } from '../../src/trainer/model/base-model.ts';

const COMMIT = 'a'.repeat(40);
const PAGE = '<!doctype html><title>Sign in</title>';
const noWaiting = { nowMs: () => 0, sleep: async () => {} };

/** An answer as docs/errors.md writes it: a status, then the Hub's own code or word for it, or a page of HTML. */
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}
let answer: Answer;
let server: Server;
let endpoint: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flock-off-answers-'));
  server = createServer((_, response) => response.writeHead(answer.status, answer.headers).end(answer.body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function parseAnswer(text: string): Answer {
  const [, status, rest] = /^(\d{3})(?: (.+))?$/.exec(text)!;
  const said = rest === undefined ? {} : wordOf(rest);
  return { status: Number(status), headers: {}, body: '', ...said };
}

function wordOf(word: string): Partial<Answer> {
  if (word === 'HTML') return { headers: { 'Content-Type': 'text/html' }, body: PAGE };
  if (word === 'disabled') return { headers: { 'X-Error-Message': 'Access to this resource is disabled.' } };
  return { headers: { 'X-Error-Code': word } };
}

async function outcome(call: () => Promise<unknown>): Promise<string> {
  try {
    const checked = (await call()) as Checked<unknown>;
    return checked.ok ? 'ok' : checked.verdict.reason;
  } catch (error) {
    return error instanceof FlockOffError ? error.code : `not ours: ${error}`;
  }
}

const ROWS = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| `\d{3}\b[^`]*` \|/.test(line));
const TABLE = ROWS.map((row): [said: string, row: string] => [/`(.+?)`/.exec(row)![1]!, row]);

test('docs/errors.md has the answers that the Hub and what is in between give', () => {
  expect(TABLE.map(([said]) => said)).toEqual(
    expect.arrayContaining(['401', '403', '404', '404 RepoNotFound', '403 GatedRepo', '429', '500', '503', '200 HTML']),
  );
});

test.each(TABLE)('the clients of the Hub give the codes of docs/errors.md to %s', async (said, row) => {
  answer = parseAnswer(said);
  const download = (token?: string) =>
    new HubDatasetStore({ endpoint, token, attempts: 1, clock: noWaiting }).download({
      repo: 'ann/chats',
      commit: COMMIT,
      to: join(folder, 'data.jsonl'),
      maxBytes: 1e6,
    });
  const path = join(folder, 'mine.jsonl');
  await writeFile(path, 'rows');
  const store = new HubDatasetStore({ endpoint, token: 'hf_ann', attempts: 1, clock: noWaiting });
  const source = {
    model: 'ann/tiny',
    hubCacheDir: folder,
    cacheDir: folder,
    hubEndpoint: endpoint,
    hubToken: 'hf_ann',
    clock: noWaiting,
  };
  const codes = [
    await outcome(() => download('hf_ann')),
    await outcome(() => download()),
    await outcome(() => store.upload({ repo: 'ann/chats', path })),
    await outcome(() => resolveBaseModel(source)),
  ];
  expect(`| \`${said}\` | ${codes.join(' | ')} |`).toBe(row);
});
