import { accept } from '../../src/schema/verdict.ts';
import { allBits, clearBit, packBits, packNumbers } from '../../src/validator/ledger/packed.ts';
import { toPosition } from '../../src/validator/ledger/position.ts';
import type { LeftOut, ShownDataset } from '../../src/validator/ledger/showing.ts';
import type { ReadPointer } from '../../src/validator/pointers.ts';

/** A dataset "a/b" at that commit, first shown in block 10. */
export function shown(commit: string, more: Partial<ShownDataset> = {}): ShownDataset {
  const rows = more.rows ?? 3;
  return {
    ...{ repo: 'a/b', commit, sha256: `${commit}-sha256`, rows, position: toPosition(10, 0, 0) },
    shownAt: packNumbers(new Float64Array(rows).fill(toPosition(10, 0, 0))),
    ...{ readable: true, beatsBaseline: null, lostBlock: null, judgement: null },
    ...more,
  };
}

/** A dataset of which those rows are left out. */
export function judged(rows: number, without: number[], leftOut: Partial<LeftOut> = {}): ShownDataset {
  const kept = allBits(rows);
  for (const row of without) clearBit(kept, row);
  const nothing = { others: 0, evaluation: 0, repeats: 0, sources: [], examples: [] };
  const judgement = { rules: 'r', own: packBits(kept), kept: packBits(kept), leftOut: { ...nothing, ...leftOut } };
  return shown('c', { rows, judgement });
}

/** Pointers to commits of "a/b", with uids in the order given. */
export function pointersTo(commits: Record<string, string>): Map<string, ReadPointer> {
  return new Map(
    Object.entries(commits).map(([hotkey, commit], uid) => {
      const pointer = { repo: 'a/b', competition: '1', commit };
      const submission = accept({ uid, hotkey, pointer, commitBlock: 10 });
      return [hotkey, { uid, hotkey, coldkey: `coldkey of ${hotkey}`, text: null, submission }];
    }),
  );
}
