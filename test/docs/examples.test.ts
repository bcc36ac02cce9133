import { expect, test } from 'vitest';
import { checkExamples } from './examples.ts';

test('every example of a docstring compiles, and every public name is shown in one, or declared by what is', () => {
  const wrong = { file: 'wrong', code: 'const queue = new EvalQueue({ sed: 1 });' };
  const { problems, unshown, unmentioned, count } = checkExamples({ more: [wrong] });
  expect(problems).toEqual([expect.stringMatching(/^wrong: .*\bsed\b/)]);
  expect(count).toBeGreaterThan(100);
  expect(unshown).toEqual([]);
  expect(unmentioned).toEqual([]);
}, 120_000);
