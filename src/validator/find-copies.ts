import { type DuplicateCandidate, findDuplicates } from '../dataset/duplicates.ts';
import type { Verdict } from '../schema/verdict.ts';
import { isOf } from './fetch-dataset.ts';
import type { ReadPointer } from './pointers.ts';
import type { RememberedDataset } from './state-store.ts';
import type { Validator } from './validator.ts';

/**
 * Verdicts on the copies, by hotkey. The datasets of this epoch are compared with each other and with all that everybody
 * registered has shown before, so that a copy is found also when its original is not drawn, or has been replaced since.
 * Only what a miner's pointer names now is judged.
 *
 * @param shown What everybody has shown, by hotkey.
 */
export function findCopies(
  { competition }: Pick<Validator, 'competition'>,
  pointers: Map<string, ReadPointer>,
  shown: Map<string, RememberedDataset[]>,
): Map<string, Verdict> {
  const candidates: DuplicateCandidate[] = [];
  for (const { hotkey, uid, submission } of pointers.values()) {
    for (const dataset of shown.get(hotkey) ?? []) {
      const { commitBlock, rowHashes, rowBlocks } = dataset;
      const replaced = !(submission.ok && isOf(submission.value, dataset));
      candidates.push({ hotkey, uid, commitBlock, rowHashes, rowBlocks, replaced });
    }
  }
  const findings = findDuplicates({ candidates, containment: competition.duplicateContainment });
  return new Map(
    [...findings].map(([hotkey, { originalUid, originalHotkey, commonRows, containment }]) => {
      const share = Math.round(containment * 100);
      const message = `${commonRows} rows (${share} %) were shown earlier by uid ${originalUid}`;
      return [
        hotkey,
        { reason: 'duplicate', message, facts: { originalUid, originalHotkey, commonRows, containment } },
      ];
    }),
  );
}
