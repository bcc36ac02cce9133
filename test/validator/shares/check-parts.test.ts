import { expect, test } from 'vitest';
import {
  addOwnWeights,
  checkParts,
  type WeightsByCompetition,
} from '../../../src/validator/receipts/audit/check-parts.ts';
import type { Receipt } from '../../../src/validator/receipts/receipt.ts';
import type { BlendPart } from '../../../src/validator/shares/blend.ts';

// What a validator may write into the parts of its report to have weights that no report comes to.

const one = (uid: number) => [{ uid, hotkey: `h${uid}`, weight: 1 }];

interface Made {
  startBlock: number;
  action?: 'set' | 'keep' | 'take-back';
  weights?: BlendPart['weights'];
  parts?: BlendPart[];
}

function report(competition: string, { startBlock, action = 'set', weights = one(1), ...made }: Made): Receipt {
  const { parts = ['a', 'b'].map((id) => part(id)) } = made;
  return {
    competition,
    previous: null,
    inputs: {
      lastStartBlock: null,
      ...{ epoch: { startBlock }, end: { block: startBlock + 300 }, blend: { parts, weights: [] } },
      weighed: { action, weights: action === 'set' ? weights : [] },
    },
  } as unknown as Receipt;
}

const part = (competition: string, more: Partial<BlendPart> = {}): BlendPart => ({
  ...{ competition, share: 0.5, from: 'epoch', startBlock: 720, missed: 0, weights: one(1), ...more },
});

/** What is found in the report of competition a of block 720, with those before it. */
function found(own: Omit<Made, 'startBlock'>, before: Receipt[] = []): string[] {
  const receipt = report('a', { startBlock: 720, ...own });
  const all: WeightsByCompetition = new Map();
  for (const each of [...before, receipt]) addOwnWeights(all, each);
  return checkParts(receipt, all).findings.map(({ place, why }) => `${place} ${why}`);
}

const B = report('b', { startBlock: 360, weights: one(2) });
const b = part('b', { from: 'earlier', startBlock: 360, weights: one(2) });

test('parts that a validator has are found to be in order', () => {
  expect(found({ parts: [part('a'), b] }, [B])).toEqual([]);
  const none = { weights: [], startBlock: null };
  for (const from of ['empty', 'unknown'] as const)
    expect(found({ parts: [part('a'), part('c', { from, ...none })] })).toEqual([]);
  const nobody = report('b', { startBlock: 360, action: 'take-back' });
  expect(found({ parts: [part('a'), part('b', { from: 'nobody', startBlock: 360, weights: [] })] }, [nobody])).toEqual(
    [],
  );
});

const FRIEND = one(9);
test.each<[string, BlendPart[], RegExp]>([
  [
    'weights of a competition that is made up',
    [part('a'), part('zzz', { from: 'earlier', startBlock: null, weights: FRIEND })],
    /parts\[1\]\.startBlock is null, and what is earlier has one/,
  ],
  [
    'weights of one that is said to have none',
    [part('a'), part('zzz', { from: 'empty', startBlock: null, weights: FRIEND })],
    /parts\[1\]\.weights are .*, and what is empty has none/,
  ],
  [
    'weights of one in which nobody is worth any',
    [part('a'), part('b', { from: 'nobody', startBlock: 360, weights: FRIEND })],
    /parts\[1\]\.weights are .*, and what is nobody has none/,
  ],
  [
    'no weights of one that has some',
    [part('a'), part('b', { from: 'earlier', startBlock: 360, weights: [] })],
    /parts\[1\]\.weights are none, and what is earlier has some/,
  ],
  [
    'the own competition twice',
    [part('a'), part('a', { from: 'earlier', startBlock: 360, weights: FRIEND })],
    /parts\[1\]\.competition is a, which is named before/,
  ],
  ['shares of more than all', [part('a'), { ...b, share: 0.6 }], /parts have shares that sum to 1\.1/],
  ['other weights than its report has', [part('a'), { ...b, weights: FRIEND }], /parts\[1\]\.weights\[0\]/],
])('%s are found', (_, parts, finding) => {
  expect(found({ parts }, [B]).join('\n')).toMatch(finding);
});

test('a portion is one of other weights only where the reports of all that may have been sent are given', () => {
  const sent = (competition: string, startBlock: number, shares: [number, number], own: Partial<Receipt> = {}) => {
    const of = (id: string, share: number) => part(id, { share, startBlock });
    const receipt = report(competition, { startBlock, parts: [of('a', shares[0]), of('b', shares[1])] });
    const blend = { ...receipt.inputs.blend!, restUid: null, action: 'set' as const, countsFrom: startBlock + 310 };
    return { ...receipt, version: 2, inputs: { ...receipt.inputs, blend: { ...blend, weights: one(1) } }, ...own };
  };
  const first = [sent('a', 0, [0.5, 0.5]), sent('b', 0, [0.5, 0.5])];
  const second = [sent('a', 360, [0.2, 0.8]), sent('b', 360, [0.2, 0.8])];
  const last = sent('a', 720, [0.2, 0.8]);
  Object.assign(last.inputs.blend!, { portion: 0.2 });
  const lastOfB = sent('b', 720, [0.2, 0.8]);
  const checked = (...given: Receipt[]) => {
    const all: WeightsByCompetition = new Map();
    for (const each of [...given, last]) addOwnWeights(all, each);
    const { findings, unchecked } = checkParts(last, all);
    const of = unchecked.filter((line) => line.startsWith('whether competition a had 0.2'));
    return [findings.filter(({ place }) => place === 'inputs.blend.portion').length, of.length];
  };
  expect(checked(...first, ...second, lastOfB)).toEqual([0, 0]);
  // Where the second were not sent, the portion is another; or where their reports could not be stored, it is not known.
  expect(checked(...first, lastOfB)).toEqual([1, 0]);
  Object.assign(lastOfB, { previous: { startBlock: 0, sha256: '' } });
  lastOfB.inputs.lastStartBlock = 360;
  expect(checked(...first, lastOfB)).toEqual([0, 1]);
  // None of the other is given; the last of the other could not be stored.
  expect(checked(first[0]!, second[0]!)).toEqual([0, 1]);
  expect(checked(...first, second[0]!)).toEqual([0, 1]);
});

test('own weights that stand, where the epoch comes to none, are those of the last report that came to some', () => {
  const first = report('a', { startBlock: 0, weights: one(3) });
  const second = report('a', { startBlock: 360, weights: one(1) });
  const stands = (startBlock: number, weights: BlendPart['weights']) =>
    found({ action: 'keep', parts: [part('a', { from: 'earlier', startBlock, weights }), b] }, [first, second, B]);
  expect(stands(360, one(1))).toEqual([]);
  expect(stands(360, FRIEND)).toEqual([expect.stringContaining('parts[0].weights[0].hotkey is "h9"')]);
  expect(stands(0, one(3))).toEqual([
    expect.stringContaining('parts[0].startBlock is 0, and the report of competition a'),
  ]);
  const kept = report('a', { startBlock: 540, action: 'keep' });
  expect(
    found({ action: 'keep', parts: [part('a', { from: 'earlier', startBlock: 540, weights: FRIEND })] }, [kept]),
  ).toEqual([expect.stringContaining('came to no weights')]);
});

test('what a competition had before it was left out for a while is forgotten', () => {
  const b2 = report('b', { startBlock: 540, parts: [part('b')] });
  const again = part('a', { from: 'empty', startBlock: null, weights: [] });
  const first = report('a', { startBlock: 0 });
  expect(found({ action: 'keep', parts: [again, b] }, [first, B])).toEqual([
    expect.stringContaining('parts[0].startBlock is null, and the report of competition a of block 0'),
  ]);
  const parts = [again, part('b', { from: 'earlier', startBlock: 540 })];
  expect(found({ action: 'keep', parts }, [first, B, b2])).toEqual([]);
});
