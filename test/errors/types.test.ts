// What the compiler must take and refuse: `npm run typecheck` fails where an error that is expected here is none.
import { expect, test } from 'vitest';
import { FlockOffError, isCode } from '../../src/errors/flock-off-error.ts';
import { reject, type Verdict } from '../../src/schema/verdict.ts';
import { anyError } from './any-error.ts';

function narrowed(error: unknown): string | number | undefined {
  if (isCode(error, 'hub-denied')) return error.facts.status.toFixed() + error.facts.errorCode?.trim();
  if (isCode(error, 'port-in-use', 'unregistered'))
    return error.code === 'port-in-use' ? error.facts.port : error.facts.netuid;
  if (!(error instanceof FlockOffError)) return undefined;
  // @ts-expect-error Which facts there are depends on the code.
  error.facts.path;
  switch (error.code) {
    case 'disk':
      // @ts-expect-error A disk has no HTTP status.
      error.facts.status;
      return error.facts.path.length;
    case 'chain-rejected':
      return error.facts.name?.length;
    case 'out-of-memory':
      return error.facts.neededBytes - error.facts.memoryBytes;
    default:
      return error.code;
  }
}

/** One function each: an error of types in one line must not hide the next. */
const made = [
  () => new FlockOffError({ code: 'disk', what: 'no room', facts: { path: '/data' } }).facts.path.length,
  // @ts-expect-error The facts of this code are missing.
  () => new FlockOffError({ code: 'disk', what: 'no room' }),
  // @ts-expect-error A path is text.
  () => new FlockOffError({ code: 'disk', what: 'no room', facts: { path: 7 } }),
  // @ts-expect-error A disk has no HTTP status.
  () => new FlockOffError({ code: 'disk', what: 'no room', facts: { path: '/data', status: 403 } }),
  // @ts-expect-error There is no such code.
  () => new FlockOffError({ code: 'disc', what: 'no room' }),
  // @ts-expect-error A deadline has no path.
  () => new FlockOffError({ code: 'disk' as 'disk' | 'timeout', what: 'no room', facts: { path: '/data' } }),
];

function found(verdict: Verdict): number | string | undefined {
  // @ts-expect-error Which facts there are depends on the reason.
  verdict.facts?.minRows;
  return verdict.reason === 'duplicate' ? verdict.facts?.rowsLeft.toFixed() : verdict.message;
}

const rejected = [
  () => reject('row-count', 'too few', { rows: 1, minRows: 2 }),
  // @ts-expect-error Rows are counted.
  () => reject('row-count', 'too few', { rows: 'one' }),
  // @ts-expect-error This reason has no facts.
  () => reject('no-labels', 'nothing to learn', { rows: 1 }),
  // @ts-expect-error There is no such reason.
  () => reject('hub-outage', 'ours'),
];

test('the facts that the compiler allows are there when it runs', () => {
  const codes = ['hub-denied', 'port-in-use', 'unregistered', 'disk', 'out-of-memory', 'wallet'] as const;
  expect(codes.map((code) => narrowed(anyError(code)))).toEqual(['403undefined', 9944, 1, 5, 1, 'wallet']);
  expect(made[0]?.()).toBe(5);
  expect(found(rejected[0]!().verdict)).toBe('too few');
});
