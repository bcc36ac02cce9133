import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { type Logger, safeLogger } from '../../src/shared/logger.ts';
import { timed } from '../../src/shared/timed.ts';
import { tracedFetch } from '../../src/shared/traced-fetch.ts';

function recorder() {
  const lines: string[] = [];
  const log = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    trace: log('trace'),
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  };
  return { lines, logger };
}

test('a job is logged with its time, whether it succeeds or fails', async () => {
  const { lines, logger } = recorder();
  expect(await timed(logger, 'reading', async () => 7)).toBe(7);
  await expect(timed(logger, 'writing', () => Promise.reject(new Error('disk full')), 'trace')).rejects.toThrow(
    'disk full',
  );
  expect(lines).toEqual([
    expect.stringMatching(/^debug reading: \d+\.\d{3} s$/),
    expect.stringMatching(/^trace writing: failed after \d+\.\d{3} s: disk full$/),
  ]);
});

test('a request is traced with method, address, status and time, and without what may be secret', async () => {
  const { lines, logger } = recorder();
  const answers = tracedFetch(async () => new Response('', { status: 206 }), logger);
  await answers('https://user:password@hub.test/a/b?X-Amz-Signature=secret#secret', {
    headers: { authorization: 'Bearer secret' },
  });
  await answers(new Request('https://hub.test/c?secret', { method: 'PUT', body: 'secret' }));
  const fails = tracedFetch(() => Promise.reject(new Error('connection refused')), logger);
  await expect(fails(new URL('https://hub.test/d'), { method: 'POST' })).rejects.toThrow('connection refused');
  expect(lines).toEqual([
    expect.stringMatching(/^trace GET https:\/\/hub\.test\/a\/b: 206 in \d+\.\d{3} s$/),
    expect.stringMatching(/^trace PUT https:\/\/hub\.test\/c: 206 in \d+\.\d{3} s$/),
    expect.stringMatching(/^trace POST https:\/\/hub\.test\/d: failed after \d+\.\d{3} s: connection refused$/),
  ]);
});

test('a logger of four levels, such as one made before there was a fifth, goes on working', async () => {
  const { lines, logger } = recorder();
  const { trace: _, ...four } = logger;
  const plain = async () => new Response('');
  expect(tracedFetch(plain, four)).toBe(plain);
  await timed(four, 'a', async () => {}, 'trace');
  expect(lines).toEqual([]);
  await timed(four, 'a', async () => {});
  expect(lines).toHaveLength(1);
});

test('a safe logger hands on what is said, and nothing more', () => {
  const written: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => done(void written.push(String(chunk))) });
  const logger = safeLogger(new Console(stream));
  logger.warn('no facts');
  logger.warn('facts', { a: 1 });
  expect(written).toEqual(['no facts\n', 'facts { a: 1 }\n']);
});

test('a console is a logger, and prints no stacks', async () => {
  const written: string[] = [];
  const stream = new Writable({ write: (chunk, _encoding, done) => done(void written.push(String(chunk))) });
  const logger = new Console(stream);
  await timed(logger, 'a', async () => {}, 'trace');
  await tracedFetch(async () => new Response(''), logger)('https://hub.test');
  expect(written).toEqual([]);
  await timed(logger, 'a', async () => {});
  expect(written).toEqual([expect.stringMatching(/^a: \d/)]);
});
