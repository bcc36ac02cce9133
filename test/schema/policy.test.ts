import { expect, it } from 'vitest';
import { PolicyChoice } from '../../src/schema/policy.ts';

it('fills in the parameters of a shipped policy, and parses again what it made', () => {
  const choice = PolicyChoice.parse({ name: 'daily-winner', parameters: { bestShare: 0.1 } });
  expect(choice.parameters).toMatchObject({ bestShare: 0.1, submissionsFrom: '12:00', mostCommonRows: 33 });
  expect(PolicyChoice.parse(choice)).toEqual(choice);
});

it('leaves the parameters of another policy to it', () => {
  const choice = { name: 'mine', parameters: { anything: [1, 2] } };
  expect(PolicyChoice.parse(choice)).toEqual(choice);
  expect(PolicyChoice.parse({ name: 'mine' })).toEqual({ name: 'mine', parameters: {} });
});

it.each(['', 'Win-Rates', '-x', 'x'.repeat(41), 'a b'])('refuses the name %j', (name) => {
  expect(PolicyChoice.safeParse({ name }).success).toBe(false);
});

it('has the numbers of the eras as defaults', () => {
  expect(PolicyChoice.parse({ name: 'benchmark-curve' }).parameters).toMatchObject({
    ...{ bench: 0.16, minb: 0.138, maxb: 0.165, bheight: 0.05, pow: 2, mostCommonRows: 100 },
    ...{ stepPortion: 0.2, consensusShare: 0.2, leastTrust: 0.5, leastWeight: 1e-6 },
  });
  expect(PolicyChoice.parse({ name: 'daily-winner' }).parameters).toEqual({
    ...{ submissionsFrom: '12:00', submissionsUntil: '12:30', rewardsFrom: '11:30' },
    ...{ bestShare: 0.05, mostCommonRows: 33, blockSeconds: 12 },
    ...{ evaluationRows: 'require', coldkeyCap: null, burn: null, excluded: [] },
  });
});
