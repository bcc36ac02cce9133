import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allBits,
  clearBit,
  hasBit,
  packBits,
  packNumbers,
  unpackBits,
  unpackNumbers,
} from '../../../src/validator/ledger/packed.ts';
import { blockOf, endOf, toPosition } from '../../../src/validator/ledger/position.ts';
import {
  claimedRows,
  claimedUntil,
  claimsOf,
  evaluated,
  firstShownAt,
  namedAgain,
  type ShownDataset,
  settleClaim,
  waitsToBeClaimed,
} from '../../../src/validator/ledger/showing.ts';

const claimBlocks = 100;
const shown: ShownDataset = {
  ...{ repo: 'a/b', commit: 'c', sha256: 'd', rows: 3, position: toPosition(10, 2, 0) },
  shownAt: packNumbers(new Float64Array(3).fill(toPosition(10, 2, 0))),
  ...{ readable: true, beatsBaseline: null, lostBlock: null, judgement: null },
};
const datesOf = ({ shownAt, rows }: ShownDataset) => [...unpackNumbers(shownAt, rows)].map(blockOf);
const settled = (showing: ShownDataset, block: number, named = true) =>
  settleClaim({ showing, named, block, claimBlocks });

describe('what is stored of rows', () => {
  test('is what was packed', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.double({ noNaN: true }), flag: fc.boolean() })), (rows) => {
        const numbers = Float64Array.from(rows, ({ at }) => at);
        expect(unpackNumbers(packNumbers(numbers), rows.length)).toEqual(numbers);
        const bits = allBits(rows.length);
        for (const [row, { flag }] of rows.entries()) if (!flag) clearBit(bits, row);
        const back = unpackBits(packBits(bits), rows.length);
        expect(rows.map((_, row) => hasBit(back, row))).toEqual(rows.map(({ flag }) => flag));
      }),
    );
  });

  test('is refused where it unpacks to other than its rows, however much that would be', () => {
    const packed = packNumbers(new Float64Array(1_000_000));
    expect(unpackNumbers(packed, 1_000_000)).toHaveLength(1_000_000);
    for (const rows of [0, 1, 999_999, 1_000_001, 1e12])
      expect(() => unpackNumbers(packed, rows)).toThrowError(
        expect.objectContaining({
          code: 'state-damaged',
          sentence: `what is stored of a dataset's rows does not unpack to ${8 * rows} bytes. Check the disk, then start again: that tells what a repair would give back.`,
          facts: { path: 'ledger' },
        }),
      );
  });
});

test('places that are not known come after all known ones of their block, the lower uid first', () => {
  const order = [
    toPosition(5, 0, 9),
    toPosition(5, 900, 9),
    toPosition(5, null, 3),
    toPosition(5, null, 4),
    toPosition(5, null, 65_535),
    toPosition(6, 0, 0),
  ];
  expect(new Set(order).size).toBe(order.length);
  expect(order.toSorted((a, b) => a - b)).toEqual(order);
  expect(order.map(blockOf)).toEqual([5, 5, 5, 5, 5, 6]);
  expect(toPosition(5, 70_000, 0)).toBe(endOf(5));
});

describe('a claim', () => {
  test('has no end before it is lost, and begins with the first of the rows', () => {
    expect(claimedUntil(shown, claimBlocks)).toBe(Number.POSITIVE_INFINITY);
    const shownAt = packNumbers(Float64Array.of(toPosition(12, 0, 0), toPosition(11, 0, 0), toPosition(13, 0, 0)));
    expect(firstShownAt({ ...shown, shownAt })).toBe(toPosition(11, 0, 0));
  });

  test('holds while the dataset is named, readable, and not known to lose against the base model', () => {
    expect(settled(shown, 20)).toBe(shown);
    for (const lost of [
      settled(shown, 20, false),
      settled({ ...shown, readable: false }, 20),
      settled({ ...shown, beatsBaseline: false }, 20),
    ]) {
      expect(lost.lostBlock).toBe(20);
      expect(claimedUntil(lost, claimBlocks)).toBe(endOf(120));
    }
  });

  test('ends at the first block in which it was lost, however often that is seen', () => {
    expect(settled(settled(shown, 20, false), 90, false).lostBlock).toBe(20);
  });

  test('that comes back in time has never gone; later it begins anew', () => {
    const proven = { ...shown, beatsBaseline: true };
    const lost = settled(proven, 20, false);
    expect(settled(lost, 120)).toEqual({ ...proven, madeUpBlock: 220 });
    const anew = settled(lost, 121);
    expect([anew.lostBlock, datesOf(anew)]).toEqual([null, [121, 121, 121]]);
  });

  test('that was lost before ends as much earlier as it has not made up for', () => {
    const back = settled(settled({ ...shown, beatsBaseline: true }, 20, false), 60);
    expect([70, 99, 100, 300].map((block) => settled(back, block, false).lostBlock)).toEqual([40, 98, 100, 300]);
    const again = settled(settled(back, 70, false), 80);
    expect(again.madeUpBlock).toBe(120);
    const lost = settled(again, 90, false);
    expect(settled(lost, 160)).toMatchObject({ lostBlock: null, madeUpBlock: 260 });
    expect(datesOf(settled(lost, 161))).toEqual([161, 161, 161]);
    expect(settled(lost, 161)).not.toHaveProperty('madeUpBlock');
  });

  test.each([
    { datasets: 2, ends: false },
    { datasets: 4, ends: true },
    { datasets: 9, ends: true },
  ])('on each of $datasets datasets that are named in turn ends: $ends', ({ datasets, ends }) => {
    const first = Array.from({ length: datasets }, () => ({ ...shown, beatsBaseline: true }));
    let all: ShownDataset[] = first;
    for (let turn = 0; turn < 100; turn++)
      all = all.map((one, i) => settled(one, 20 + 10 * turn, turn % datasets === i));
    for (const one of all) expect(datesOf(one)[0]! > 10).toBe(ends);
  });

  test('holds before an evaluation for as long as a claim lasts, and no longer', () => {
    expect(settled(shown, 110).lostBlock).toBeNull();
    expect(settled(shown, 111).lostBlock).toBe(111);
    expect(settled({ ...shown, beatsBaseline: true }, 5_000).lostBlock).toBeNull();
  });

  const claims = (showing: ShownDataset) => {
    const claimed = claimedRows(showing, null) ?? allBits(showing.rows);
    return [0, 1, 2].map((row) => Number(hasBit(claimed, row)));
  };

  test('that has ended begins anew with an evaluation that beats the base model, and not with another commit', () => {
    for (const beatsBaseline of [null, false]) {
      const lost = settled({ ...shown, beatsBaseline }, 20, false);
      const again = namedAgain(lost, toPosition(500, 1, 0), claimBlocks);
      expect(claims(again)).toEqual([0, 0, 0]);
      expect(claims(evaluated(again, false, 510))).toEqual([0, 0, 0]);
      const proven = evaluated(again, true, 520);
      expect([claims(proven), datesOf(proven)]).toEqual([
        [1, 1, 1],
        [520, 520, 520],
      ]);
    }
  });

  test('on all that is its own keeps its dates whatever an evaluation says, which is noted', () => {
    for (const [before, now] of [
      [null, true],
      [null, false],
      [true, false],
      [false, true],
    ] as const)
      expect(evaluated({ ...shown, beatsBaseline: before }, now, 30)).toEqual({ ...shown, beatsBaseline: now });
    for (const beatsBaseline of [true, false]) {
      const known = { ...shown, beatsBaseline };
      expect(evaluated(known, beatsBaseline, 30)).toBe(known);
    }
    const own = packBits(allBits(3));
    expect(claimedRows(shown, null)).toBeUndefined();
    expect(claimedRows(shown, unpackBits(own, 3))).toEqual(unpackBits(own, 3));
  });

  test('on rows that its hotkey showed before begins with the evaluation; the others keep their date', () => {
    const [unproven, own] = [allBits(3), allBits(3)];
    for (const row of [0, 2]) clearBit(unproven, row);
    clearBit(own, 2);
    const again = { ...shown, unproven: packBits(unproven) };
    expect(claims(again)).toEqual([1, 0, 1]);
    expect([0, 1, 2].map((row) => hasBit(claimedRows(again, own)!, row))).toEqual([true, false, false]);
    const proven = evaluated(again, true, 60);
    expect([claims(proven), datesOf(proven)]).toEqual([
      [1, 1, 1],
      [10, 60, 10],
    ]);
  });
});

describe('rows that an earlier dataset of the hotkey claims', () => {
  const renewed = {
    shownAt: packNumbers(Float64Array.of(toPosition(4, 0, 0), toPosition(5, 0, 0), 0)),
    until: packNumbers(Float64Array.of(endOf(50), endOf(60), 0)),
  };

  test('keep its date once the new one beats the base model in time', () => {
    expect(datesOf(evaluated({ ...shown, renewed }, true, 50))).toEqual([4, 5, 10]);
    expect(datesOf(evaluated({ ...shown, renewed }, true, 51))).toEqual([10, 5, 10]);
    const unproven = packBits(allBits(3));
    expect(datesOf(evaluated({ ...shown, renewed, unproven }, true, 51))).toEqual([51, 5, 51]);
    expect(evaluated({ ...shown, renewed }, true, 50)).not.toHaveProperty('renewed');
    const worse = evaluated({ ...shown, renewed }, false, 50);
    expect([datesOf(worse), worse.renewed]).toEqual([[10, 10, 10], renewed]);
  });

  test('are claimed by whichever of both claims them longer', () => {
    const claims = (showing: ShownDataset) => [0, 1, 2].map(claimsOf(showing, claimBlocks));
    const lost = { ...shown, lostBlock: 0, renewed };
    expect(claims(shown)).toEqual([0, 1, 2].map(() => ({ shownAt: shown.position, until: Number.POSITIVE_INFINITY })));
    expect(claims(lost)).toEqual([0, 1, 2].map(() => ({ shownAt: shown.position, until: endOf(100) })));
    const before = [
      { shownAt: toPosition(4, 0, 0), until: endOf(50) },
      { shownAt: toPosition(5, 0, 0), until: endOf(60) },
    ];
    expect(claims({ ...lost, unproven: packBits(allBits(3)) })).toEqual([...before, null]);
  });

  test('that were others’ keep the date by which they were', () => {
    const judgement = {
      ...{ rules: 'r', own: packBits(new Uint8Array(1)), kept: packBits(allBits(3)) },
      leftOut: { others: 3, evaluation: 0, repeats: 0, sources: [], examples: [] },
    };
    const unproven = packBits(allBits(3));
    expect(datesOf(evaluated({ ...shown, judgement, unproven, renewed }, true, 40))).toEqual([10, 10, 10]);
  });
});

describe('a dataset that is named again', () => {
  const judgement = (own: number[]) => {
    const bits = allBits(3);
    for (const [row, flag] of own.entries()) if (!flag) clearBit(bits, row);
    const others = own.filter((flag) => !flag).length;
    const leftOut = { others, evaluation: 0, repeats: 0, sources: [], examples: [] };
    return { rules: 'r', own: packBits(bits), kept: packBits(bits), leftOut };
  };

  test('keeps the dates of its own rows; those that were others’ count from the later pointer', () => {
    const again = namedAgain({ ...shown, judgement: judgement([1, 0, 1]) }, toPosition(50, 1, 0), claimBlocks);
    expect([datesOf(again), again.judgement]).toEqual([[10, 50, 10], null]);
    expect([0, 1, 2].map((row) => hasBit(claimedRows(again, null)!, row))).toEqual([true, false, true]);
    const own = { ...shown, judgement: judgement([1, 1, 1]) };
    expect(namedAgain(own, toPosition(50, 1, 0), claimBlocks)).toEqual({ ...own, position: toPosition(50, 1, 0) });
  });

  test('stays as it is where the pointer is not later', () => {
    const lost = { ...shown, judgement: judgement([1, 0, 1]) };
    expect(namedAgain(lost, shown.position, claimBlocks)).toBe(lost);
    expect(namedAgain(lost, toPosition(9, 0, 0), claimBlocks)).toBe(lost);
  });

  test('counts from the later pointer as a whole once the claim has ended', () => {
    const lost = { ...shown, lostBlock: 20 };
    expect(datesOf(namedAgain(lost, endOf(120), claimBlocks))).toEqual([10, 10, 10]);
    expect(datesOf(namedAgain(lost, toPosition(120, 0, 0), claimBlocks))).toEqual([10, 10, 10]);
    expect(datesOf(namedAgain(lost, toPosition(121, 0, 0), claimBlocks))).toEqual([121, 121, 121]);
  });

  test('is claimed anew, with the date of that pointer, only when a look finds it readable', () => {
    const lost = { ...shown, beatsBaseline: true, lostBlock: 20, readable: false, unreadableFrom: 19 };
    const again = namedAgain(lost, toPosition(121, 0, 0), claimBlocks);
    expect(again.unreadableFrom).toBe(19);
    expect(waitsToBeClaimed(again, claimBlocks)).toBe(true);
    expect(settled(again, 130)).toBe(again);
    const seen = settled({ ...again, readable: true }, 130);
    expect([seen.lostBlock, datesOf(seen)]).toEqual([null, [121, 121, 121]]);
    expect(waitsToBeClaimed(seen, claimBlocks)).toBe(false);
    expect(waitsToBeClaimed(lost, claimBlocks)).toBe(false);
  });

  test('begins anew with the evaluation that proves all its rows, whatever its pointer’s date', () => {
    const unproven = {
      ...shown,
      position: toPosition(10, 0, 0),
      unproven: packBits(allBits(3)),
      beatsBaseline: false,
      lostBlock: 20,
    };
    const proven = settled(evaluated(unproven, true, 500), 500);
    expect([proven.lostBlock, blockOf(proven.position), datesOf(proven)]).toEqual([null, 500, [500, 500, 500]]);
  });
});
