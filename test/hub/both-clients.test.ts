import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LocalHub } from '../../src/local/hub/local-hub.ts';
import { startForwardProxy } from '../shared/forward-proxy.ts';
import { type Asked, CLIENTS, publishBoth, REPO, TOKEN } from './both-clients.ts';
import { askHub, type Mirror, type MirroredAnswer, type MirrorRule, startMirror, without } from './mirror.ts';

// What every client of the Hub in this package does with the same answers.

const BODY = randomBytes(4 * 1024 * 1024);
let hub: LocalHub;
let mirror: Mirror;
let rule: MirrorRule;
let folder: string;
let commit: string;

beforeEach(async () => {
  hub = await LocalHub.open({ users: [{ name: 'ann', token: TOKEN }] });
  commit = await publishBoth(hub, BODY);
  folder = await mkdtemp(join(tmpdir(), 'flock-off-both-'));
  rule = (answer) => answer;
  mirror = await startMirror(hub.url, (...asked) => rule(...asked));
});
afterEach(async () => {
  mirror.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const isFile = ({ url }: IncomingMessage) => /\/resolve\/.*(data\.jsonl|model\.safetensors)$/.test(url ?? '');
const isListing = ({ url }: IncomingMessage) => /\/paths-info\/|\/api\/models\//.test(url ?? '');
const forFile =
  (change: MirrorRule): MirrorRule =>
  (answer, request, response) =>
    isFile(request) ? change(answer, request, response) : answer;
const instead =
  (status: number, headers: Record<string, string> = {}, body = '<h1>Blocked</h1>'): MirrorRule =>
  () => ({ status, headers, body: Buffer.from(body) });
const beginning = ({ headers: { range } }: IncomingMessage) => Number(/\d+/.exec(range ?? '0'));
function whole(request: IncomingMessage): Promise<MirroredAnswer> {
  delete request.headers.range;
  return askHub(hub.url, request);
}

/** Breaks the first connection for the file at half. Counts the bytes of it that were sent. */
function breakingOnce(rest: MirrorRule = (answer) => answer) {
  const sent = { bytes: 0, ranges: [] as (string | undefined)[] };
  let isFirst = true;
  rule = forFile(async (answer, request, response) => {
    sent.ranges.push(request.headers.range);
    const half = isFirst;
    isFirst = false;
    const served = half ? answer : await rest(answer, request, response);
    if (served === null) return null;
    const body = half ? served.body.subarray(0, served.body.length / 2) : served.body;
    sent.bytes += body.length;
    if (half) cut(response, { ...served, body });
    return half ? null : served;
  });
  return sent;
}

function cut(response: ServerResponse, { status, headers, body }: MirroredAnswer): void {
  response.writeHead(status, headers).write(body, () => setTimeout(() => response.socket?.end(), 50));
}

async function incompletes(): Promise<string[]> {
  const all = await readdir(folder, { recursive: true });
  return all.filter((name) => name.includes('incomplete')).map((name) => join(folder, name));
}

const TSX = ['--import', 'tsx', '--input-type=module', '-e'];
const importing = (name: string) => `
  import { CLIENTS } from ${JSON.stringify(new URL('./both-clients.ts', import.meta.url).href)};
  const client = CLIENTS.find(({ name }) => name === ${JSON.stringify(name)});`;

describe.each(CLIENTS)('$name', ({ name, file, fetch }) => {
  const asking = (more = {}) => JSON.stringify({ endpoint: mirror.url, folder, commit, ...more });
  const get = (more: Partial<Asked> = {}) => fetch({ endpoint: mirror.url, folder, commit, ...more });
  async function outcome(more?: Partial<Asked>): Promise<string> {
    try {
      const arrived = await get(more);
      return typeof arrived === 'string' ? arrived : BODY.equals(arrived) ? 'right' : 'wrong';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  test.each<[string, MirrorRule]>([
    ['a bare 401 to who has no token', instead(401)],
    ['a bare 403 of a proxy', instead(403)],
    ['a bare 404 of a proxy', instead(404)],
    ['407', instead(407)],
    ['409', forFile(instead(409))],
    ['412', forFile(instead(412))],
    ['416', forFile(instead(416))],
    ['429', instead(429)],
    ['429 that asks for an hour', instead(429, { 'Retry-After': '3600' })],
    ['500', instead(500)],
    ['a page in place of everything', instead(200)],
    ['a page in place of the file', forFile(instead(200))],
    ['other bytes', forFile((answer) => ({ ...answer, body: Buffer.alloc(answer.body.length) }))],
    ['a file that it lists and does not have', forFile(instead(404, { 'X-Error-Code': 'EntryNotFound' }))],
    [
      'bytes from behind those asked for',
      forFile((answer) => ({ ...answer, status: 206, headers: { 'content-range': 'bytes 5-9/10' } })),
    ],
    ['an end that does not come', forFile((_, __, response) => endless(response))],
    ['a byte now and then', (_, __, response) => drip(response)],
    ['silence', () => null],
  ])('%s is the fault of what answers, and passes', async (_what, answers) => {
    rule = answers;
    expect(await outcome({ stallTimeoutMs: 200, totalTimeoutMs: 8_000 })).toBe('hub-unreachable');
    expect(await incompletes()).toEqual([]);
  });

  test('of a Hub that asks for a longer wait than it is given nothing more is asked', async () => {
    rule = instead(429, { 'Retry-After': '3600' });
    await expect(get()).rejects.toMatchObject({ transient: true, retryAfterMs: 3_600_000 });
    expect(mirror.requests).toHaveLength(1);
  });

  test('a deadline holds for all of it', async () => {
    rule = forFile((_, __, response) => drip(response));
    await expect(get({ totalTimeoutMs: 300 })).rejects.toThrow('it took more than 0.3 s in all');
  });

  test('a proxy that refuses is named, and nobody is blamed', async () => {
    const proxy = await startForwardProxy();
    proxy.fault = 403;
    await expect(get({ proxy: proxy.url })).rejects.toMatchObject({
      code: 'hub-unreachable',
      message: expect.stringContaining(`(through the proxy ${proxy.shown})`),
    });
    await proxy.close();
  });

  test('a token that cannot be one is refused before any request, without showing it', async () => {
    await expect(get({ token: '"hf_SECRET"' })).rejects.toMatchObject({
      code: 'bad-argument',
      message: expect.not.stringContaining('SECRET'),
    });
    expect(mirror.requests).toEqual([]);
  });

  test('a token that the Hub refuses is an error of ours', async () => {
    expect(await outcome({ token: 'hf_other' })).toBe('hub-denied');
  });

  test('a token goes with every request and is not in what is thrown', async () => {
    const seen = new Set<string | undefined>();
    rule = (answer, { headers }) => {
      seen.add(headers.authorization);
      return answer;
    };
    expect(await outcome({ token: ` ${TOKEN}\n` })).toBe('right');
    expect(seen).toEqual(new Set([`Bearer ${TOKEN}`]));
    rule = (_, { headers }) => ({
      status: 500,
      headers: {},
      body: Buffer.from(JSON.stringify({ error: headers.authorization })),
    });
    const error = await get({ token: TOKEN, folder: join(folder, 'other') }).catch((thrown) => thrown);
    expect(error.message + error.stack + JSON.stringify(error)).not.toContain(TOKEN);
  });

  describe('a connection that breaks at half', () => {
    test('moves at most 1.05 times the bytes', async () => {
      const sent = breakingOnce();
      expect(await outcome()).toBe('right');
      expect(sent.ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
      expect(sent.bytes / BODY.length).toBeLessThanOrEqual(1.05);
      expect(await incompletes()).toEqual([]);
    });

    test.each<[string, MirrorRule]>([
      ['ranges are ignored', (_, request) => whole(request)],
      ['the range is not named', (answer) => without(answer, 'content-range')],
      [
        'more is served than was asked for, and said so',
        async (_, request) => {
          const { body, headers } = await whole(request);
          const range = { 'content-range': `bytes 1000-${BODY.length - 1}/${BODY.length}` };
          return { status: 206, headers: { ...headers, ...range }, body: body.subarray(1000) };
        },
      ],
      [
        'the whole is served as the rest',
        async (_, request) =>
          beginning(request) === 0
            ? whole(request)
            : { ...without(await whole(request), 'content-range'), status: 206 },
      ],
    ])('ends in the right file where %s', async (_where, rest) => {
      breakingOnce(rest);
      expect(await outcome()).toBe('right');
    });

    test('is gone on with by a call that comes later', async () => {
      const sent = breakingOnce(instead(503));
      expect(await outcome()).toBe('hub-unreachable');
      expect(await incompletes()).toHaveLength(1);
      const before = sent.bytes;
      rule = forFile((answer) => {
        sent.bytes += answer.body.length;
        return answer;
      });
      expect(await outcome()).toBe('right');
      expect(sent.bytes).toBeGreaterThan(before);
      expect(sent.bytes / BODY.length).toBeLessThanOrEqual(1.05);
      expect(await incompletes()).toEqual([]);
    });

    test('is gone on with after the process was killed', async () => {
      let sent = 0;
      rule = forFile(({ status, headers, body }, _, response) => {
        sent += body.length / 2;
        response.writeHead(status, headers).write(body.subarray(0, body.length / 2));
        return null;
      });
      const script = `${importing(name)} await client.fetch(${asking({ stallTimeoutMs: 60_000 })});`;
      const child = spawn(process.execPath, [...TSX, script], { stdio: ['ignore', 'ignore', 'inherit'] });
      const arrived = async () => {
        const [incomplete] = await incompletes();
        return incomplete === undefined ? 0 : (await stat(incomplete)).size;
      };
      await vi.waitFor(async () => expect(await arrived()).toBe(BODY.length / 2), { timeout: 20_000, interval: 50 });
      child.kill('SIGKILL');
      await once(child, 'exit');
      rule = forFile((answer) => {
        sent += answer.body.length;
        return answer;
      });
      expect(await outcome()).toBe('right');
      expect(sent / BODY.length).toBeLessThanOrEqual(1.05);
      expect(await incompletes()).toEqual([]);
    }, 30_000);

    test('is begun anew by a later call where the disk has damaged what had arrived', async () => {
      breakingOnce(instead(503));
      await outcome();
      const [kept] = await incompletes();
      await writeFile(kept!, (await readFile(kept!)).fill(0, 1_000, 2_000));
      rule = (answer) => answer;
      expect(await outcome()).toBe('right');
      expect(await incompletes()).toEqual([]);
    });

    test('is begun anew where the caller asks for other content, or the Hub lists another', async () => {
      breakingOnce(instead(503));
      await outcome();
      const other = randomBytes(BODY.length);
      commit = await publishBoth(hub, other);
      const ranges: (string | undefined)[] = [];
      rule = forFile((answer, request) => {
        ranges.push(request.headers.range);
        return answer;
      });
      expect(other.equals((await get()) as Buffer)).toBe(true);
      expect(ranges).toEqual([undefined]);
    });
  });

  test.skipIf(process.platform === 'win32')(
    'a full disk is said in one sentence, and nothing stays on it',
    async () => {
      // A limit on the size of files stands for it.
      const script = `
      ${importing(name)}
      await client.fetch(${asking()}).catch((error) => console.log(error.code, error.message));`;
      const limited = ['-c', 'trap "" XFSZ; ulimit -f 2000; exec "$0" "$@"', process.execPath];
      const child = spawn('bash', [...limited, ...TSX, script], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk;
      });
      await once(child, 'close');
      expect(output).toMatch(/^disk .* cannot be (read or )?written .*(check the path|make room).*\n$/i);
      expect(await incompletes()).toEqual([]);
    },
    30_000,
  );

  test('two processes that fetch it at once both find it whole', async () => {
    const script = `
      ${importing(name)}
      console.log(Buffer.isBuffer(await client.fetch(${asking()})));`;
    const children = [1, 2].map(async () => {
      const child = spawn(process.execPath, [...TSX, script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [output] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), once(child, 'close')]);
      return output.join('');
    });
    expect(await Promise.all(children)).toEqual(['true\n', 'true\n']);
    expect(await outcome()).toBe('right');
    expect(await incompletes()).toEqual([]);
  }, 30_000);

  test(`a ${file} that is listed with another hash is not taken`, async () => {
    const lie = (text: string) => text.replaceAll(/[0-9a-f]{64}/g, '0'.repeat(64));
    rule = (answer, request) =>
      isListing(request) ? { ...answer, body: Buffer.from(lie(answer.body.toString())) } : answer;
    expect(await outcome()).toBe('hub-unreachable');
    expect(await incompletes()).toEqual([]);
  });

  test.each([100, -100])('a size listed wrong by %i is the fault of what lists it', async (by) => {
    const lie = (text: string) => text.replaceAll(String(BODY.length), String(BODY.length + by));
    rule = (answer, request) =>
      isListing(request) ? { ...answer, body: Buffer.from(lie(answer.body.toString())) } : answer;
    expect(await outcome()).toBe('hub-unreachable');
  });

  test('a repository in git, not LFS, is checked by its blob ids', async () => {
    commit = await publishBoth(hub, BODY, 'regular');
    expect(await outcome()).toBe('right');
    expect(hub.repository(REPO)!.head.files.get(file)!.lfs).toBeNull();
  });
});

function endless(response: ServerResponse): null {
  response.writeHead(200);
  const more = () => {
    while (!response.destroyed && response.write(' '.repeat(65_536)));
    response.once('drain', more);
  };
  more();
  return null;
}

function drip(response: ServerResponse): null {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 20);
  response.once('close', () => clearInterval(timer));
  return null;
}
