import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BaseModelSource, resolveBaseModel } from '../../../src/trainer/model/base-model.ts';
import { type ForwardProxy, startForwardProxy } from '../../shared/forward-proxy.ts';
import { golden, temporaryFolder } from '../golden/golden.ts';

const SHA = '0123456789abcdef0123456789abcdef01234567';
const FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const noWaiting = { nowMs: () => 0, sleep: async () => {} };

/** Serves the tiny model as the hub does; `fault` may answer first. */
let fault: (request: IncomingMessage, response: ServerResponse) => boolean;
let requests: string[];
let tokens: (string | undefined)[];
let options: BaseModelSource & { hubCacheDir: string };
const snapshot = () => join(options.hubCacheDir, 'models--ann--tiny', 'snapshots', SHA);
let close: () => void;

beforeEach(async () => {
  fault = () => false;
  requests = [];
  tokens = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    requests.push(url.pathname);
    tokens.push(request.headers.authorization);
    if (fault(request, response)) return;
    if (url.pathname === '/api/models/ann/tiny/revision/main' && url.searchParams.get('blobs') === 'true') {
      response.end(
        JSON.stringify({ sha: SHA, siblings: [...FILES.map(describeFile), { rfilename: 'README.md', size: 1 }] }),
      );
    } else if (url.pathname.startsWith(`/ann/tiny/resolve/${SHA}/`)) {
      response.end(readFileSync(golden('tiny-qwen2', url.pathname.split('/').at(-1)!)));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  options = {
    model: 'ann/tiny',
    hubCacheDir: temporaryFolder(),
    cacheDir: temporaryFolder(),
    hubEndpoint: `http://127.0.0.1:${port}`,
    clock: noWaiting,
  };
  close = () => {
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

function describeFile(rfilename: string) {
  const content = readFileSync(golden('tiny-qwen2', rfilename));
  const sha256 = createHash('sha256').update(content).digest('hex');
  const blobId = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const isLarge = rfilename.endsWith('.safetensors');
  return { rfilename, size: content.length, blobId: isLarge ? SHA : blobId, ...(isLarge ? { lfs: { sha256 } } : {}) };
}

const isWeights = (request: IncomingMessage) => request.url?.endsWith('model.safetensors') ?? false;

describe('a folder', () => {
  it('is used as it is, without the network', async () => {
    expect(await resolveBaseModel({ ...options, model: golden('tiny-qwen2') })).toBe(golden('tiny-qwen2'));
    expect(requests).toEqual([]);
  });

  it('that does not exist, and is no hub id, is named in the error', async () => {
    await expect(resolveBaseModel({ ...options, model: './no/such/folder' })).rejects.toMatchObject({
      code: 'bad-model',
    });
  });
});

describe('a hub id', () => {
  it('is downloaded at one commit, only the files that are needed, and not a second time', async () => {
    const folder = await resolveBaseModel(options);
    expect(folder).toBe(snapshot());
    expect((await readdir(folder)).sort()).toEqual([...FILES].sort());
    for (const file of FILES)
      expect(await readFile(join(folder, file))).toEqual(readFileSync(golden('tiny-qwen2', file)));
    const first = requests.length;
    await resolveBaseModel(options);
    expect(requests.slice(first)).toEqual(['/api/models/ann/tiny/revision/main']);
  });

  it('is downloaded again where a file was cut', async () => {
    const folder = await resolveBaseModel(options);
    await writeFile(join(folder, 'config.json'), '{');
    await resolveBaseModel(options);
    expect(await readFile(join(folder, 'config.json'))).toEqual(readFileSync(golden('tiny-qwen2', 'config.json')));
  });

  it.each([
    ['model.safetensors', 'sha256'],
    ['config.json', 'git blob id'],
  ])('is downloaded again where bytes of %s were changed on the disk: its %s tells', async (file) => {
    const path = join(await resolveBaseModel(options), file);
    const whole = await readFile(path);
    await writeFile(path, Buffer.from(whole).fill(0x20, whole.length - 40));
    await resolveBaseModel(options);
    expect(await readFile(path)).toEqual(whole);
  });

  it('reports the bytes as they arrive', async () => {
    const arrived = new Map<string, number>();
    await resolveBaseModel({ ...options, onDownload: ({ file, bytesDone }) => arrived.set(file, bytesDone) });
    expect([...arrived.keys()].sort()).toEqual([...FILES].sort());
    expect(arrived.get('model.safetensors')).toBe(describeFile('model.safetensors').size);
  });

  it('survives two failures of the server and a broken connection', async () => {
    let failures = 0;
    fault = (request, response) => {
      if (!isWeights(request) || ++failures > 3) return false;
      if (failures === 3) response.writeHead(200, { 'content-length': '1000' }).write('x', () => response.destroy());
      else response.writeHead(503).end();
      return true;
    };
    expect(await readdir(await resolveBaseModel(options))).toContain('model.safetensors');
    expect(failures).toBe(4);
  });

  it.each([
    ['fewer bytes', 'x'],
    ['the right number of wrong bytes', 'x'.repeat(describeFile('model.safetensors').size)],
    ['more bytes', 'x'.repeat(describeFile('model.safetensors').size + 1)],
  ])('is not accepted with %s', async (_what, body) => {
    fault = (request, response) => isWeights(request) && Boolean(response.end(body));
    await expect(resolveBaseModel(options)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(await readdir(snapshot())).not.toContain('model.safetensors');
  });

  it('never hangs on a silent server', async () => {
    fault = (request, response) => isWeights(request) && Boolean(response.writeHead(200).write('x'));
    await expect(resolveBaseModel({ ...options, stallTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'hub-unreachable',
    });
    const everything = await readdir(options.hubCacheDir, { recursive: true });
    expect(everything.filter((name) => /incomplete/.test(name))).toEqual([]);
    fault = () => true;
    await expect(resolveBaseModel({ ...options, stallTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'hub-unreachable',
    });
  });

  it.each([
    ['401 to a token', 401, undefined, 'hub-denied'],
    ['401 and RepoNotFound', 401, 'RepoNotFound', 'bad-model'],
    ['404 and RepoNotFound', 404, 'RepoNotFound', 'bad-model'],
    ['404 and RevisionNotFound', 404, 'RevisionNotFound', 'bad-model'],
    ['403 and GatedRepo', 403, 'GatedRepo', 'hub-denied'],
    ["a proxy's bare 403", 403, undefined, 'hub-unreachable'],
    ["a proxy's bare 404", 404, undefined, 'hub-unreachable'],
    ['416', 416, undefined, 'hub-unreachable'],
    ['500', 500, undefined, 'hub-unreachable'],
  ])('that the hub answers with %s is judged as a dataset is, and the token is not in the error', async (...row) => {
    const [, status, errorCode, code] = row;
    fault = (request, response) => {
      const said = { 'X-Error-Message': `not for ${request.headers.authorization}` };
      return Boolean(response.writeHead(status, { ...said, ...(errorCode && { 'X-Error-Code': errorCode }) }).end());
    };
    const error = await resolveBaseModel({ ...options, hubToken: ' hf_secret\n' }).catch((thrown) => thrown);
    expect(error.code).toBe(code);
    expect(tokens[0]).toBe('Bearer hf_secret');
    expect(JSON.stringify(error) + error.message + error.stack).not.toContain('hf_secret');
  });

  it('is refused before any request with a token that cannot be one', async () => {
    for (const model of ['ann/tiny', golden('tiny-qwen2')])
      await expect(resolveBaseModel({ ...options, model, hubToken: '"hf_secret"' })).rejects.toMatchObject({
        code: 'bad-argument',
        message: expect.not.stringContaining('secret'),
      });
    expect(requests).toEqual([]);
  });

  it("sends a mirror's own token as it is", async () => {
    await resolveBaseModel({ ...options, hubToken: 'cmVmdGtu' });
    expect(new Set(tokens)).toEqual(new Set(['Bearer cmVmdGtu']));
  });

  it.each([
    ['serves ranges', (range: number) => ({ status: 206, from: range })],
    ['ignores ranges', () => ({ status: 200, from: 0 })],
  ])('goes on after a broken connection to a server that %s', async (_what, answerTo) => {
    const weights = Buffer.alloc(3 * 1024 * 1024, 'weights');
    const sha256 = createHash('sha256').update(weights).digest('hex');
    const ranges: (string | undefined)[] = [];
    fault = (request, response) => {
      if (!isWeights(request)) {
        const siblings = [{ rfilename: 'model.safetensors', size: weights.length, lfs: { sha256 } }];
        return Boolean(response.end(JSON.stringify({ sha: SHA, siblings })));
      }
      ranges.push(request.headers.range);
      if (ranges.length === 1) response.write(weights.subarray(0, 2 * 1024 * 1024), () => response.socket?.destroy());
      else {
        const { status, from } = answerTo(Number(/\d+/.exec(request.headers.range ?? '')));
        response.writeHead(status).end(weights.subarray(from));
      }
      return true;
    };
    const folder = await resolveBaseModel(options);
    expect(weights.equals(await readFile(join(folder, 'model.safetensors')))).toBe(true);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  it.each([
    ['its weights', isWeights],
    ['its description', () => true],
  ])('is given up when there is no end of %s', async (_what, concerns) => {
    fault = (request, response) => {
      if (!concerns(request)) return false;
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
        response.once('drain', more);
      };
      more();
      return true;
    };
    await expect(resolveBaseModel(options)).rejects.toMatchObject({ code: 'hub-unreachable', transient: true });
  });

  it('is given up when it comes byte by byte, or not in time', async () => {
    fault = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
      return true;
    };
    await expect(resolveBaseModel({ ...options, stallTimeoutMs: 300 })).rejects.toThrow(
      /(only \d+ bytes in|no data for) 300 ms/,
    );
    await expect(resolveBaseModel({ ...options, totalTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'hub-unreachable',
      message: expect.stringContaining('it took more than 0.3 s in all'),
    });
  });

  it('is waited for as the hub asks where that is short, and is not asked for again where it is long', async () => {
    const waits: number[] = [];
    const clock = {
      nowMs: () => 0,
      sleep: async ({ durationMs }: { durationMs: number }) => void waits.push(durationMs),
    };
    const limit = (seconds: string) => (_: IncomingMessage, response: ServerResponse) =>
      requests.length === 1 && Boolean(response.writeHead(429, { 'Retry-After': seconds }).end());
    fault = limit('20');
    await resolveBaseModel({ ...options, clock });
    expect(waits).toEqual([20_000]);
    requests = [];
    fault = limit('240');
    await expect(resolveBaseModel({ ...options, hubCacheDir: temporaryFolder(), clock })).rejects.toMatchObject({
      code: 'hub-unreachable',
      transient: true,
      retryAfterMs: 240_000,
      message: expect.stringContaining('asks to wait 240 s'),
    });
    expect(requests).toHaveLength(1);
  });

  it('is given up when the caller aborts', async () => {
    const controller = new AbortController();
    fault = () => {
      controller.abort(new Error('enough'));
      return true;
    };
    await expect(resolveBaseModel({ ...options, signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('through a proxy', () => {
  let proxy: ForwardProxy;
  beforeEach(async () => {
    proxy = await startForwardProxy();
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await proxy.close();
  });

  it('every request goes that HTTP_PROXY names one for, and none with `false`', async () => {
    proxy.credentials = 'ann:p@ss';
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('//', '//ann:p%40ss@'));
    expect((await readdir(await resolveBaseModel(options))).sort()).toEqual([...FILES].sort());
    expect(proxy.seen).toHaveLength(FILES.length + 1);
    await resolveBaseModel({ ...options, hubCacheDir: temporaryFolder(), proxy: false });
    expect(proxy.seen).toHaveLength(FILES.length + 1);
  });

  it.each([
    ['asks for a password', { credentials: 'ann:p@ss' }, 'asks for a user name and password (407)'],
    ['refuses', { fault: 403 }, 'it answered 403 (Forbidden) without saying why (through '],
    ['knows no way', { fault: 404 }, 'it answered 404 without saying what is missing (through '],
    ['cannot reach the hub', { fault: 502 }, 'it answered 502 (Bad Gateway) (through '],
    ['is silent', { fault: 'hang' }, ' (through '],
    ['is gone', null, ' cannot be used: connect ECONNREFUSED'],
  ] as const)('one that %s is named, and the fault passes', async (_what, trouble, words) => {
    if (trouble === null) await proxy.close();
    else Object.assign(proxy, trouble);
    const error = await resolveBaseModel({ ...options, stallTimeoutMs: 200, proxy: proxy.url }).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'hub-unreachable', transient: true });
    expect(error.message).toContain(words);
    expect(error.message).toContain(`the proxy ${proxy.shown}`);
  });
});
