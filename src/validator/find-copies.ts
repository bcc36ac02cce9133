import { type DuplicateCandidate, findDuplicates } from '../dataset/duplicates.ts';
import type { Verdict } from '../schema/verdict.ts';
import type { ReadPointer } from './pointers.ts';
import type { Validator } from './validator.ts';

/**
 * Verdicts on the copies, by hotkey. The datasets of this epoch are compared with each other and with all that everybody
 * registered has shown before, so that a copy is found also when its original is not drawn, or has been replaced since.
 * Only what a miner's pointer names now is judged.
 */
export async function findCopies(
  { state, competition }: Validator,
  pointers: Map<string, ReadPointer>,
): Promise<Map<string, Verdict>> {
  const candidates: DuplicateCandidate[] = [];
  for (const { hotkey, uid, submission } of pointers.values()) {
    for (const { repo, commit, ...shown } of await state.datasets(hotkey)) {
      const current =
        submission.ok && submission.value.pointer.repo === repo && submission.value.pointer.commit === commit;
      candidates.push({ hotkey, uid, ...shown, replaced: !current });
    }
  }
  const findings = findDuplicates(candidates, { containment: competition.duplicateContainment });
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
