import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { ERRORS_PAGE, FlockOffError, isCode, messageOf } from '../../src/errors/flock-off-error.ts';
import { anyError, LEAST_FACTS } from './any-error.ts';

type Code = keyof typeof LEAST_FACTS;
const CODES = Object.keys(LEAST_FACTS) as Code[];

describe('FlockOffError', () => {
  it('says what happened and what to do, as two sentences, and where more is said', () => {
    const error = new FlockOffError({
      code: 'timeout',
      what: 'the chain sent no block for 60 s, expected one every 12 s',
      fix: 'check the endpoint',
    });
    expect(error.sentence).toBe('the chain sent no block for 60 s, expected one every 12 s. Check the endpoint.');
    expect(error.message).toBe(`${error.sentence} See flock-off/docs/errors.md#timeout`);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('FlockOffError');
  });

  it('ends with a full stop when there is nothing to do', () => {
    expect(new FlockOffError({ code: 'aborted', what: 'the run was stopped' }).sentence).toBe('the run was stopped.');
  });

  it('carries code, facts, transience, the wait asked for and the cause', () => {
    const cause = new Error('socket hang up');
    const error = new FlockOffError({
      code: 'hub-unreachable',
      what: 'the hub answered 429',
      facts: { url: '/datasets/me/data' },
      transient: true,
      retryAfterMs: 2000,
      cause,
    });
    expect(error).toMatchObject({
      code: 'hub-unreachable',
      facts: { url: '/datasets/me/data' },
      transient: true,
      retryAfterMs: 2000,
    });
    expect(error.cause).toBe(cause);
  });

  it('is not transient, has no facts and no cause by default', () => {
    const error = new FlockOffError({ code: 'token-missing', what: 'there is no token' });
    expect(error).toMatchObject({ transient: false, facts: {}, fix: undefined, retryAfterMs: undefined });
    expect('cause' in error).toBe(false);
  });

  it('can be made again from its parameters, also after they were sent to another process', () => {
    const error = new FlockOffError({ code: 'disk', what: 'no room', fix: 'make some', facts: { path: '/data' } });
    const again = new FlockOffError(structuredClone(error.toParameters()));
    expect(again).toEqual(error);
    expect(again.message).toBe('no room. Make some. See flock-off/docs/errors.md#disk');
    expect(new FlockOffError({ ...error.toParameters(), transient: true })).toMatchObject({ transient: true });
  });
});

test.each(CODES)('the message of %s ends with the address of a section that is there', (code) => {
  const { message } = anyError(code);
  const [page, anchor] = /See (\S+)$/.exec(message)![1]!.split('#');
  expect(page).toBe(ERRORS_PAGE);
  const inPackage = page!.replace(/^flock-off\//, '');
  const text = readFileSync(new URL(`../../${inPackage}`, import.meta.url), 'utf8');
  expect(text).toContain(`\n### ${anchor}\n`);
  const { files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(files).toContain(inPackage.split('/')[0]);
});

describe('isCode', () => {
  it('knows the codes of our errors and no others', () => {
    const error = anyError('disk');
    expect(isCode(error, 'timeout', 'disk')).toBe(true);
    expect(isCode(error, 'timeout')).toBe(false);
    expect(isCode(Object.assign(new Error('no'), { code: 'disk' }), 'disk')).toBe(false);
    expect(isCode(null, 'disk')).toBe(false);
  });
});

describe('messageOf', () => {
  it('reads whatever was thrown', () => {
    expect(messageOf(new Error('broken'))).toBe('broken');
    expect(messageOf('plain')).toBe('plain');
    expect(messageOf(undefined)).toBe('undefined');
  });

  it('leaves the address out, so that another text can go on behind it', () => {
    const inner = new FlockOffError({ code: 'disk', what: 'no room', facts: { path: '/data' } });
    const outer = new FlockOffError({ code: 'trainer-failed', what: `it failed (${messageOf(inner)})` });
    expect(outer.message).toBe('it failed (no room.). See flock-off/docs/errors.md#trainer-failed');
  });
});
