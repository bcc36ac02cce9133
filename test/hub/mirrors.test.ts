import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HubDatasetStore } from '../../src/hub/hub-dataset-store.ts';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { askHub, type Mirror, type MirroredAnswer, type MirrorRule, startMirror, without } from './mirror.ts';

// Mirrors of the Hub as users report them: what they leave out, and what they get wrong.

const TOKEN = 'hf_ann';
const REPO = 'ann/chats';
const MIB = 1024 * 1024;
let hub: LocalHub;
let folder: string;
let mirror: Mirror | undefined;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  folder = await mkdtemp(join(tmpdir(), 'flock-off-mirror-'));
});
afterEach(async () => {
  mirror?.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

async function uploaded(body: string): Promise<string> {
  await writeFile(at('up.jsonl'), body);
  return (await new HubDatasetStore({ endpoint: hub.url, token: TOKEN }).upload({ repo: REPO, path: at('up.jsonl') }))
    .commit;
}

async function downloadThrough(
  rule: MirrorRule,
  commit: string,
  { maxBytes = 10 * MIB, stallTimeoutMs = 5_000 }: { maxBytes?: number; stallTimeoutMs?: number } = {},
) {
  mirror = await startMirror(hub.url, rule);
  const store = new HubDatasetStore({
    endpoint: mirror.url,
    stallTimeoutMs,
    totalTimeoutMs: 20_000,
    attempts: 2,
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
  });
  return store.download({ repo: REPO, commit, to: at('down.jsonl'), maxBytes });
}

const isFile = ({ url }: IncomingMessage) => url!.includes('/resolve/');
const isListing = ({ url }: IncomingMessage) => url!.includes('/paths-info/');
/** A rule for the file alone. */
const file =
  (rule: MirrorRule): MirrorRule =>
  (answer, request, response) =>
    isFile(request) ? rule(answer, request, response) : answer;
/** A rule that changes what is listed of the file. */
const listing =
  (change: (entry: Record<string, unknown>) => unknown): MirrorRule =>
  (answer, request) =>
    isListing(request)
      ? { ...answer, body: Buffer.from(JSON.stringify(JSON.parse(answer.body.toString()).map(change))) }
      : answer;
const measured = (answer: MirroredAnswer) => ({
  ...answer,
  headers: { ...answer.headers, 'content-length': String(answer.body.length) },
});
const zipped = (answer: MirroredAnswer, headers = {}) => {
  const body = gzipSync(answer.body);
  return {
    ...without(answer, 'content-length'),
    body,
    headers: { ...answer.headers, ...headers, 'content-encoding': 'gzip' },
  };
};

describe.each(['regular', 'lfs'] as const)('the hash of %s storage decides', (storageMode) => {
  const BODY = Array.from({ length: 3_000 }, (_, i) => JSON.stringify({ i })).join('\n');
  beforeEach(async () => {
    await hub.close();
    hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }], storageMode });
  });

  const lies = { 'content-range': 'bytes 0-0/99999999999', 'x-linked-size': '99999999999', etag: 'W/"other"' };
  test.each<[string, MirrorRule]>([
    ['all as the Hub has it', (answer) => answer],
    ['no ETag', file((answer) => without(answer, 'etag', 'x-linked-etag'))],
    ['no X-Repo-Commit', file((answer) => without(answer, 'x-repo-commit'))],
    [
      'headers that lie about size and content',
      file((answer) => ({ ...answer, headers: { ...answer.headers, ...lies } })),
    ],
    ['206 for the whole, without Content-Range', file((answer) => ({ ...answer, status: 206 }))],
    ['no Content-Length', file((answer) => without(answer, 'content-length'))],
    ['gzip, chunked', file((answer) => zipped(answer))],
    [
      'gzip and its length',
      file((answer) => zipped(answer, { 'content-length': String(gzipSync(answer.body).length) })),
    ],
    ['a pointer to the Hub for every request', (_, { url }, response) => redirect(response, 308, hub.url + url)],
    ['a pointer to the Hub for the file', file((_, { url }, response) => redirect(response, 307, hub.url + url))],
    ['a wrong Content-Length', file((answer) => ({ ...answer, headers: { 'content-length': '999999' } }))],
    [
      'something behind the file',
      file((answer) => ({ ...without(answer, 'content-length'), body: Buffer.concat([answer.body, answer.body]) })),
    ],
    ['the file in pieces', file((answer, _, response) => inPieces(response, answer.body))],
  ])('%s', async (_what, rule) => {
    const commit = await uploaded(BODY);
    expect(await downloadThrough(rule, commit)).toMatchObject({ ok: true, value: { bytes: BODY.length } });
    expect(await readFile(at('down.jsonl'), 'utf8')).toBe(BODY);
  });

  test.each([
    ['larger', 100],
    ['smaller', -100],
    ['larger than allowed', 10_000 * MIB],
  ])('a size listed %s than it is, is the fault of the Hub', async (_how, more) => {
    const commit = await uploaded(BODY);
    const size = BODY.length + more;
    const lie = listing((entry) => ({ ...entry, size, ...(entry.lfs ? { lfs: { ...entry.lfs, size } } : {}) }));
    await expect(downloadThrough(lie, commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(existsSync(at('down.jsonl'))).toBe(false);
  });

  test('nothing stays of what was received for another size', async () => {
    const commit = await uploaded(BODY);
    let lists = 0;
    const size = BODY.length + 5_000;
    const longer = listing((entry) => ({ ...entry, size, ...(entry.lfs ? { lfs: { ...entry.lfs, size } } : {}) }));
    const rule: MirrorRule = (answer, request, response) => {
      if (isListing(request) && ++lists === 1) return longer(answer, request, response);
      if (isFile(request) && lists === 1) return { ...without(answer, 'content-length'), body: Buffer.alloc(size) };
      return answer;
    };
    expect(await downloadThrough(rule, commit)).toMatchObject({ ok: true, value: { bytes: BODY.length } });
    expect(await readFile(at('down.jsonl'), 'utf8')).toBe(BODY);
  });

  test.each<[string, MirrorRule, number?]>([
    ['as the Hub has it', (answer) => answer],
    ['through a mirror that ignores ranges', file((_, request) => askHub(hub.url, withoutRange(request)))],
    ['through a mirror without Content-Range', file((answer) => measured(without(answer, 'content-range')))],
    [
      'through a mirror without Content-Range and length, which is read from the beginning to be sure',
      file((answer) => without(answer, 'content-range')),
      3,
    ],
  ])('a file that is too large is a verdict, and is not downloaded: %s', async (_how, rule, requests = 2) => {
    const commit = await uploaded('x'.repeat(4 * MIB));
    const verdict = { ok: false, verdict: { reason: 'dataset-too-large' } };
    expect(await downloadThrough(rule, commit, { maxBytes: 100_000 })).toMatchObject(verdict);
    expect(mirror!.requests).toHaveLength(requests);
  });

  test.each<[string, (answer: MirroredAnswer) => MirroredAnswer]>([
    ['with its length', measured],
    ['without', (answer) => answer],
  ])(
    'a small file, listed too large and served whole in place of a range, %s, costs no miner anything',
    async (_how, serve) => {
      const commit = await uploaded(BODY);
      const size = 10_000 * MIB;
      const lie = listing((entry) => ({ ...entry, size, ...(entry.lfs ? { lfs: { ...entry.lfs, size } } : {}) }));
      const whole = file(async (_, request) => {
        const answer = await askHub(hub.url, withoutRange(request));
        return serve({ ...without(answer, 'content-range'), status: 206 });
      });
      const rule: MirrorRule = async (answer, ...rest) => whole((await lie(answer, ...rest))!, ...rest);
      await expect(downloadThrough(rule, commit)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    },
  );
});

describe('a connection that breaks is followed by one that goes on', () => {
  const BODY = 'x'.repeat(3 * MIB) + 'y'.repeat(2 * MIB);
  const breaks = (rest: MirrorRule): MirrorRule => {
    let first = true;
    return file((answer, request, response) => {
      if (!first) return rest(answer, request, response);
      first = false;
      response.writeHead(200, answer.headers).write(answer.body.subarray(0, 2 * MIB), () => response.destroy());
      return null;
    });
  };

  test.each<[string, MirrorRule]>([
    ['where ranges are served', (answer) => answer],
    ['where the range is not named', (answer) => without(answer, 'content-range')],
    ['where ranges are ignored', (_, request) => askHub(hub.url, withoutRange(request))],
    [
      'where more is served than was asked',
      async (_, request) => {
        const { body, ...whole } = await askHub(hub.url, withoutRange(request));
        const headers = { ...whole.headers, 'content-range': `bytes 1000-${BODY.length - 1}/${BODY.length}` };
        return { status: 206, headers, body: body.subarray(1000) };
      },
    ],
  ])('%s', async (_where, rest) => {
    const commit = await uploaded(BODY);
    expect(await downloadThrough(breaks(rest), commit)).toMatchObject({ ok: true, value: { bytes: BODY.length } });
    expect(await readFile(at('down.jsonl'), 'utf8')).toBe(BODY);
    expect(mirror!.requests.filter((request) => request.includes('/resolve/'))).toEqual([
      expect.stringMatching(/data\.jsonl$/),
      expect.stringMatching(/data\.jsonl bytes=[1-9]\d+-$/),
    ]);
  });

  test('where the whole is served as if it were the rest, it begins anew', async () => {
    const commit = await uploaded(BODY);
    const rule = breaks(async (_, request) => {
      const whole = await askHub(hub.url, withoutRange(request));
      return { ...without(whole, 'content-range'), status: 206 };
    });
    expect(await downloadThrough(rule, commit)).toMatchObject({ ok: true, value: { bytes: BODY.length } });
    expect(await readFile(at('down.jsonl'), 'utf8')).toBe(BODY);
  });
});

describe('what does not end is cut, and is the fault of the Hub', () => {
  test.each<[string, MirrorRule, RegExp]>([
    [
      'a file',
      file((_, __, response) => endless(response)),
      /data.jsonl: the bytes received are not those of the file/,
    ],
    [
      'a gzip bomb',
      file((answer) => zipped({ ...answer, body: Buffer.alloc(5 * MIB) })),
      /data.jsonl: the bytes received are not those of the file/,
    ],
    [
      'a list',
      (answer, request, response) => (isListing(request) ? endless(response) : answer),
      /goes on after \d+ bytes/,
    ],
    ['a refusal', (_, __, response) => endless(response, 503), /answered 503/],
    [
      'a file of a byte now and then',
      file((_, __, response) => drip(response)),
      /(only \d+ bytes in|no data for) 1000 ms/,
    ],
    ['a list of a byte now and then', (_, __, response) => drip(response), /(only \d+ bytes in|no data for) 1000 ms/],
    ['headers', (_, __, response) => endlessHeaders(response), /Headers/],
    ['redirects', (_, { url }, response) => redirect(response, 307, url!), /redirect/],
  ])('%s', async (_what, rule, why) => {
    const commit = await uploaded('x'.repeat(9_000));
    await expect(downloadThrough(rule, commit, { stallTimeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'hub-unreachable',
      transient: true,
      message: expect.stringMatching(why),
    });
    expect(existsSync(at('down.jsonl'))).toBe(false);
    expect(mirror!.bytesSent()).toBeLessThan(60 * MIB);
  });
});

test('what a refusal says is kept short, on one line', async () => {
  const commit = await uploaded('x');
  const body = Buffer.from(JSON.stringify({ error: `\u001b[2J\nno${'!'.repeat(60_000)}` }));
  const refusing = downloadThrough(() => ({ status: 503, headers: {}, body }), commit);
  await expect(refusing).rejects.toMatchObject({ message: expect.stringMatching(/503 \(\[2J no!{294}\.\.\.\)/) });
});

describe('a mirror that contradicts itself blames no miner', () => {
  test.each<[string, MirrorRule, RegExp?]>([
    [
      'an empty list and the file',
      (answer, request) => (isListing(request) ? { ...answer, body: Buffer.from('[]') } : answer),
    ],
    ['the entry of a folder and the file', listing((entry) => ({ ...entry, type: 'directory' }))],
    ['an entry without a hash', listing(({ oid: _, ...entry }) => entry)],
    ['a size that is none', listing((entry) => ({ ...entry, size: -1 }))],
    ['an entry that is none', listing(() => null), /its answer cannot be read/],
    [
      'no list',
      (answer, request) => (isListing(request) ? { ...answer, body: Buffer.from('{"a":1}') } : answer),
      /expected array/,
    ],
    [
      'a page for a list',
      (answer, request) => (isListing(request) ? { ...answer, body: Buffer.from('<h1>Hello</h1>') } : answer),
      /its answer cannot be read \(.*not valid JSON/,
    ],
    [
      'the file listed and missing',
      file((answer) => ({ ...answer, status: 404, headers: { 'x-error-code': 'EntryNotFound' } })),
    ],
    [
      'a range that nobody asked for',
      file((answer) => ({ ...answer, status: 206, headers: { 'content-range': 'bytes 5-9/10' } })),
    ],
    [
      'fewer bytes than it lists and announces',
      (answer, request) =>
        isFile(request)
          ? { ...answer, headers: { 'content-length': '9999' } }
          : listing((entry) => ({ ...entry, size: 9999 }))(answer, request, undefined as never),
    ],
    ['a conflict', file((answer) => ({ ...answer, status: 409 }))],
    ['a range that cannot be', file((answer) => ({ ...answer, status: 416 }))],
  ])('%s', async (_what, rule, why = /did not serve/) => {
    const commit = await uploaded('x'.repeat(9_000));
    await expect(downloadThrough(rule, commit, { stallTimeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'hub-unreachable',
      transient: true,
      message: expect.stringMatching(why),
    });
  });
});

function redirect(response: ServerResponse, status: number, location: string): null {
  response.writeHead(status, { Location: location }).end();
  return null;
}

function inPieces(response: ServerResponse, body: Buffer): null {
  for (let start = 0; start < body.length; start += 999) response.write(body.subarray(start, start + 999));
  response.end();
  return null;
}

function endless(response: ServerResponse, status = 200): null {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  const more = () => {
    while (!response.destroyed && response.write(' '.repeat(65_536)));
    response.once('drain', more);
  };
  more();
  return null;
}

function drip(response: ServerResponse): null {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 100);
  response.once('close', () => clearInterval(timer));
  return null;
}

function endlessHeaders(response: ServerResponse): null {
  const socket = response.socket!;
  socket.on('error', () => {});
  socket.write('HTTP/1.1 200 OK\r\n');
  const more = () => {
    while (!socket.destroyed && socket.write(`X-More: ${'x'.repeat(1_000)}\r\n`));
    socket.once('drain', more);
  };
  more();
  return null;
}

function withoutRange(request: IncomingMessage): IncomingMessage {
  delete request.headers.range;
  return request;
}
