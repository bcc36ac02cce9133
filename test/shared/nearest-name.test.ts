import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { issuesText, namesIn, nearestName } from '../../src/shared/nearest-name.ts';

const Schema = z.strictObject({
  maxRows: z.int().default(3),
  recipe: z.strictObject({ rank: z.int().optional() }).prefault({}),
  day: z.object({ from: z.string() }).transform((day) => day),
});

test('the names of a schema are found below defaults and transformed types', () => {
  expect(namesIn(Schema)).toEqual(['maxRows', 'recipe', 'recipe.rank', 'day', 'day.from']);
});

describe('the nearest name', () => {
  const known = namesIn(Schema);
  test.each([
    ['maxRow', '', 'maxRows'],
    ['max_rows', '', 'maxRows'],
    ['MAXROWS', '', 'maxRows'],
    ['amxRows', '', 'maxRows'],
    ['rnak', 'recipe', 'rank'],
    ['rank', '', 'recipe.rank'],
    ['colour', '', null],
    ['', '', null],
    ['x', '', null],
    ['漢字', '', null],
  ])('of %j in %j is %j', (name, at, nearest) => {
    expect(nearestName({ name, at, known })).toBe(nearest);
  });

  test('of a name as long as a file is found in no time', () => {
    const began = performance.now();
    expect(nearestName({ name: 'maxRows'.repeat(100_000), at: '', known })).toBeNull();
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

test('issues are told with their places, and with the names that are meant', () => {
  const { error } = Schema.safeParse({ maxRows: 'x', recipe: { rnak: 1, colour: 2 }, day: { from: '1' } });
  expect(issuesText(error!, namesIn(Schema))).toBe(
    'maxRows: Invalid input: expected number, received string; recipe: Unrecognized keys: "rnak", "colour" (is "rank" meant?)',
  );
});
