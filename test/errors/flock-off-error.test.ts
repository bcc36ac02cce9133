import { describe, expect, it } from 'vitest';
import { FlockOffError, isCode, messageOf } from '../../src/errors/flock-off-error.ts';

describe('FlockOffError', () => {
  it('says what happened and what to do, as two sentences', () => {
    const error = new FlockOffError({
      code: 'timeout',
      what: 'the chain sent no block for 60 s, expected one every 12 s',
      fix: 'check the endpoint',
    });
    expect(error.message).toBe('the chain sent no block for 60 s, expected one every 12 s. Check the endpoint.');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('FlockOffError');
  });

  it('ends with a full stop when there is nothing to do', () => {
    expect(new FlockOffError({ code: 'aborted', what: 'the run was stopped' }).message).toBe('the run was stopped.');
  });

  it('carries code, facts, transience, the wait asked for and the cause', () => {
    const cause = new Error('socket hang up');
    const error = new FlockOffError({
      code: 'hub-unreachable',
      what: 'the hub answered 429',
      facts: { status: 429 },
      transient: true,
      retryAfterMs: 2000,
      cause,
    });
    expect(error).toMatchObject({
      code: 'hub-unreachable',
      facts: { status: 429 },
      transient: true,
      retryAfterMs: 2000,
    });
    expect(error.cause).toBe(cause);
  });

  it('is not transient, has no facts and no cause by default', () => {
    const error = new FlockOffError({ code: 'disk', what: 'the disk is full' });
    expect(error).toMatchObject({ transient: false, facts: {}, fix: undefined, retryAfterMs: undefined });
    expect('cause' in error).toBe(false);
  });
});

describe('isCode', () => {
  it('knows the codes of our errors and no others', () => {
    const error = new FlockOffError({ code: 'disk', what: 'the disk is full' });
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
});
