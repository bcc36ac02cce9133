import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normaliseWeights } from '../../src/chain/weights/normalise.ts';
import { FlockOffError } from '../../src/errors/flock-off-error.ts';
import { computeWeights } from '../../src/policy/compute-weights.ts';
import { EvalQueue } from '../../src/queue/eval-queue.ts';
import { ERA_B_CURVE, scoreBenchmark } from '../../src/scoring/benchmark.ts';
import { pickDailyWinner } from '../../src/scoring/daily-winner.ts';
import { movingAverage } from '../../src/scoring/moving-average.ts';
import { blend, normalised, sumOf } from '../../src/scoring/shares.ts';
import { stepWeights } from '../../src/scoring/step-weights.ts';
import { expectedTrustLoss, restoreValidatorTrust } from '../../src/scoring/validator-trust.ts';
import { beatsBaseline, winRates } from '../../src/scoring/win-rates.ts';

/** A function of numbers with some that make sense, and which of them may be negative. */
interface Calculation {
  numbers: Record<string, number>;
  mayBeNegative?: string[];
  /** What a sentence calls each of the numbers. */
  names?: Record<string, string>;
  of: (numbers: Record<string, number>) => unknown;
}

const contestants = ({ loss, block }: Record<string, number>) => [
  { hotkey: 'a', lossNatsPerToken: loss!, commitBlock: block! },
  { hotkey: 'b', lossNatsPerToken: 1.5, commitBlock: 7 },
];
const LOSSES = { loss: 1.2, block: 5 };
const namesOfLosses = (list: string) => ({
  loss: `${list}[0].lossNatsPerToken`,
  block: `${list}[0].commitBlock`,
});
const namesOfShares = (name: string) => ({ a: `${name}["a"]`, b: `${name}["b"]` });
const shares = ({ a, b }: Record<string, number>) =>
  new Map([
    ['a', a!],
    ['b', b!],
  ]);
const half = shares({ a: 0.5, b: 0.5 });
const SHARES = { a: 0.3, b: 0.6 };

const CALCULATIONS: Record<string, Calculation> = {
  scoreBenchmark: {
    numbers: { loss: 0.15, ...ERA_B_CURVE },
    mayBeNegative: Object.keys(ERA_B_CURVE),
    names: {
      loss: 'lossNatsPerToken',
      ...Object.fromEntries(Object.keys(ERA_B_CURVE).map((key) => [key, `curve["${key}"]`])),
    },
    of: ({ loss, ...curve }) =>
      scoreBenchmark({ lossNatsPerToken: loss!, curve: curve as unknown as typeof ERA_B_CURVE }),
  },
  computeWeights: {
    numbers: { ...LOSSES, average: 0.4, uid: 3, consensus: 0.2 },
    names: {
      ...namesOfLosses('scored'),
      average: 'previous["a"]',
      uid: 'neurons[0].uid',
      consensus: 'neurons[0].consensus',
    },
    of: (numbers) =>
      computeWeights({
        scored: contestants(numbers),
        rejected: new Set(),
        previous: { a: numbers.average!, b: 0.6 },
        neurons: [
          { uid: numbers.uid!, hotkey: 'a', consensus: numbers.consensus! },
          { uid: 9, hotkey: 'b', consensus: 0.1 },
        ],
      }),
  },
  pickDailyWinner: {
    numbers: LOSSES,
    names: namesOfLosses('contestants'),
    of: (numbers) => pickDailyWinner(contestants(numbers)),
  },
  winRates: {
    numbers: LOSSES,
    names: namesOfLosses('contestants'),
    of: (numbers) => winRates({ contestants: contestants(numbers) }),
  },
  'winRates with a baseline': {
    numbers: { baseline: 1.4 },
    names: { baseline: 'baselineLossNatsPerToken' },
    of: ({ baseline }) => winRates({ contestants: contestants(LOSSES), baselineLossNatsPerToken: baseline! }),
  },
  'computeWeights with a baseline': {
    numbers: { baseline: 1.4 },
    names: { baseline: 'baselineLossNatsPerToken' },
    of: ({ baseline }) =>
      computeWeights({
        scored: contestants(LOSSES),
        baselineLossNatsPerToken: baseline!,
        rejected: new Set(),
        previous: {},
        neurons: [{ uid: 1, hotkey: 'a', consensus: 0.1 }],
      }),
  },
  beatsBaseline: {
    numbers: { loss: 1.2, baseline: 1.4 },
    names: { loss: 'lossNatsPerToken', baseline: 'baselineLossNatsPerToken' },
    of: ({ loss, baseline }) => beatsBaseline({ lossNatsPerToken: loss!, baselineLossNatsPerToken: baseline! }),
  },
  stepWeights: { numbers: SHARES, names: namesOfShares('winRates'), of: (numbers) => stepWeights(shares(numbers)) },
  'movingAverage of old': {
    numbers: SHARES,
    names: namesOfShares('shares'),
    of: (numbers) => movingAverage(shares(numbers), half),
  },
  'movingAverage of a step': {
    numbers: SHARES,
    names: namesOfShares('step'),
    of: (numbers) => movingAverage(half, shares(numbers)),
  },
  sumOf: { numbers: SHARES, names: namesOfShares('shares'), of: (numbers) => sumOf(shares(numbers)) },
  normalised: { numbers: SHARES, names: namesOfShares('shares'), of: (numbers) => normalised(shares(numbers)) },
  blend: {
    numbers: { ...SHARES, portion: 0.2 },
    names: { ...namesOfShares('shares'), portion: 'portion' },
    of: ({ portion, ...numbers }) => [blend(shares(numbers), half, portion!), blend(half, shares(numbers), portion!)],
  },
  'expectedTrustLoss of weights': {
    numbers: SHARES,
    names: namesOfShares('weights'),
    of: (numbers) => expectedTrustLoss(shares(numbers), half),
  },
  'expectedTrustLoss by a consensus': {
    numbers: SHARES,
    names: namesOfShares('consensus'),
    of: (numbers) => expectedTrustLoss(half, shares(numbers)),
  },
  'restoreValidatorTrust of weights': {
    numbers: SHARES,
    names: namesOfShares('weights'),
    of: (numbers) => restoreValidatorTrust(shares(numbers), half),
  },
  'restoreValidatorTrust by a consensus': {
    numbers: SHARES,
    names: namesOfShares('shares'),
    of: (numbers) => restoreValidatorTrust(half, shares(numbers)),
  },
  normaliseWeights: {
    numbers: { uid: 3, weight: 0.5 },
    of: ({ uid, weight }) => {
      const entries = [
        { uid: uid!, weight: weight! },
        { uid: 9, weight: 0.25 },
      ];
      return normaliseWeights(entries);
    },
  },
  EvalQueue: {
    numbers: { seed: 1, places: 2, weight: 0.5 },
    names: { seed: 'seed', weight: 'weights["a"]' },
    of: ({ seed, places, weight }) => {
      const queue = new EvalQueue({ seed: seed! });
      const hotkeys = ['a', 'b', 'c', 'd'];
      const epochs = [1, 2, 3, 4].map(() => queue.next({ hotkeys, weights: { a: weight!, b: 0.1 }, places }));
      return [epochs, queue.toJSON()];
    },
  },
};
const CASES = Object.entries(CALCULATIONS).flatMap(([name, calculation]) =>
  Object.keys(calculation.numbers).map((position) => ({ name, position, ...calculation })),
);

describe.each(CASES)('$name, $position', ({ numbers, mayBeNegative = [], names = {}, position, of }) => {
  const faultAt = (value: number): FlockOffError | null => {
    try {
      expectFinite(of({ ...numbers, [position]: value }));
      return null;
    } catch (error) {
      if (error instanceof FlockOffError && error.code === 'bad-argument') return error;
      throw error;
    }
  };

  it('has a result', () => {
    expect(faultAt(numbers[position]!)).toBeNull();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d, and says so', (value) => {
    expect(faultAt(value)?.message).toContain(String(value));
  });

  if (position in names) {
    it('names it', () => {
      expect(faultAt(Number.NaN)?.message).toContain(`${names[position]} must be a `);
    });
  }

  it('refuses what is negative', () => {
    if (mayBeNegative.includes(position)) expect(faultAt(-1)).toBeNull();
    else expect(faultAt(-1)?.message).toContain('-1');
  });

  if (/uid|block|seed|places/i.test(position)) {
    it('refuses half a number', () => {
      expect(faultAt(2.5)?.message).toContain('2.5');
    });
  }

  it('has a finite result or a sentence for any number', () => {
    fc.assert(fc.property(fc.double(), (value) => void faultAt(value)));
  });
});

it.each<[string, () => unknown, string]>([
  ['a step over 1', () => movingAverage(half, new Map([['a', 1.1]])), 'step["a"] must be a finite number from 0 to 1'],
  ['a portion over 1', () => blend(half, half, 1.1), 'portion must be a finite number from 0 to 1, saw 1.1'],
  [
    'weights over 1',
    () => expectedTrustLoss(new Map([['a', 1.1]]), half),
    'weights["a"] must be a finite number from 0',
  ],
  ['weights over 1 to be restored', () => restoreValidatorTrust(new Map([['a', 1.1]]), half), 'weights["a"] must be'],
  [
    'shares without a sum',
    () => sumOf(shares({ a: Number.MAX_VALUE, b: Number.MAX_VALUE })),
    'the shares are too large for a sum. Divide them first.',
  ],
])('refuses %s', (_, calculate, message) => {
  expect(calculate).toThrow(
    expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining(message) }),
  );
});

it('names the argument that is wrong', () => {
  const neurons = [{ uid: 70_000, hotkey: 'a', consensus: 0 }];
  const parameters = { scored: [], rejected: new Set<string>(), previous: {}, neurons };
  expect(() => computeWeights(parameters)).toThrow('neurons[0].uid must be a whole number from 0 to 65535, saw 70000.');
  expect(() => computeWeights({ ...parameters, neurons: [], baselineLossNatsPerToken: Number.NaN })).toThrow(
    'baselineLossNatsPerToken must be a finite number that is not below 0, saw NaN.',
  );
  expect(() => computeWeights({ ...parameters, previous: { a: Number.NaN } })).toThrow(
    'previous["a"] must be a finite number that is not below 0, saw NaN.',
  );
});

function expectFinite(value: unknown): void {
  if (typeof value === 'number') expect(value).toSatisfy(Number.isFinite);
  else if (value instanceof Map) for (const inner of value.values()) expectFinite(inner);
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) expectFinite(inner);
}
