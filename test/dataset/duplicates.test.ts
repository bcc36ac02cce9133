import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DuplicateCandidate, findDuplicates } from '../../src/dataset/duplicates.ts';
import { rowHash } from '../../src/dataset/row-hash.ts';
import type { DatasetRow } from '../../src/schema/dataset-row.ts';

const containment = 0.4;

/** Hashes `prefix0` .. : stand-ins for row hashes. */
const some = (prefix: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `${prefix}${from + i}`);

let uids = 0;
const miner = (hotkey: string, commitBlock: number, rowHashes: string[], more: Partial<DuplicateCandidate> = {}) => ({
  hotkey,
  uid: uids++,
  commitBlock,
  rowHashes,
  ...more,
});

const copies = (...candidates: DuplicateCandidate[]) => [...findDuplicates({ candidates, containment }).keys()].sort();

describe('findDuplicates', () => {
  it('finds the later of two equal datasets and says whose rows they were', () => {
    const original = miner('ann', 10, some('a', 50), { uid: 3 });
    const copy = miner('bob', 11, some('a', 50), { uid: 1 });
    expect(findDuplicates({ candidates: [copy, original], containment })).toEqual(
      new Map([['bob', { originalHotkey: 'ann', originalUid: 3, commonRows: 50, containment: 1 }]]),
    );
  });

  it('finds nothing among datasets of their own, one dataset, or none', () => {
    expect(copies(miner('ann', 10, some('a', 50)), miner('bob', 11, some('b', 50)))).toEqual([]);
    expect(copies(miner('ann', 10, some('a', 50)))).toEqual([]);
    expect(copies()).toEqual([]);
  });

  it('defect 5: finds a copy in other row order, re-spaced and with other key order', () => {
    const rows: DatasetRow[] = Array.from({ length: 20 }, (_, i) => ({
      conversations: [
        { role: 'user', content: `What is ${i} plus one?` },
        { role: 'assistant', content: `It is ${i + 1}.` },
      ],
    }));
    const edited = rows.toReversed().map(({ conversations }) => ({
      conversations: conversations.map(({ role, content }) => ({
        content: ` ${content.replaceAll(' ', '  ')}\n`,
        role,
      })),
      system: null,
    }));
    expect(copies(miner('ann', 10, rows.map(rowHash)), miner('bob', 11, edited.map(rowHash)))).toEqual(['bob']);
  });

  it('needs the share of common rows it is given', () => {
    const original = miner('ann', 10, some('a', 100));
    const partly = (count: number) => miner('bob', 11, [...some('a', count), ...some('b', 100 - count)]);
    expect(copies(original, partly(39))).toEqual([]);
    expect(copies(original, partly(40))).toEqual(['bob']);
    expect(findDuplicates({ candidates: [original, partly(39)], containment: 0.39 }).size).toBe(1);
  });

  it('finds a copy padded with ten times as many rows of filler', () => {
    expect(
      copies(miner('ann', 10, some('a', 100)), miner('bob', 11, [...some('filler', 1000), ...some('a', 100)])),
    ).toEqual(['bob']);
  });

  it('finds a copy padded by repeating a row: a repeated row counts once', () => {
    const padding = Array.from({ length: 1000 }, () => 'filler');
    expect(copies(miner('ann', 10, some('a', 50)), miner('bob', 11, [...some('a', 20), ...padding]))).toEqual(['bob']);
  });

  it('counts a repeated row of the original once too', () => {
    const repeated = Array.from({ length: 500 }, () => 'a0');
    expect(copies(miner('ann', 10, repeated), miner('bob', 11, ['a0', ...some('b', 500)]))).toEqual([]);
  });

  it('finds each part of a dataset split over many hotkeys', () => {
    const original = miner('ann', 10, some('a', 1000));
    const parts = Array.from({ length: 10 }, (_, i) => miner(`sybil${i}`, 11, some('a', 100, i * 100)));
    expect(copies(original, ...parts)).toEqual(parts.map(({ hotkey }) => hotkey));
  });

  it('finds every copy in a chain, also the copy of a copy that left the original behind', () => {
    const a = miner('ann', 10, some('r', 100));
    const b = miner('bob', 11, some('r', 100, 50));
    const c = miner('cid', 12, some('r', 100, 100));
    expect(copies(c, a, b)).toEqual(['bob', 'cid']);
    const findings = findDuplicates({ candidates: [a, b, c], containment });
    expect(findings.get('bob')?.originalHotkey).toBe('ann');
    expect(findings.get('cid')?.originalHotkey).toBe('bob');
  });

  it('names the original with the most common rows', () => {
    const a = miner('ann', 10, some('a', 100));
    const b = miner('bob', 9, some('b', 100));
    const copy = miner('cid', 12, [...some('a', 55), ...some('b', 45)]);
    expect(findDuplicates({ candidates: [b, a, copy], containment }).get('cid')).toMatchObject({
      originalHotkey: 'ann',
      commonRows: 55,
    });
  });

  it('breaks a tie in one block by the lower uid, whatever the order of the list', () => {
    const low = miner('zoe', 10, some('a', 50), { uid: 0 });
    const high = miner('ann', 10, some('a', 50), { uid: 1 });
    expect(copies(low, high)).toEqual(['ann']);
    expect(copies(high, low)).toEqual(['ann']);
  });

  it('defect 12: lets an updated original keep the rows it showed first', () => {
    // Ann committed in block 10, Bob copied in block 20, Ann added rows and committed again in block 30.
    const ann = miner('ann', 30, [...some('a', 100), ...some('new', 20)], {
      rowBlocks: [...some('a', 100).map(() => 10), ...some('new', 20).map(() => 30)],
    });
    const bob = miner('bob', 20, some('a', 100));
    expect(copies(ann, bob)).toEqual(['bob']);
    expect(copies({ ...ann, rowBlocks: undefined }, bob)).toEqual(['ann']);
  });

  it('defect 12: an old commit of other rows wins nothing for rows taken over later', () => {
    const squatter = miner('bob', 1, some('a', 100), { rowBlocks: some('a', 100).map(() => 50) });
    expect(copies(miner('ann', 40, some('a', 100)), squatter)).toEqual(['bob']);
  });

  it('goes by most of the common rows where each showed some first', () => {
    const blocks = (early: number) => some('a', 100).map((_, i) => (i < early ? 5 : 30));
    const ann = miner('ann', 30, some('a', 100), { rowBlocks: blocks(60) });
    const bob = miner('bob', 20, some('a', 100));
    expect(copies(ann, bob)).toEqual(['bob']);
    expect(copies({ ...ann, rowBlocks: blocks(40) }, bob)).toEqual(['ann']);
  });

  it('does not let a tiny early dataset of well-known rows reject big ones that have them too', () => {
    const squatter = miner('bob', 1, ['hello', 'thanks']);
    expect(copies(squatter, miner('ann', 50, ['hello', 'thanks', ...some('a', 500)]))).toEqual([]);
  });

  it('finds a tiny copy of a big dataset', () => {
    expect(copies(miner('ann', 10, some('a', 500)), miner('bob', 50, some('a', 2)))).toEqual(['bob']);
  });

  it('leaves one of every group of equal datasets, and does not depend on the order of the list', () => {
    const group = fc.record({ rows: fc.integer({ min: 0, max: 3 }), block: fc.integer({ min: 0, max: 5 }) });
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.nat()), (groups, order) => {
        const all = groups.map(({ rows, block }, i) => miner(`m${i}`, block, some(`g${rows}-`, 10), { uid: i }));
        const found = copies(...all);
        expect(all.length - found.length).toBe(new Set(groups.map(({ rows }) => rows)).size);
        const keys = new Map(all.map(({ hotkey }) => [hotkey, order.next().value as number]));
        expect(copies(...all.toSorted((a, b) => keys.get(a.hotkey)! - keys.get(b.hotkey)!))).toEqual(found);
      }),
    );
  });

  it('compares 32 datasets of 20,000 rows in seconds, even when all are copies', () => {
    const own = Array.from({ length: 32 }, (_, m) => miner(`m${m}`, 100 - m, some(`row ${m} `, 20_000)));
    const same = some('same ', 20_000);
    const equal = Array.from({ length: 32 }, (_, m) => miner(`m${m}`, 100 - m, same));
    const ms = (run: () => void) => {
      const startMs = performance.now();
      run();
      return Math.round(performance.now() - startMs);
    };
    const ownMs = ms(() => expect(copies(...own)).toEqual([]));
    const equalMs = ms(() => expect(copies(...equal)).toHaveLength(31));
    console.info(`findDuplicates, 32 x 20,000 rows: ${ownMs} ms all different, ${equalMs} ms all equal`);
    expect(ownMs).toBeLessThan(10_000);
    expect(equalMs).toBeLessThan(10_000);
  });

  it('finds all copies but the first of a dataset that more have than are compared, and nobody by itself', () => {
    const rows = some('a', 50);
    const all = Array.from({ length: 80 }, (_, i) => miner(`m${i}`, 100 - i, rows));
    const found = findDuplicates({ candidates: all, containment });
    expect(found.size).toBe(79);
    expect(found.has('m79')).toBe(false);
    const own = [miner('ann', 10, rows, { replaced: true }), miner('ann', 20, rows)];
    expect(copies(...own)).toEqual([]);
  });

  it('judges nobody for a dataset that was replaced, and finds its copies all the same', () => {
    const rows = some('a', 50);
    const old = miner('ann', 10, rows, { replaced: true });
    expect(copies(old, miner('ann', 30, some('c', 50)), miner('bob', 20, rows))).toEqual(['bob']);
    expect(copies(miner('bob', 5, rows), old)).toEqual([]);
  });

  it('survives 256 hotkeys that have shown nine equal datasets each', () => {
    const rows = some('a', 500);
    const all = Array.from({ length: 256 * 9 }, (_, i) => miner(`m${i % 256}`, i, rows, { replaced: i >= 256 }));
    const startedMs = performance.now();
    expect(findDuplicates({ candidates: all, containment }).size).toBeGreaterThan(200);
    const elapsedMs = performance.now() - startedMs;
    console.log(`findDuplicates, 256 x 9 equal x 500 rows: ${elapsedMs.toFixed(0)} ms`);
    expect(elapsedMs).toBeLessThan(10_000);
  });

  it('survives a full subnet of 256 equal datasets of 2,000 rows', () => {
    const same = some('same ', 2000);
    const startMs = performance.now();
    const found = copies(...Array.from({ length: 256 }, (_, m) => miner(`m${m}`, m, same)));
    console.info(`findDuplicates, 256 equal x 2,000 rows: ${Math.round(performance.now() - startMs)} ms`);
    expect(found).toHaveLength(255);
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});
