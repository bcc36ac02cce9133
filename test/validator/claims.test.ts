import { describe, expect, test } from 'vitest';
import { Competition } from '../../src/schema/competition.ts';
import { reject } from '../../src/schema/verdict.ts';
import { forgetClaims, noteEvaluations } from '../../src/validator/claims.ts';
import { Ledger } from '../../src/validator/ledger/ledger.ts';
import type { ShownDataset } from '../../src/validator/ledger/showing.ts';
import type { Outcome } from '../../src/validator/outcome.ts';
import type { Validator } from '../../src/validator/validator.ts';
import { pointersTo, shown } from './shown.ts';

const validator = { competition: Competition.parse({ claimBlocks: 100, maxRows: 10 }) } as Validator;
const ledgerOf = (showings: Record<string, ShownDataset[]>) =>
  new Ledger(
    Object.entries(showings).map(([hotkey, list]) => ({
      ...{ hotkey, coldkey: '', received: [], unreadable: null },
      showings: list,
    })),
  );
const commitsOf = (ledger: Ledger, hotkey = 'ann') => ledger.of(hotkey)?.showings.map(({ commit }) => commit);

describe('what an evaluation says of a claim', () => {
  const settled: Outcome = { kind: 'scored', lossNatsPerToken: 1 };
  const rejected = (reason: 'duplicate' | 'dataset-missing' | 'dataset-denied' | 'foreign-dataset'): Outcome => ({
    kind: 'rejected',
    verdict: { reason, message: '' },
  });
  function noted(outcome: Outcome, { below = false, before = null as boolean | null } = {}): ShownDataset {
    const ledger = ledgerOf({ ann: [shown('c', { beatsBaseline: before })] });
    const found = { outcomes: new Map([['ann', outcome]]), worthless: new Set(below ? ['ann'] : []) };
    noteEvaluations(validator, { ledger, pointers: pointersTo({ ann: 'c' }), block: 50 }, found);
    return ledger.of('ann')!.showings[0]!;
  }

  test('who beats the base model keeps it, who does not loses it', () => {
    expect(noted(settled)).toMatchObject({ beatsBaseline: true, lostBlock: null });
    expect(noted(settled, { below: true })).toMatchObject({ beatsBaseline: false, lostBlock: 50 });
    expect(noted(settled, { before: false })).toMatchObject({ beatsBaseline: true, lostBlock: null });
  });

  test('who is refused for its rows loses it', () => {
    expect(noted(rejected('duplicate'), { before: true })).toMatchObject({ beatsBaseline: false, lostBlock: 50 });
  });

  test('verdicts on access and faults of others say nothing about the rows', () => {
    for (const reason of ['dataset-missing', 'dataset-denied', 'foreign-dataset'] as const)
      expect(noted(rejected(reason), { before: true })).toMatchObject({ beatsBaseline: true, lostBlock: null });
    const postponed: Outcome = { kind: 'postponed', by: 'hub', message: '' };
    expect(noted(postponed)).toMatchObject({ beatsBaseline: null, lostBlock: null });
  });

  test('nothing is noted where nothing changed, or of a dataset that was never read', () => {
    const ledger = ledgerOf({ ann: [shown('c', { beatsBaseline: true })] });
    const pointers = pointersTo({ ann: 'c', ben: 'c' });
    const outcomes = new Map([
      ['ann', settled],
      ['ben', settled],
      ['gone', settled],
    ]);
    noteEvaluations(validator, { ledger, pointers, block: 50 }, { outcomes, worthless: new Set() });
    expect(ledger.takeChanges()).toEqual({ put: [], removed: [] });
  });

  test('a dataset that no valid pointer names any more loses it', () => {
    const one = shown('c');
    const ledger = ledgerOf({ ann: [one], ben: [one], cid: [one], dan: [shown('c', { repo: 'a/other' })] });
    const pointers = pointersTo({ ann: 'd', dan: 'c' });
    pointers.set('ben', { ...pointers.get('ann')!, hotkey: 'ben', submission: reject('invalid-pointer', '') });
    const found = { outcomes: new Map<string, Outcome>([['ben', settled]]), worthless: new Set<string>() };
    noteEvaluations(validator, { ledger, pointers, block: 50 }, found);
    expect(ledger.entries.map(({ showings }) => showings[0]!.lostBlock)).toEqual([50, 50, 50, 50]);
  });
});

describe('what is forgotten', () => {
  const forget = (ledger: Ledger, commits: Record<string, string>, block = 50) =>
    forgetClaims(validator, { ledger, pointers: pointersTo(commits), block });

  test('is a dataset whose claim ended as long ago as it lasted, and not a block earlier', () => {
    const ledger = ledgerOf({ ann: [shown('now'), shown('lost', { lostBlock: 20 })] });
    forget(ledger, { ann: 'now' }, 220);
    expect(commitsOf(ledger)).toEqual(['now', 'lost']);
    forget(ledger, { ann: 'now' }, 221);
    expect(commitsOf(ledger)).toEqual(['now']);
  });

  test('is never what the pointer names, and nothing is written where all is kept', () => {
    const ledger = ledgerOf({ ann: [shown('now', { lostBlock: 20 })] });
    forget(ledger, { ann: 'now' }, 10_000);
    expect(commitsOf(ledger)).toEqual(['now']);
    expect(ledger.takeChanges()).toEqual({ put: [], removed: [] });
  });

  const many = (count: number, rows: number, beatsBaseline: boolean | null = true) =>
    Array.from({ length: count }, (_, i) =>
      shown(`c${i}`, { rows, beatsBaseline, lostBlock: 40 - Math.floor(i / 10) }),
    );
  const hotkeys = (count: number) => Array.from({ length: count }, (_, i) => `hotkey ${i}`);

  test('is nothing of a hotkey that has shown many while others have shown little', () => {
    const ledger = ledgerOf({ ann: [shown('now'), ...many(200, 10)], ben: [shown('now'), ...many(300, 1)] });
    forget(ledger, { ann: 'now', ben: 'now' });
    expect([commitsOf(ledger)!.length, commitsOf(ledger, 'ben')!.length]).toEqual([201, 301]);
    expect(ledger.takeChanges()).toEqual({ put: [], removed: [] });
  });

  test.each([null, false])(
    'is of rows that never beat the base model (%s) what is more than one dataset has',
    (beats) => {
      const ledger = ledgerOf({
        ann: [shown('now'), ...many(200, 10, beats)],
        ben: [shown('now'), ...many(300, 1, beats)],
      });
      forget(ledger, { ann: 'now', ben: 'now' });
      expect(commitsOf(ledger)).toEqual(['now', 'c0']);
      expect(commitsOf(ledger, 'ben')).toEqual(['now', ...many(8, 1).map(({ commit }) => commit)]);
    },
  );

  test('is of those who have shown most what is more than one machine can keep, by the end of its claim', () => {
    const ended = shown('ended', { rows: 10, beatsBaseline: true, lostBlock: -60 });
    const shownMost = Object.fromEntries(hotkeys(100).map((hotkey) => [hotkey, [ended, ...many(14, 10)]]));
    const ledger = ledgerOf({ ...shownMost, ann: [shown('now'), ...many(2, 10)], ben: many(100, 1) });
    forget(ledger, { ann: 'now' });
    expect(commitsOf(ledger)).toEqual(['now', 'c0', 'c1']);
    // 25 rows are left for each of the others, as 256 of them have 10; eight small datasets count as 10 rows.
    expect(commitsOf(ledger, 'ben')).toEqual(many(20, 1).map(({ commit }) => commit));
    for (const hotkey of hotkeys(100)) expect(commitsOf(ledger, hotkey)).toEqual(['c0', 'c1']);
  });

  test('is never more of anybody than beyond the rows of one dataset, and of eight datasets', () => {
    const all = hotkeys(1_000).map((hotkey): [string, ShownDataset[]] => [hotkey, many(20, 10)]);
    const ledger = ledgerOf({ ...Object.fromEntries(all), ann: many(20, 1) });
    forget(ledger, {});
    expect(commitsOf(ledger)).toEqual(many(8, 1).map(({ commit }) => commit));
    for (const hotkey of hotkeys(1_000)) expect(commitsOf(ledger, hotkey)).toEqual(['c0']);
  });

  test('is a hotkey without a pointer of which nothing is left', () => {
    const gone = shown('c', { lostBlock: 20 });
    const ledger = ledgerOf({ ann: [gone], ben: [gone], cid: [shown('c')] });
    const pointers = pointersTo({ ben: 'd' });
    pointers.set('ben', { ...pointers.get('ben')!, submission: reject('invalid-pointer', '') });
    forgetClaims(validator, { ledger, pointers, block: 300 });
    expect(['ann', 'ben', 'cid'].map((hotkey) => commitsOf(ledger, hotkey))).toEqual([undefined, [], ['c']]);
  });
});
