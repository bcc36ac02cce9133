import { expect, test } from 'vitest';
import type { FlockOffErrorCode } from '../../src/errors/flock-off-error.ts';
import { accept, reject } from '../../src/schema/verdict.ts';
import { postponeOnFault } from '../../src/validator/postpone.ts';
import { anyError } from '../errors/any-error.ts';

const failing = (code: FlockOffErrorCode, facts: object) =>
  postponeOnFault(() => Promise.reject(anyError(code, { facts })));

test.each([
  ['hub-unreachable', { url: '/' }, 'hub'],
  ['hub-denied', { status: 403 }, 'hub'],
  ['trainer-failed', {}, 'trainer'],
  ['checker-failed', {}, 'checker'],
] as const)('%s %j concerns one miner, who is postponed', async (code, facts, by) => {
  expect(await failing(code, facts)).toEqual({ kind: 'postponed', by, message: 'it failed.' });
});

test.each([
  ['hub-denied', { status: 401 }],
  ['disk', { path: '/' }],
  ['chain-unreachable', {}],
] as const)('%s %j concerns everybody, and is thrown', async (code, facts) => {
  await expect(failing(code, facts)).rejects.toMatchObject({ code });
});

test('a value is ready, and a verdict stays one', async () => {
  expect(await postponeOnFault(async () => accept(7))).toEqual({ kind: 'ready', value: 7 });
  const verdict = { reason: 'duplicate', message: 'a copy' } as const;
  expect(await postponeOnFault(async () => reject('duplicate', 'a copy'))).toEqual({ kind: 'rejected', verdict });
});
