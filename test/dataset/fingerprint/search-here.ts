import type { FindOthersRowsParameters, FoundRows } from '../../../src/dataset/fingerprint/find-others-rows.ts';
import { searchOthersRows } from '../../../src/dataset/fingerprint/search.ts';
import { type Showing, ShowingsBuilder } from '../../../src/dataset/fingerprint/showings.ts';

/** As {@link findOthersRows}, without a thread of its own, for many small searches. */
export async function searchHere({
  showings,
  evaluation,
  evaluationRows,
  wordsAtOnce,
}: FindOthersRowsParameters & { wordsAtOnce?: number }): Promise<FoundRows> {
  const builder = new ShowingsBuilder();
  for (const showing of showings) builder.add(showing);
  const known = builder.finish(async (index) => bytesOf(showings[index]!));
  const found: FoundRows = { others: new Map(), repeats: new Map(), unreadable: [] };
  await searchOthersRows({
    showings: known,
    evaluation,
    evaluationRows,
    wordsAtOnce,
    onJudged: ({ index, others, repeats }) => {
      found.others.set(index, others);
      found.repeats.set(index, repeats);
    },
  });
  const inOrder = <T>(map: Map<number, T>) => new Map([...map].sort(([a], [b]) => a - b));
  return {
    others: inOrder(found.others),
    repeats: inOrder(found.repeats),
    unreadable: [...known.unreadable].sort((a, b) => a - b),
  };
}

async function bytesOf({ fingerprint }: Showing): Promise<Uint8Array> {
  if (typeof fingerprint === 'function') return fingerprint();
  if (fingerprint instanceof Uint8Array) return fingerprint;
  throw new Error('files are read by the thread');
}
