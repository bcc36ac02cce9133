import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/shared/retry-after.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');

test.each<[string | null | undefined, number | undefined]>([
  ['2', 2_000],
  [' 120 ', 120_000],
  ['0', 0],
  ['Sun, 29 Nov 2026 12:00:30 GMT', 30_000],
  ['Sunday, 29-Nov-26 12:01:00 GMT', 60_000],
  ['Sun, 29 Nov 2026 11:00:00 GMT', 0],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
  ['soon', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['2 s', undefined],
  ['after 5', undefined],
  ['Sun Nov 29 12:00:30 2026 GMT', 30_000],
])('Retry-After: %s asks to wait %s ms', (value, ms) => {
  expect(parseRetryAfter(value, NOW)).toBe(ms);
});
