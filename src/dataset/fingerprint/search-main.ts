/** Entry of a thread that searches for rows of others: one search, then its parent ends it. */

import { parentPort, workerData } from 'node:worker_threads';
import { FingerprintReader } from './fingerprint-reader.ts';
import { searchOthersRows } from './search.ts';
import {
  type AnsweredShowing,
  type FromSearch,
  packFindings,
  type SearchTask,
  toPlainError,
} from './search-messages.ts';
import { ShowingsBuilder } from './showings.ts';

const tell = (message: FromSearch) => parentPort?.postMessage(message);
let answered: (answer: unknown) => void = () => {};
parentPort?.on('message', (answer) => answered(answer));

function ask(question: FromSearch): Promise<unknown> {
  return new Promise((resolve) => {
    answered = resolve;
    tell(question);
  });
}

async function search({ showings: count, ...task }: SearchTask): Promise<void> {
  const builder = new ShowingsBuilder();
  const files: (string | null)[] = [];
  for (let index = 0; index < count; index++) {
    const { file, ...showing } = (await ask({ kind: 'ask-showing', index })) as AnsweredShowing;
    files.push(file);
    builder.add(showing);
  }
  const reader = new FingerprintReader();
  const showings = builder.finish(async (index, next) => {
    const file = files[index];
    return file
      ? reader.read(file, next === undefined ? null : files[next])
      : ((await ask({ kind: 'ask-fingerprint', index })) as Uint8Array);
  });
  await searchOthersRows({
    ...task,
    showings,
    onBatch: (batch) => tell({ kind: 'judging', batch }),
    onJudged: (found) => tell({ kind: 'judged', found: packFindings(found) }),
  });
  tell({ kind: 'done', unreadable: [...showings.unreadable].sort((a, b) => a - b) });
}

search(workerData).catch((error) => tell({ kind: 'failed', error: toPlainError(error) }));
