import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { computeWeights } from '../../src/policy/compute-weights.ts';
import { finishWeights } from '../../src/policy/finish-weights.ts';
import { winRatesPolicy } from '../../src/policy/win-rates.ts';
import { randomEpoch } from './random-epochs.ts';

const neurons = (...list: [hotkey: string, coldkey?: string][]) =>
  list.map(([hotkey, coldkey = `cold ${hotkey}`], uid) => ({ uid, hotkey, coldkey, consensus: 0 }));
const loss = (hotkey: string, lossNatsPerToken: number, commitBlock = 10) => ({
  hotkey,
  lossNatsPerToken,
  commitBlock,
});
const nothing = { scored: [], rejected: new Set<string>(), previous: {} };
const byUid = ({ weights }: { weights: { uid: number; weight: number }[] }) =>
  Object.fromEntries(weights.map(({ uid, weight }) => [uid, weight]));

it('gives what it has always given, bit for bit: validators of different versions would disagree otherwise', () => {
  // Computed by the version before there were policies.
  const hash = createHash('sha256');
  for (let seed = 0; seed < 500; seed++) {
    const { weights, action, averages, scores } = computeWeights(randomEpoch(seed));
    hash.update(JSON.stringify([weights, action, Object.entries(averages).sort(), [...scores]]));
  }
  expect(hash.digest('hex')).toBe('232ea884387d775e5c45747821ec1d3cdc9a6ae6aeb9c625358ef89a8ed8acab');
});

it('has the constants of era A by default, and reports can name them', () => {
  expect(winRatesPolicy()).toMatchObject({
    name: 'win-rates',
    intake: { excluded: [] },
    parameters: {
      draw: { topShare: 0.25, randomShare: 0.5, rankScale: 32 },
      earlierAdvantage: 0.04,
      advantageDecay: null,
      temperature: 0.08,
      stepPortion: 0.2,
      consensusShare: 0.2,
      leastTrust: 0.5,
      leastWeight: 1e-6,
      coldkeyCap: null,
      burn: null,
      excluded: [],
    },
  });
});

describe('with parameters', () => {
  const pair = { ...nothing, scored: [loss('early', 1, 100), loss('late', 0.97, 200)] };
  const both = neurons(['early'], ['late']);
  const scoresOf = (rules: Parameters<typeof winRatesPolicy>[0], block = 200) => {
    const policy = winRatesPolicy(rules);
    return Object.fromEntries(computeWeights({ ...pair, policy, neurons: both, now: { block, timeMs: 0 } }).scores);
  };

  it('takes another advantage of the earlier', () => {
    expect(scoresOf({})).toEqual({ early: 1, late: 0 });
    expect(scoresOf({ earlierAdvantage: 0.02 })).toEqual({ early: 0, late: 1 });
  });

  it('lets the advantage decay in a straight line with the age in blocks', () => {
    const advantageDecay = { blocks: 400, to: 0.01 };
    // 3 % are left at two thirds of the way from 4 % to 1 %: a third of 400 blocks.
    expect(scoresOf({ advantageDecay }, 100 + 133)).toEqual({ early: 1, late: 0 });
    expect(scoresOf({ advantageDecay }, 100 + 134)).toEqual({ early: 0, late: 1 });
    expect(scoresOf({ advantageDecay: { blocks: 400, to: 0.04 } }, 10_000)).toEqual({ early: 1, late: 0 });
    expect(scoresOf({ advantageDecay: { blocks: 1, to: 0.031 } }, 10_000)).toEqual({ early: 1, late: 0 });
  });

  it('keeps the advantage of the base model, which has no age', () => {
    const policy = winRatesPolicy({ advantageDecay: { blocks: 1, to: 0 } });
    const alone = { ...nothing, scored: [loss('a', 0.97)], neurons: neurons(['a']), now: { block: 900, timeMs: 0 } };
    expect([...computeWeights({ ...alone, policy, baselineLossNatsPerToken: 1 }).worthless]).toEqual(['a']);
  });

  it('takes another temperature, step portion, consensus share, trust and least weight', () => {
    const epoch = {
      ...nothing,
      scored: [loss('a', 1), loss('b', 2)],
      previous: { a: 0.5, b: 0.5 },
      neurons: neurons(['a'], ['b']).map((one) => ({ ...one, consensus: one.uid === 0 ? 0.1 : 0.9 })),
    };
    const weightsOf = (rules: Parameters<typeof winRatesPolicy>[0]) =>
      byUid(computeWeights({ ...epoch, policy: winRatesPolicy({ consensusShare: 0, leastTrust: 0, ...rules }) }));
    expect(weightsOf({ stepPortion: 1, temperature: 1 })[0]).toBeCloseTo(Math.E / (Math.E + 1), 12);
    expect(weightsOf({ stepPortion: 0 })[0]).toBeCloseTo(0.5, 12);
    expect(weightsOf({ stepPortion: 0, consensusShare: 1 })[0]).toBeCloseTo(0.1, 12);
    // 0.5 lies 0.4 over the consensus of a: a trust of 0.8 allows 0.2 of it.
    expect(weightsOf({ stepPortion: 0, leastTrust: 0.8 })[0]).toBeCloseTo(0.3, 9);
    expect(weightsOf({ stepPortion: 1, temperature: 1, leastWeight: 0.3 })).toEqual({ 0: 1 });
  });

  it('draws by other shares', () => {
    const candidates = Array.from({ length: 20 }, (_, i) => ({
      hotkey: `m${i}`,
      weight: 20 - i,
      lastEvaluated: i < 10 ? 2 : 1,
    }));
    const drawing = { candidates, places: 4, firstPass: false, random: () => 0.5 };
    const more = { miners: new Map(), now: { block: 0, timeMs: 0 }, memory: null };
    const { draw } = winRatesPolicy({ draw: { topShare: 0.5, randomShare: 0, rankScale: 1 } });
    expect(draw({ ...drawing, ...more })).toEqual(['m0', 'm1', 'm10', 'm11']);
  });

  it.each([
    { temperature: 0 },
    { earlierAdvantage: 1 },
    { draw: { topShare: 0.6, randomShare: 0.5, rankScale: 32 } },
    { coldkeyCap: 0 },
    { burn: { uid: 1.5, share: 0.1 } },
    { excluded: [{ repo: 'no-repository', reason: 'x' }] },
    { temprature: 0.1 },
  ])('refuses %j', (wrong) => {
    expect(() => winRatesPolicy(wrong as object)).toThrow();
  });
});

it('says what each loss has come to', () => {
  const { explain } = winRatesPolicy({ earlierAdvantage: 0.045 });
  const of = { lossNatsPerToken: 1.95, baselineLossNatsPerToken: 2, rivals: 4 };
  expect(explain({ ...of, score: null })).toBe(
    'does not beat the base model: loss 1.9500, the base model alone has 2.0000 less 4.5 %',
  );
  expect(explain({ ...of, score: 0.75 })).toBe('won 3 of 4 comparisons');
  expect(explain({ ...of, score: 1, rivals: 1 })).toBe('won 1 of 1 comparisons');
  for (const alone of [
    { score: 0, rivals: 0 },
    { score: null, rivals: 3, baselineLossNatsPerToken: null },
  ])
    expect(explain({ ...of, ...alone })).toBe('nobody to compare with in this epoch');
});

describe('a cap on the weight of one coldkey', () => {
  const weightsOf = (coldkeyCap: number, previous: Record<string, number>, list: [string, string][]) =>
    byUid(computeWeights({ ...nothing, policy: winRatesPolicy({ coldkeyCap }), previous, neurons: neurons(...list) }));

  it('gives what its hotkeys have over it to the others in proportion', () => {
    const previous = { a: 0.3, b: 0.3, c: 0.3, d: 0.1 };
    const weights = weightsOf(0.4, previous, [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'y'],
      ['d', 'z'],
    ]);
    // x has 0.6, so 0.4; y and z share 0.6 as 3 to 1, which is 0.45 for y: 0.4 too, and 0.2 for z.
    for (const [uid, weight] of [0.2, 0.2, 0.4, 0.2].entries()) expect(weights[uid]).toBeCloseTo(weight, 12);
  });

  it('changes nothing where nobody is over it', () => {
    expect(
      weightsOf(0.5, { a: 0.5, b: 0.5 }, [
        ['a', 'x'],
        ['b', 'y'],
      ]),
    ).toEqual({ 0: 0.5, 1: 0.5 });
  });

  it('counts only coldkeys with a weight among those that there are', () => {
    const finished = finishWeights(
      {
        weights: [
          { uid: 0, weight: 1 },
          { uid: 1, weight: 0 },
        ],
        averages: {},
      },
      neurons(['a'], ['b']),
      { coldkeyCap: 0.4, burn: null },
    );
    expect(finished.weights).toEqual([
      { uid: 0, weight: 1 },
      { uid: 1, weight: 0 },
    ]);
  });

  it('gives all coldkeys the same where there are too few for it', () => {
    const weights = weightsOf(0.1, { a: 0.9, b: 0.1 }, [
      ['a', 'x'],
      ['b', 'y'],
    ]);
    expect(weights[0]).toBeCloseTo(0.5, 12);
    expect(weights[1]).toBeCloseTo(0.5, 12);
  });
});

describe('a share for one uid', () => {
  const three = neurons(['a'], ['b'], ['owner']);
  const policy = winRatesPolicy({ burn: { uid: 2, share: 0.25 } });

  it('is taken from everybody in proportion', () => {
    const weights = byUid(computeWeights({ ...nothing, policy, previous: { a: 0.8, b: 0.2 }, neurons: three }));
    for (const [uid, weight] of [0.6, 0.15, 0.25].entries()) expect(weights[uid]).toBeCloseTo(weight, 12);
  });

  it('comes to what the uid has earned itself', () => {
    const previous = { a: 0.5, owner: 0.5 };
    expect(byUid(computeWeights({ ...nothing, policy, previous, neurons: three }))[2]).toBeCloseTo(0.625, 12);
  });

  it('sends nothing where there is nothing to send', () => {
    expect(computeWeights({ ...nothing, policy, neurons: three })).toMatchObject({ weights: [], action: 'keep' });
  });

  it('may be all of it, and then nobody else is named', () => {
    const weighed = { weights: [{ uid: 0, weight: 1 }], averages: {} };
    expect(finishWeights(weighed, three, { coldkeyCap: null, burn: { uid: 2, share: 1 } }).weights).toEqual([
      { uid: 2, weight: 1 },
    ]);
  });

  it('is refused for a uid that nobody has', () => {
    const weighed = { weights: [{ uid: 0, weight: 1 }], averages: {} };
    expect(() =>
      finishWeights(weighed, neurons(['a'], ['b']), { coldkeyCap: null, burn: { uid: 2, share: 0.25 } }),
    ).toThrow(
      expect.objectContaining({
        code: 'bad-argument',
        sentence:
          'the policy gives a share to uid 2, which nobody has on this subnet. Check burn in the parameters of the policy.',
        facts: { name: 'burn.uid', value: 2 },
      }),
    );
  });
});
