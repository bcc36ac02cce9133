import { expect, test } from 'vitest';
import { publicTypes } from './public-types.ts';

const { unnamed, closed, foreign } = publicTypes();

test('every type that a public signature mentions can be imported by its name, from the same door', () => {
  expect(unnamed).toEqual([]);
});

test("what a call takes can be an object of one's own: no class with private members is asked for", () => {
  expect(closed).toEqual([]);
});

test('of other packages the public signatures mention zod alone', () => {
  expect(foreign.filter((type) => !type.startsWith('zod: '))).toEqual([]);
});
