import { describe, expect, it } from 'vitest';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { benchmarkCurvePolicy } from '../../src/policy/benchmark-curve.ts';
import { computeWeights } from '../../src/policy/compute-weights.ts';
import { dailyWinnerPolicy } from '../../src/policy/daily-winner.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Policy, Weighed } from '../../src/policy/policy.ts';
import { policyOf } from '../../src/policy/shipped.ts';
import { winRatesPolicy } from '../../src/policy/win-rates.ts';
import { PolicyChoice } from '../../src/schema/policy.ts';

const mine = (changes: Partial<Policy> = {}): Policy => ({ ...winRatesPolicy(), name: 'mine', ...changes });
const epoch = {
  scored: [
    { hotkey: 'a', lossNatsPerToken: 1, commitBlock: 5 },
    { hotkey: 'b', lossNatsPerToken: 2, commitBlock: 5 },
  ],
  rejected: new Set<string>(),
  previous: {},
  neurons: [
    { uid: 0, hotkey: 'a', consensus: 0 },
    { uid: 7, hotkey: 'b', consensus: 0 },
  ],
};
const fault = (run: () => unknown): FlockOffError => {
  try {
    run();
  } catch (error) {
    if (error instanceof FlockOffError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};
const whatOf = (changes: Partial<Policy>) => {
  const error = fault(() => computeWeights({ ...epoch, policy: mine(changes) }));
  expect(error.code).toBe('policy-failed');
  expect(error.facts).toEqual({ policy: 'mine', decision: expect.stringMatching(/^(score|weigh)$/) });
  expect(error.sentence).toContain('nothing was sent, and the epoch goes on');
  return error.what;
};
const weighing = (weighed: unknown) => whatOf({ weigh: () => weighed as Weighed });
const averages = {};

it('decides as it likes, with what is left as in the one it is made from', () => {
  const score: Policy['score'] = ({ contestants }) => new Map(contestants.map(({ hotkey }) => [hotkey, 1]));
  const { weights, scores } = computeWeights({ ...epoch, policy: mine({ score }) });
  expect(Object.fromEntries(scores)).toEqual({ a: 1, b: 1 });
  expect(weights.map(({ weight }) => weight)).toEqual([0.5, 0.5]);
});

it.each([winRatesPolicy(), benchmarkCurvePolicy(), dailyWinnerPolicy()])(
  'may be made from each that is shipped: $name',
  (shipped) => {
    const own = { ...shipped, name: 'mine' };
    expect(policyOf(PolicyChoice.parse({ name: 'mine', parameters: {} }), own)).toBe(own);
  },
);

it('may give weights in any proportion', () => {
  const weigh = () => ({
    weights: [
      { uid: 7, weight: 30 },
      { uid: 0, weight: 10 },
    ],
    averages,
  });
  expect(computeWeights({ ...epoch, policy: mine({ weigh }) })).toMatchObject({
    weights: [
      { uid: 0, hotkey: 'a', weight: 0.25 },
      { uid: 7, hotkey: 'b', weight: 0.75 },
    ],
    action: 'set',
    memory: null,
  });
});

it('gets back what it wanted to remember', () => {
  const weigh: Policy['weigh'] = ({ memory }) => ({
    weights: [],
    averages,
    memory: [...((memory as number[]) ?? []), 1],
  });
  const first = computeWeights({ ...epoch, policy: mine({ weigh }) });
  expect(first.action).toBe('keep');
  expect(computeWeights({ ...epoch, policy: mine({ weigh }), memory: first.memory }).memory).toEqual([1, 1]);
});

it('may name uids with weight 0, and remember what is JSON of 4 MiB', () => {
  const memory = 'x'.repeat(4 * 1024 * 1024 - 2);
  const weights = [{ uid: 7, weight: 0 }];
  const weighing = { ...epoch, policy: mine({ weigh: () => ({ weights, averages, memory }) }) };
  expect(computeWeights(weighing)).toMatchObject({ weights: [], action: 'keep', memory });
  const of = {
    ...{ contestants: [], baselineLossNatsPerToken: null, now: { block: 0, timeMs: 0 }, memory: null },
    ...{
      scores: new Map(),
      worthless: new Set<string>(),
      unjudged: new Set<string>(),
      hidden: new Set<string>(),
      previous: {},
    },
    ...{ neurons: [{ uid: 7, hotkey: 'b', coldkey: 'b', consensus: 0 }], miners: new Map(), ownerUid: null },
  };
  expect(decide(mine({ weigh: () => ({ weights, averages }) }), 'weigh', of).weights).toEqual(weights);
});

it('changes nothing but its copy of what it is given', () => {
  const previous = { a: 0.5 };
  const score: Policy['score'] = ({ contestants }) => {
    contestants[0]!.lossNatsPerToken = 99;
    return new Map();
  };
  const weigh: Policy['weigh'] = (given) => {
    given.previous.a = 5;
    given.neurons.length = 0;
    return { weights: [{ uid: 0, weight: 1 }], averages };
  };
  const before = structuredClone(epoch);
  computeWeights({ ...epoch, previous, policy: mine({ score, weigh }) });
  expect(previous).toEqual({ a: 0.5 });
  expect(epoch).toEqual(before);
});

describe('is stopped with one sentence, before anything is sent, when it', () => {
  it('throws', () => {
    const score = () => {
      throw new TypeError('x is not a function');
    };
    expect(whatOf({ score })).toBe('the policy "mine" throws: x is not a function (in score)');
    const nothing = () => {
      throw null;
    };
    expect(whatOf({ score: nothing })).toMatch(/^the policy "mine" throws: .*\(in score\)$/);
  });

  it('takes for ever', () => {
    const weigh = (): never => {
      for (;;);
    };
    expect(whatOf({ weigh })).toBe('the policy "mine" has no answer after 5 seconds (in weigh)');
  }, 30_000);

  it('answers with a promise, or nothing', () => {
    expect(whatOf({ score: (async () => new Map()) as never })).toContain('answers with a promise, expected a Map');
    expect(whatOf({ score: (() => {}) as never })).toContain('answers undefined, expected a Map');
    expect(weighing(undefined)).toContain('answers what cannot be used (Invalid input: expected object');
    expect(weighing(Promise.resolve({ weights: [], averages }))).toContain('answers what cannot be used');
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '1'])('gives the score %s', (score) => {
    expect(whatOf({ score: () => new Map([['a', score as number]]) })).toContain('expected a finite number from 0 on');
  });

  it('scores somebody who has no loss', () => {
    expect(whatOf({ score: () => new Map([['nobody', 1]]) })).toContain('scores "nobody", which has no loss');
  });

  it.each([Number.NaN, -0.1, Number.POSITIVE_INFINITY, '1'])('gives the weight %s', (weight) => {
    expect(weighing({ weights: [{ uid: 0, weight }], averages })).toContain('weights.0.weight');
  });

  it('weighs a uid that nobody has, or one twice', () => {
    expect(weighing({ weights: [{ uid: 3, weight: 1 }], averages })).toContain("weighs uid 3, which is nobody's");
    const twice = [
      { uid: 0, weight: 1 },
      { uid: 0, weight: 1 },
    ];
    expect(weighing({ weights: twice, averages })).toContain('weighs uid 0');
  });

  it('says to set what is nothing, or not to set what is something', () => {
    expect(weighing({ weights: [], averages, action: 'set' })).toContain('answers "set" with weights that sum to 0');
    const some = [{ uid: 0, weight: 1 }];
    expect(weighing({ weights: some, averages, action: 'keep' })).toContain(
      'answers "keep" with weights that sum to 1',
    );
  });

  it('gives weights too large for a sum, and averages that are none', () => {
    const large = [
      { uid: 0, weight: Number.MAX_VALUE },
      { uid: 7, weight: Number.MAX_VALUE },
    ];
    expect(weighing({ weights: large, averages })).toContain('too large for a sum');
    expect(weighing({ weights: [], averages: { a: Number.NaN } })).toContain('averages.a');
  });

  it('wants to remember what would not come back as it was, or too much', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const memory of [new Map([[1, 2]]), { at: new Date(0) }, { x: Number.NaN }, 1n, cycle, () => {}])
      expect(weighing({ weights: [], averages, memory })).toContain('has a memory that is not JSON');
    expect(weighing({ weights: [], averages, memory: 'x'.repeat(5e6) })).toContain('at most 4194304 are stored');
  });

  it('draws who is no candidate, one twice, or more than there is room for', () => {
    const candidates = ['a', 'b', 'c'].map((hotkey) => ({ hotkey, weight: 0, lastEvaluated: null }));
    const drawing = {
      ...{ candidates, places: 2, firstPass: true, random: () => 0.5, miners: new Map() },
      ...{ now: { block: 0, timeMs: 0 }, memory: null },
    };
    const drawn = (answer: unknown) =>
      fault(() => decide(mine({ draw: () => answer as string[] }), 'draw', drawing)).what;
    expect(drawn(['d'])).toContain('draws "d", which is no candidate');
    expect(drawn(['a', 'a'])).toContain('draws "a"');
    expect(drawn(['a', 'b', 'c'])).toContain('draws 3 miners for 2 places');
    expect(drawn('a')).toContain('answers "a", expected a list of hotkeys');
    expect(drawn(null)).toContain('answers null, expected a list of hotkeys');
    expect(drawn({ a: 1 })).toContain('answers an object, expected a list of hotkeys');
    // However long that is, one line tells it.
    expect(drawn(['x'.repeat(1_000)])).toContain(`draws "${'x'.repeat(60)}", which`);
    expect(drawn(Symbol('y'.repeat(1_000)))).toContain(`answers Symbol(${'y'.repeat(53)}, expected`);
  });

  it('explains with other than a sentence', () => {
    const of = { score: 1, lossNatsPerToken: 1, baselineLossNatsPerToken: null, rivals: 1 };
    const explained = (answer: unknown) => decide(mine({ explain: () => answer as string }), 'explain', of);
    expect(fault(() => explained(7)).what).toBe('the policy "mine" answers 7, expected a sentence (in explain)');
    expect(explained('it is good')).toBe('it is good');
    expect(explained('z'.repeat(2_000))).toBe('z'.repeat(500));
  });
});

describe('the policy of a competition', () => {
  const choice = (value: unknown) => PolicyChoice.parse(value);

  it('is the one it names, with its parameters', () => {
    expect(policyOf(choice({ name: 'win-rates', parameters: { temperature: 1 } })).parameters).toMatchObject({
      temperature: 1,
      earlierAdvantage: 0.04,
    });
    expect(policyOf(choice({ name: 'benchmark-curve' })).name).toBe('benchmark-curve');
    expect(policyOf(choice({ name: 'daily-winner' })).name).toBe('daily-winner');
  });

  it('is refused with parameters that it does not have, by their names', () => {
    const parsed = PolicyChoice.safeParse({ name: 'win-rates', parameters: { temprature: 1, stepPortion: 2 } });
    expect(parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      'parameters.stepPortion: Too big: expected number to be <=1',
      'parameters: Unrecognized key: "temprature"',
    ]);
  });

  it('is the operator’s own, where he brings one', () => {
    expect(policyOf(choice({ name: 'mine', parameters: { x: 1 } }), mine()).name).toBe('mine');
    expect(policyOf(choice({ name: 'win-rates' }), mine()).name).toBe('mine');
  });

  it.each([
    { evaluationRows: 'leave-out' as const, minOwnRows: 5 },
    { evaluationRows: 'allow' as const, mostCommonRows: 0 },
    { evaluationRows: 'require' as const, excluded: [{ repo: 'a/b', reason: 'ours' }] },
  ])('may have the intake %j', (intake) => {
    expect(policyOf(choice({ name: 'mine' }), mine({ intake })).intake).toEqual(intake);
  });

  it('tells with what it is refused, and what to do', () => {
    expect(fault(() => policyOf(choice({ name: 'mine' })))).toMatchObject({
      sentence:
        'the competition has the policy "mine", which this package does not have. Get its file from who runs the competition and pass it as policy (--policy), or name win-rates, benchmark-curve, daily-winner.',
      facts: { name: 'policy', value: 'mine' },
    });
    expect(fault(() => policyOf(choice({ name: 'theirs' }), mine()))).toMatchObject({
      fix: 'give the one that the competition names',
      facts: { name: 'policy', value: 'mine' },
    });
    expect(fault(() => policyOf(choice({ name: 'mine' }), mine({ draw: 1 as never })))).toMatchObject({
      fix: 'see docs/policies.md',
      facts: { name: 'policy', value: 'mine' },
    });
  });

  it.each<[string, () => unknown, string]>([
    ['one that nobody has', () => policyOf(choice({ name: 'mine' })), 'which this package does not have'],
    ['another than the one given', () => policyOf(choice({ name: 'theirs' }), mine()), 'the one given is "mine"'],
    [
      'one with the name of a shipped one',
      () => policyOf(choice({ name: 'mine' }), winRatesPolicy()),
      'the name of another',
    ],
    [
      'one without a decision',
      () => policyOf(choice({ name: 'mine' }), mine({ weigh: undefined as never })),
      'no function weigh',
    ],
    ['one without a name', () => policyOf(choice({ name: 'mine' }), mine({ name: 'My policy' })), 'has no name'],
    ['one with a sign in its name', () => policyOf(choice({ name: 'mine' }), mine({ name: 'mine!' })), 'has no name'],
    [
      'one with rules for rows that there are not',
      () => policyOf(choice({ name: 'mine' }), mine({ intake: { evaluationRows: 'forbid' as never } })),
      'an intake that cannot be used',
    ],
    [
      'one that excludes without a reason',
      () => policyOf(choice({ name: 'mine' }), mine({ intake: { excluded: [{ repo: 'a/b' } as never] } })),
      'an intake that cannot be used',
    ],
    ['nothing', () => policyOf(choice({ name: 'mine' }), null as never), 'has no function draw'],
  ])('is not %s', (_, run, what) => {
    expect(fault(run)).toMatchObject({ code: 'bad-argument', what: expect.stringContaining(what) });
  });
});

it('scores and weighs 256 miners in less than 50 ms', () => {
  const names = Array.from({ length: 256 }, (_, i) => `m${i}`);
  const large = {
    scored: names.map((hotkey, i) => ({ hotkey, lossNatsPerToken: 0.13 + (i % 97) / 3000, commitBlock: i })),
    baselineLossNatsPerToken: 0.2,
    rejected: new Set<string>(),
    previous: Object.fromEntries(names.map((hotkey) => [hotkey, 1 / 256])),
    neurons: names.map((hotkey, uid) => ({ uid, hotkey, consensus: 1 / 256 })),
    miners: new Map(names.map((hotkey, uid) => [hotkey, { uid, hotkey, coldkey: hotkey, commitBlock: uid }])),
    ownerUid: 3,
    now: { block: 300, timeMs: Date.UTC(2026, 2, 3, 11, 40) },
  };
  const all = { coldkeyCap: 0.01, burn: { uid: 0, share: 0.1 } };
  const policies = [winRatesPolicy(), winRatesPolicy(all), benchmarkCurvePolicy(all), dailyWinnerPolicy()];
  for (const policy of policies) {
    const cpuMs = Array.from({ length: 7 }, () => {
      const before = process.cpuUsage();
      computeWeights({ ...large, policy });
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    });
    expect(cpuMs.sort((a, b) => a - b)[3]).toBeLessThan(50);
  }
});
