import { expect, test } from 'vitest';
import { accept } from '../../src/schema/verdict.ts';
import type { Outcome } from '../../src/validator/outcome.ts';
import type { ReadPointer } from '../../src/validator/pointers.ts';
import { averagesOf, nextStandings, type Standings, standingVerdicts } from '../../src/validator/standing.ts';

const postponed: Outcome = { kind: 'postponed', by: 'hub', message: 'the Hub did not serve it' };
const duplicate = { reason: 'duplicate', message: 'a copy' } as const;
const everything = { hub: true, trainer: true };

function pointerTo(commit: string): Map<string, ReadPointer> {
  const pointer = { repo: 'a/b', competition: '1', commit };
  const submission = accept({ uid: 0, hotkey: 'ann', pointer, commitBlock: 1 });
  return new Map([['ann', { uid: 0, hotkey: 'ann', text: '', submission }]]);
}

/** The verdict on ann after that many epochs of one outcome, and what is kept of her. */
function after(epochs: number, outcome: Outcome, served = everything) {
  let standings: Standings = {};
  const pointers = pointerTo('c');
  for (let epoch = 0; ; epoch++) {
    const outcomes = new Map([['ann', outcome]]);
    const verdicts = standingVerdicts({ pointers, outcomes, standings, served });
    if (epoch === epochs || verdicts.size > 0) return { verdict: verdicts.get('ann'), standings, epoch };
    standings = nextStandings({ pointers, outcomes, standings, served, averages: {}, neurons: [{ hotkey: 'ann' }] });
  }
}

test('averages that version 0.1.0 stored a rounding error below 0 are 0', () => {
  const standing = { refused: null, postponedEpochs: 0 };
  const standings = { ann: { ...standing, average: -2.2e-16 }, ben: { ...standing, average: 1 } };
  expect(averagesOf({ ...standings, cid: { ...standing, average: null } })).toEqual({ ann: 0, ben: 1 });
});

test('a dataset that cannot be evaluated is postponed ten times while others can, then refused with the last fault', () => {
  const { verdict, epoch } = after(100, postponed);
  expect(epoch).toBe(10);
  expect(verdict).toEqual({
    reason: 'not-evaluable',
    message: 'could not be evaluated in more than 10 epochs while others could: the Hub did not serve it',
  });
});

test('defect 6: an outage of ours lasts as long as it lasts: nobody is refused while nobody can be evaluated', () => {
  expect(after(100, postponed, { hub: false, trainer: true }).verdict).toBeUndefined();
  expect(after(100, { ...postponed, by: 'trainer' }, { hub: true, trainer: false }).verdict).toBeUndefined();
});

test('one evaluation in between begins the count anew', () => {
  const { standings } = after(9, postponed);
  expect(standings.ann!.postponedEpochs).toBe(9);
  const outcomes = new Map<string, Outcome>([['ann', { kind: 'scored', lossNatsPerToken: 1 }]]);
  const next = { pointers: pointerTo('c'), outcomes, standings, served: everything };
  expect(nextStandings({ ...next, averages: { ann: 1 }, neurons: [{ hotkey: 'ann' }] })).toEqual({
    ann: { average: 1, refused: null, postponedEpochs: 0 },
  });
});

test('a verdict stands until the pointer names something else or the miner is evaluated again', () => {
  const standings: Standings = {
    ann: { average: 0, refused: { repo: 'a/b', commit: 'c', verdict: duplicate }, postponedEpochs: 0 },
  };
  const verdictOn = (commit: string, outcome?: Outcome) =>
    standingVerdicts({
      pointers: pointerTo(commit),
      outcomes: new Map(outcome ? [['ann', outcome]] : []),
      standings,
      served: everything,
    }).get('ann');
  expect(verdictOn('c')).toEqual(duplicate);
  expect(verdictOn('c', postponed)).toEqual(duplicate);
  expect(verdictOn('d')).toBeUndefined();
  expect(verdictOn('c', { kind: 'scored', lossNatsPerToken: 1 })).toBeUndefined();
});

test('who left the subnet is forgotten, and who was never evaluated has no average', () => {
  const standings: Standings = { gone: { average: 0.5, refused: null, postponedEpochs: 0 } };
  const outcomes = new Map<string, Outcome>([['ann', postponed]]);
  const kept = { pointers: pointerTo('c'), outcomes, standings, served: everything, averages: {} };
  expect(nextStandings({ ...kept, neurons: [{ hotkey: 'ann' }, { hotkey: 'idle' }] })).toEqual({
    ann: { average: null, refused: null, postponedEpochs: 1 },
    idle: { average: null, refused: null, postponedEpochs: 0 },
  });
});
