import { type DuplicateCandidate, findDuplicates } from '../dataset/duplicates.ts';
import type { Verdict } from '../schema/verdict.ts';
import type { FetchedDataset } from './fetch-dataset.ts';
import type { ReadPointer } from './pointers.ts';
import type { Validator } from './validator.ts';

/**
 * Verdicts on the copies, by hotkey. Compared are the datasets of this epoch and those remembered of everybody else who
 * still points at them, so that a copy is found also when its original is not drawn.
 */
export async function findCopies(
  { state, competition }: Validator,
  datasets: FetchedDataset[],
  pointers: Map<string, ReadPointer>,
): Promise<Map<string, Verdict>> {
  const fetched = new Set(datasets.map(({ submission }) => submission.hotkey));
  const candidates: DuplicateCandidate[] = [];
  for (const { hotkey, uid, submission } of pointers.values()) {
    const known = submission.ok ? await state.dataset(hotkey) : null;
    if (!submission.ok || !known) continue;
    const current = known.commit === submission.value.pointer.commit && known.repo === submission.value.pointer.repo;
    if (current || fetched.has(hotkey)) candidates.push({ hotkey, uid, ...known });
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
