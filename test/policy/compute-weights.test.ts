import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComputeWeightsParameters, computeWeights } from '../../src/policy/compute-weights.ts';

/** Neurons with uids in the order given. */
const neurons = (...list: [hotkey: string, consensus?: number][]) =>
  list.map(([hotkey, consensus = 0], uid) => ({ uid, hotkey, consensus }));
const scored = (hotkey: string, lossNatsPerToken: number, commitBlock = 10) => ({
  hotkey,
  lossNatsPerToken,
  commitBlock,
});

function compute(parameters: Partial<ComputeWeightsParameters>) {
  const result = computeWeights({ scored: [], rejected: new Set(), previous: {}, neurons: [], ...parameters });
  return { ...result, byUid: Object.fromEntries(result.weights.map(({ uid, weight }) => [uid, weight])) };
}

describe('computeWeights', () => {
  it('follows the rules from losses to weights', () => {
    // Win rates 1, 0.5, 0; softmax over 0.08; 0.8 old + 0.2 step; 0.8 own + 0.2 consensus; trust is above 0.5.
    const { byUid, averages, scores } = compute({
      scored: [scored('a', 1), scored('b', 2), scored('c', 3)],
      previous: { a: 0.2, b: 0.3, c: 0.5 },
      neurons: neurons(['a', 0.5], ['b', 0.25], ['c', 0.25]),
    });
    expect(Object.fromEntries(scores)).toEqual({ a: 1, b: 0.5, c: 0 });
    const step = { a: 0.9980695529, b: 0.0019267276, c: 0.0000037195 };
    expect(averages.a).toBeCloseTo(0.16 + 0.2 * step.a, 9);
    expect(averages.b).toBeCloseTo(0.24 + 0.2 * step.b, 9);
    expect(averages.c).toBeCloseTo(0.4 + 0.2 * step.c, 9);
    expect(byUid[0]).toBeCloseTo(0.8 * 0.3596139106 + 0.1, 9);
    expect(byUid[1]).toBeCloseTo(0.8 * 0.2403853455 + 0.05, 9);
    expect(byUid[2]).toBeCloseTo(0.8 * 0.4000007439 + 0.05, 9);
  });

  it('takes its own weights as they are while the chain has no consensus', () => {
    const { byUid } = compute({ previous: { a: 0.7, b: 0.3 }, neurons: neurons(['a'], ['b']) });
    expect(byUid).toEqual({ 0: 0.7, 1: 0.3 });
  });

  it('moves toward the consensus where trust would fall under 0.5', () => {
    // Own {a: 1}; blended {a: 0.8, b: 0.2}; all of a lies over the consensus, so a may keep 0.5.
    const { byUid } = compute({ previous: { a: 1 }, neurons: neurons(['a'], ['b', 1]) });
    expect(byUid[0]).toBeCloseTo(0.5, 9);
    expect(byUid[1]).toBeCloseTo(0.5, 9);
  });

  it('gives a rejected miner exactly 0, whatever its past and the consensus, and an average of 0', () => {
    const { byUid, averages } = compute({
      scored: [scored('a', 1)],
      rejected: new Set(['copy']),
      previous: { a: 0.1, copy: 0.9 },
      neurons: neurons(['a', 0.1], ['copy', 0.9]),
    });
    expect(byUid).toEqual({ 0: 1 });
    expect(averages).toEqual({ a: 0.1, copy: 0 });
  });

  it('does not let a rejected miner beat anybody', () => {
    const { scores } = compute({
      scored: [scored('copy', 0.1), scored('a', 1), scored('b', 2)],
      rejected: new Set(['copy']),
      neurons: neurons(['a'], ['b'], ['copy']),
    });
    expect(Object.fromEntries(scores)).toEqual({ a: 1, b: 0 });
  });

  it('defect 1: gives nothing for the step to who has no loss', () => {
    const { byUid } = compute({ scored: [scored('a', 5)], neurons: neurons(['a'], ['failed']) });
    expect(byUid).toEqual({ 0: 1 });
  });

  it('defect 3: forgets who deregistered, also when it has the best loss', () => {
    const { byUid, averages, scores } = compute({
      scored: [scored('gone', 0.1), scored('a', 1), scored('b', 2)],
      previous: { gone: 0.8, a: 0.1, b: 0.1 },
      neurons: neurons(['a'], ['b']),
    });
    expect(Object.keys(averages).sort()).toEqual(['a', 'b']);
    expect(scores.has('gone')).toBe(false);
    expect(byUid[0]! + byUid[1]!).toBeCloseTo(1, 12);
    expect(byUid[0]).toBeGreaterThan(byUid[1]!);
  });

  it('defect 4: lets uid 0 win', () => {
    const { byUid } = compute({ scored: [scored('zero', 1), scored('one', 2)], neurons: neurons(['zero'], ['one']) });
    expect(byUid[0]).toBeGreaterThan(0.99);
  });

  it('defect 6: keeps the averages of an epoch without any loss, such as an outage', () => {
    const { averages, byUid } = compute({ previous: { a: 0.7, b: 0.3 }, neurons: neurons(['a', 0.7], ['b', 0.3]) });
    expect(averages).toEqual({ a: 0.7, b: 0.3 });
    expect(byUid[0]).toBeCloseTo(0.7, 12);
  });

  it('defect 6: keeps the share of the miners that were postponed', () => {
    const { averages } = compute({
      scored: [scored('a', 1), scored('b', 2)],
      previous: { a: 0.25, b: 0.25, c: 0.3, d: 0.2 },
      neurons: neurons(['a'], ['b'], ['c'], ['d']),
    });
    expect(averages.c).toBeCloseTo(0.3, 12);
    expect(averages.d).toBeCloseTo(0.2, 12);
    expect(averages.a).toBeGreaterThan(0.25);
  });

  it('defect 6: gives nothing to the only one evaluated in an outage, though nobody beat it', () => {
    const previous = { a: 0.5, b: 0.3, late: 0.2 };
    const all = neurons(['a'], ['b'], ['late'], ['new']);
    expect(compute({ scored: [scored('late', 9)], previous, neurons: all }).averages).toEqual(previous);
    expect(compute({ scored: [scored('new', 9)], previous, neurons: all }).averages).toEqual(previous);
  });

  it('gives everything to the only miner there is', () => {
    expect(compute({ scored: [scored('a', 1)], neurons: neurons(['a'], ['b']) }).byUid).toEqual({ 0: 1 });
  });

  it('starts over for a hotkey that takes over a uid', () => {
    const { byUid } = compute({ previous: { old: 0.5, a: 0.5 }, neurons: neurons(['new'], ['a']) });
    expect(byUid).toEqual({ 1: 1 });
  });

  it('drops weights under 1e-6 and keeps those from there on', () => {
    const previous = { a: 1 - 2.4e-6, low: 9e-7, kept: 1.5e-6 };
    const { byUid } = compute({ previous, neurons: neurons(['a'], ['low'], ['kept']) });
    expect(Object.keys(byUid)).toEqual(['0', '2']);
    expect(byUid[0]! + byUid[2]!).toBeCloseTo(1, 12);
    const edge = compute({ previous: { a: 999_999, edge: 1, low: 0 }, neurons: neurons(['a'], ['edge'], ['low']) });
    expect(Object.keys(edge.byUid)).toEqual(['0', '1']);
  });

  it('has no weights for an empty subnet, nobody scored, or everybody rejected', () => {
    expect(compute({})).toMatchObject({ weights: [], averages: {} });
    expect(compute({ neurons: neurons(['a']) }).weights).toEqual([]);
    expect(
      compute({ scored: [scored('a', 1)], rejected: new Set(['a']), previous: { a: 1 }, neurons: neurons(['a', 1]) }),
    ).toMatchObject({ weights: [], averages: {} });
  });

  it('takes no opinion from the consensus: without averages of its own it has no weights', () => {
    const all = neurons(['a', 0.6], ['b', 0.4]);
    const unjudged = new Set(['a', 'b']);
    const nothing = { weights: [], action: 'keep' };
    expect(compute({ neurons: all, unjudged })).toMatchObject(nothing);
    expect(compute({ neurons: all })).toMatchObject(nothing);
    expect(compute({ neurons: all, previous: { gone: 1 } })).toMatchObject(nothing);
    expect(compute({ neurons: all, previous: { a: 0, b: 0 }, unjudged })).toMatchObject(nothing);
    expect(compute({ neurons: all, scored: [scored('gone', 1)], unjudged })).toMatchObject(nothing);
  });

  it('keeps the averages it has where nothing was evaluated, and moderates them by the consensus', () => {
    const { byUid, action } = compute({ neurons: neurons(['a', 0.6], ['b', 0.4]), previous: { a: 1 } });
    expect(action).toBe('set');
    expect(byUid[0]).toBeCloseTo(0.8 + 0.2 * 0.6, 9);
  });

  it('takes back what was set before once everybody is rejected', () => {
    const all = neurons(['a', 0.6], ['b', 0.4]);
    const takenBack = { weights: [], action: 'take-back' };
    expect(compute({ neurons: all, rejected: new Set(['a', 'b']) })).toMatchObject(takenBack);
    expect(compute({ neurons: all, rejected: new Set(['a']) })).toMatchObject(takenBack);
    expect(compute({ neurons: all, rejected: new Set(['gone']) })).toMatchObject({ weights: [], action: 'keep' });
  });

  it('takes back what rests on rejected miners, and nothing else, while others could not be evaluated', () => {
    const all = neurons(['a', 0.6], ['b', 0.4]);
    const half = { neurons: all, rejected: new Set(['a']), unjudged: new Set(['b']) };
    expect(compute(half)).toMatchObject({ weights: [], action: 'keep' });
    expect(compute({ ...half, previous: { a: 0 } })).toMatchObject({ weights: [], action: 'keep' });
    expect(compute({ ...half, previous: { a: 0.5 } })).toMatchObject({ weights: [], action: 'take-back' });
    expect(compute({ ...half, previous: { a: 0.5, b: 0.5 } })).toMatchObject({ byUid: { 1: 1 }, action: 'set' });
  });

  it('takes no share for negative where rounding leaves the evaluated less than nothing', () => {
    // Divided by their sum, 0.7, 0.2 and 0.1 add up to a rounding error more than 1.
    const { averages, byUid } = compute({
      scored: [scored('d', 1), scored('e', 2)],
      previous: { a: 0.7, b: 0.2, c: 0.1, d: 0, e: 0 },
      neurons: neurons(['a'], ['b'], ['c'], ['d'], ['e']),
    });
    expect(averages).toMatchObject({ d: 0, e: 0 });
    expect(byUid[0]).toBeCloseTo(0.7, 9);
  });

  describe('with the base model as a contestant', () => {
    const all = neurons(['a', 0.2], ['b', 0.5], ['c', 0.3]);

    it('gives nothing to who does not beat it by 4 %, whatever the past and the consensus', () => {
      const { byUid, averages, scores, worthless } = compute({
        scored: [scored('a', 1), scored('b', 1.92), scored('c', 1.9)],
        baselineLossNatsPerToken: 2,
        previous: { a: 0.1, b: 0.8, c: 0.1 },
        neurons: all,
      });
      expect([...worthless]).toEqual(['b']);
      expect(Object.keys(byUid)).toEqual(['0', '2']);
      expect(averages.b).toBe(0);
      expect(Object.fromEntries(scores)).toEqual({ a: 1, c: 0.5 });
    });

    it('lets who does not beat it be nobody’s rival: losers change nothing between the others', () => {
      const two = { scored: [scored('a', 1), scored('b', 1.5)], baselineLossNatsPerToken: 2, neurons: all };
      const { scores } = compute({ ...two, scored: [...two.scored, scored('c', 3)] });
      expect(scores).toEqual(compute(two).scores);
    });

    it('has somebody to compare a lone miner with: it earns from beating it, and takes nobody’s share', () => {
      const previous = { a: 0.5, b: 0.5 };
      const newcomer = { scored: [scored('c', 1)], baselineLossNatsPerToken: 2, previous, neurons: all };
      expect(compute(newcomer).averages.c).toBeCloseTo(1 / 3, 9);
      expect(compute({ ...newcomer, scored: [scored('a', 1)] }).averages).toEqual(previous);
    });

    it('takes back what was set before where nobody beats it, and keeps it while others could not be evaluated', () => {
      const lost = { scored: [scored('a', 3)], baselineLossNatsPerToken: 2, neurons: neurons(['a', 0.6], ['b', 0.4]) };
      expect(compute({ ...lost, previous: { a: 1 } })).toMatchObject({ weights: [], action: 'take-back' });
      expect(compute({ ...lost, unjudged: new Set(['b']) })).toMatchObject({ weights: [], action: 'keep' });
      const others = { ...lost, previous: { a: 0.5, b: 0.5 }, unjudged: new Set(['b']) };
      expect(compute(others)).toMatchObject({ byUid: { 1: 1 }, averages: { a: 0, b: 0.5 }, action: 'set' });
    });
  });

  it('has the same result, by uid, in whatever order things come in', () => {
    const parameters = {
      scored: [scored('a', 1), scored('b', 1.1, 20), scored('c', 1.3, 30)],
      previous: { a: 0.1, b: 0.2, c: 0.7 },
      neurons: neurons(['a', 0.3], ['b', 0.3], ['c', 0.1]),
    };
    const { weights, averages } = compute(parameters);
    const turned = compute({
      scored: parameters.scored.toReversed(),
      previous: { c: 0.7, b: 0.2, a: 0.1 },
      neurons: parameters.neurons.toReversed(),
    });
    expect(turned.weights).toStrictEqual(weights);
    expect(turned.averages).toStrictEqual(averages);
    expect(weights.map(({ uid }) => uid)).toEqual([0, 1, 2]);
  });

  it('changes none of its arguments', () => {
    const previous = Object.freeze({ a: 0.5, b: 0.5 });
    const parameters = {
      scored: [scored('a', 1)],
      rejected: new Set(['b']),
      previous,
      neurons: neurons(['a', 0.5], ['b']),
    };
    const before = structuredClone(parameters);
    computeWeights(parameters);
    expect(parameters).toEqual(before);
  });

  it('always gives finite weights of registered, unrejected uids that sum to 1', () => {
    const miner = fc.record({
      loss: fc.option(fc.double({ min: 0, max: 1000, noNaN: true })),
      block: fc.nat({ max: 3 }),
      rejected: fc.boolean(),
      previous: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
      consensus: fc.double({ min: 0, max: 0.3, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(miner, { maxLength: 12 }),
        fc.option(fc.double({ min: 0, max: 1000, noNaN: true })),
        (miners, baseline) => {
          const name = (i: number) => `m${i}`;
          const rejected = new Set(miners.flatMap((m, i) => (m.rejected ? name(i) : [])));
          const { weights, averages, worthless } = compute({
            baselineLossNatsPerToken: baseline,
            scored: miners.flatMap(({ loss, block }, i) => (loss === null ? [] : scored(name(i), loss, block))),
            rejected,
            previous: Object.fromEntries(miners.map((m, i) => [name(i), m.previous])),
            neurons: neurons(...miners.map((m, i): [string, number] => [name(i), m.consensus])),
          });
          for (const { uid, weight } of weights) {
            expect(rejected.has(name(uid)) || worthless.has(name(uid))).toBe(false);
            expect(weight).toBeGreaterThanOrEqual(0.9e-6);
          }
          if (weights.length > 0) expect(weights.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
          for (const hotkey of [...rejected, ...worthless]) expect(averages[hotkey]).toBe(0);
        },
      ),
    );
  });
});
