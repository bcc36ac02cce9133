import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MUTATIONS } from './mistakes.ts';

test('every mistake that `npm run mutate` makes has its one place in the sources', () => {
  const places = ({ file, from }: (typeof MUTATIONS)[number]) =>
    readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split(from).length - 1;
  expect(MUTATIONS.length).toBeGreaterThan(40);
  expect(MUTATIONS.filter((mutation) => places(mutation) !== 1)).toEqual([]);
});
