import { expect, test } from 'vitest';
import { accept, reject } from '../../src/schema/verdict.ts';
import type { Outcome } from '../../src/validator/outcome.ts';
import type { ReadPointer } from '../../src/validator/pointers.ts';
import {
  averagesOf,
  nextStandings,
  type Standings,
  standingVerdicts,
  storedAverages,
} from '../../src/validator/standing.ts';

const postponed: Outcome = { kind: 'postponed', by: 'hub', message: 'the Hub did not serve it' };
const unlabelled = { reason: 'no-labels', message: 'no label' } as const;
const everything = { hub: true, checker: true, trainer: true, miner: true };

function pointerTo(commit: string): Map<string, ReadPointer> {
  const pointer = { repo: 'a/b', competition: '1', commit };
  const submission = accept({ uid: 0, hotkey: 'ann', pointer, commitBlock: 1 });
  return new Map([['ann', { uid: 0, hotkey: 'ann', coldkey: '', text: '', submission }]]);
}

/** What ann has left of 1 after that many epochs of one outcome, and what is kept of her. */
function after(epochs: number, outcome: Outcome, served = everything) {
  let standings: Standings = { ann: { average: 1, refused: null, postponedEpochs: 0 } };
  const outcomes = new Map([['ann', outcome]]);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const averages = averagesOf({ outcomes, standings, served });
    standings = nextStandings({ ...kept(outcomes, standings, served), averages });
  }
  return standings.ann!;
}
const kept = (outcomes: Map<string, Outcome>, standings: Standings, served = everything) => {
  return {
    pointers: pointerTo('c'),
    outcomes,
    standings,
    served,
    neurons: [{ hotkey: 'ann' }],
    ownRowsOf: () => 'rows',
  };
};

test('averages that version 0.1.0 stored a rounding error below 0 are 0', () => {
  const standing = { refused: null, postponedEpochs: 0 };
  const standings = { ann: { ...standing, average: -2.2e-16 }, ben: { ...standing, average: 1 } };
  expect(storedAverages({ ...standings, cid: { ...standing, average: null } })).toEqual({ ann: 0, ben: 1 });
});

test('a dataset that cannot be evaluated while others can keeps its share for three epochs, then half of it each time', () => {
  const shares = [1, 2, 3, 4, 5, 6].map((epochs) => after(epochs, postponed).average);
  expect(shares).toEqual([1, 1, 1, 0.5, 0.25, 0.125]);
  expect(after(22, postponed).average).toBeGreaterThan(0);
  expect(after(23, postponed).average).toBe(0);
});

test('the least share that is left is a millionth', () => {
  const standings = (average: number | null) => ({ ann: { average, refused: null, postponedEpochs: 3 } });
  const outcomes = new Map([['ann', postponed]]);
  const left = (average: number | null) =>
    averagesOf({ outcomes, standings: standings(average), served: everything }).ann;
  expect([left(2e-6), left(1.9e-6), left(null)]).toEqual([1e-6, 0, undefined]);
});

test('who keeps others waiting loses its share as who cannot be evaluated does', () => {
  expect(after(5, { ...postponed, by: 'miner' }).average).toBe(0.25);
  expect(after(5, { ...postponed, by: 'miner' }, { ...everything, miner: false }).average).toBe(1);
});

test('defect 6: an outage of ours lasts as long as it lasts: nobody loses anything while nobody can be evaluated', () => {
  expect(after(100, postponed, { ...everything, hub: false }).average).toBe(1);
  expect(after(100, { ...postponed, by: 'trainer' }, { ...everything, trainer: false }).average).toBe(1);
});

/** What ann has left of 1 where evaluations change nothing, `f` is an epoch without one, `s` one with it. */
function shareAfter(pattern: string): number {
  let standings: Standings = { ann: { average: 1, refused: null, postponedEpochs: 0 } };
  for (const epoch of pattern) {
    const outcome: Outcome = epoch === 'f' ? postponed : { kind: 'scored', lossNatsPerToken: 1 };
    const outcomes = new Map([['ann', outcome]]);
    const averages = averagesOf({ outcomes, standings, served: everything });
    standings = nextStandings({ ...kept(outcomes, standings), averages });
  }
  return standings.ann!.average!;
}

test('a file that fails now and then freezes no share: each evaluation gives a quarter of an epoch of grace back', () => {
  expect(shareAfter('fffsfffsfffs')).toBeLessThan(1 / 16);
  expect(shareAfter('fs'.repeat(20))).toBeLessThan(1e-3);
  expect(shareAfter('fsss'.repeat(40))).toBeLessThan(1e-3);
  expect(shareAfter('fssss'.repeat(40))).toBe(1);
});

test('after sixteen evaluations the whole grace is back, however long it failed before', () => {
  const before = shareAfter('f'.repeat(8));
  expect(shareAfter(`${'f'.repeat(8)}${'s'.repeat(16)}fff`)).toBe(before);
  expect(shareAfter(`${'f'.repeat(8)}${'s'.repeat(16)}ffff`)).toBe(before / 2);
});

test.each(['dataset-missing', 'dataset-denied', 'foreign-dataset', 'duplicate', 'evaluation-rows'] as const)(
  'the verdict %s is come to anew in each epoch: none stands from an earlier one',
  (reason) => {
    const outcomes = new Map<string, Outcome>([['ann', { kind: 'rejected', verdict: { reason, message: '' } }]]);
    expect(nextStandings({ ...kept(outcomes, {}), averages: {} }).ann!.refused).toBeNull();
  },
);

test('a count of rows that rests on rows of others is come to anew, and one on the file itself stands', () => {
  const leftOut = { others: 4, evaluation: 0, repeats: 0, sources: [], examples: [] };
  const refusedFor = (facts: { rows: number; minRows: number; leftOut?: typeof leftOut }) => {
    const verdict = { reason: 'row-count', message: '', facts } as const;
    const outcomes = new Map<string, Outcome>([['ann', { kind: 'rejected', verdict }]]);
    return nextStandings({ ...kept(outcomes, {}), averages: {} }).ann!.refused;
  };
  expect(refusedFor({ rows: 5, minRows: 2, leftOut })).toBeNull();
  expect(refusedFor({ rows: 1, minRows: 2 })).toMatchObject({ commit: 'c', ownRows: 'rows' });
});

test('a verdict on the rows that are its own stands as long as those are the same', () => {
  const standing = (ownRows?: string | null): Standings => ({
    ann: { average: 0, refused: { repo: 'a/b', commit: 'c', verdict: unlabelled, ownRows }, postponedEpochs: 0 },
  });
  const verdict = (standings: Standings, now: string | null) =>
    standingVerdicts({ pointers: pointerTo('c'), outcomes: new Map(), standings, ownRowsOf: () => now }).get('ann');
  expect(verdict(standing('all'), 'all')).toEqual(unlabelled);
  expect(verdict(standing('all'), 'some')).toBeUndefined();
  expect(verdict(standing(null), null)).toEqual(unlabelled);
  // As an earlier version stored it.
  expect(verdict(standing(), 'all')).toEqual(unlabelled);
  const unknown = standing();
  unknown.ann!.refused!.verdict = { reason: 'not-evaluable', message: '', facts: { of: 1 } } as never;
  expect(verdict(unknown, 'all')).toBeUndefined();
});

test('a verdict on the content is kept with what was read, and stays while the miner is not drawn', () => {
  const outcomes = new Map<string, Outcome>([['ann', { kind: 'rejected', verdict: unlabelled }]]);
  const standings = nextStandings({ ...kept(outcomes, { ann: after(2, postponed) }), averages: {} });
  const refused = { repo: 'a/b', commit: 'c', verdict: unlabelled, ownRows: 'rows' };
  expect(standings).toEqual({ ann: { average: null, refused, postponedEpochs: 1.75 } });
  const waiting = { ann: { ...standings.ann!, average: 0.5, postponedEpochs: 2 } };
  expect(nextStandings({ ...kept(new Map(), waiting), averages: { ann: 0.25 } })).toEqual({
    ann: { average: 0.25, refused, postponedEpochs: 2 },
  });
  const invalid = reject('invalid-pointer', '');
  const pointers = new Map([['ann', { ...pointerTo('c').get('ann')!, submission: invalid }]]);
  for (const none of [pointers, new Map()])
    expect(nextStandings({ ...kept(outcomes, {}), pointers: none, averages: {} }).ann!.refused).toBeNull();
});

test('a verdict stands until the pointer names something else or the miner is evaluated again', () => {
  const standings: Standings = {
    ann: { average: 0, refused: { repo: 'a/b', commit: 'c', verdict: unlabelled }, postponedEpochs: 0 },
  };
  const verdictOn = (commit: string, outcome?: Outcome) =>
    standingVerdicts({
      pointers: pointerTo(commit),
      outcomes: new Map(outcome ? [['ann', outcome]] : []),
      standings,
      ownRowsOf: () => null,
    }).get('ann');
  expect(verdictOn('c')).toEqual(unlabelled);
  expect(verdictOn('c', postponed)).toEqual(unlabelled);
  expect(verdictOn('d')).toBeUndefined();
  expect(verdictOn('c', { kind: 'scored', lossNatsPerToken: 1 })).toBeUndefined();
  expect(verdictOn('c', { kind: 'rejected', verdict: { reason: 'diverged', message: '' } })).toBeUndefined();
  const moved = { ...standings, ann: { ...standings.ann!, refused: { ...standings.ann!.refused!, repo: 'a/other' } } };
  const pointers = pointerTo('c');
  expect(standingVerdicts({ pointers, outcomes: new Map(), standings: moved, ownRowsOf: () => null })).toEqual(
    new Map(),
  );
  expect(standingVerdicts({ pointers, outcomes: new Map(), standings: {}, ownRowsOf: () => null })).toEqual(new Map());
  const invalid = { ...pointerTo('c').get('ann')!, submission: reject('invalid-pointer', '') };
  expect(
    standingVerdicts({ pointers: new Map([['ann', invalid]]), outcomes: new Map(), standings, ownRowsOf: () => null }),
  ).toEqual(new Map());
});

test('who left the subnet is forgotten, and who was never evaluated has no average', () => {
  const standings: Standings = { gone: { average: 0.5, refused: null, postponedEpochs: 0 } };
  const outcomes = new Map<string, Outcome>([['ann', postponed]]);
  const neurons = [{ hotkey: 'ann' }, { hotkey: 'idle' }];
  expect(nextStandings({ ...kept(outcomes, standings), averages: {}, neurons })).toEqual({
    ann: { average: null, refused: null, postponedEpochs: 1 },
    idle: { average: null, refused: null, postponedEpochs: 0 },
  });
});
