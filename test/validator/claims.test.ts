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

  test('are earlier datasets beyond eight', () => {
    const earlier = Array.from({ length: 10 }, (_, i) => shown(`c${i}`, { rows: 1 }));
    const ledger = ledgerOf({ ann: [shown('now', { rows: 10 }), ...earlier] });
    forget(ledger, { ann: 'now' });
    expect(commitsOf(ledger)).toEqual(['now', ...earlier.slice(0, 8).map(({ commit }) => commit)]);
  });

  test('are earlier datasets beyond as many rows as one dataset may have', () => {
    const earlier = [6, 4, 1].map((rows) => shown(`rows ${rows}`, { rows }));
    const ledger = ledgerOf({ ann: [shown('now'), ...earlier] });
    forget(ledger, { ann: 'now' });
    expect(commitsOf(ledger)).toEqual(['now', 'rows 6', 'rows 4']);
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
