import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../errors/flock-off-error.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import { onDevice } from './on-device.ts';
import type { Validator } from './validator.ts';

// Known-good work, which tells a dataset that no device can do from a device that does nothing.

/** More characters than any token has in ordinary text. */
const CHARACTERS_OF_TOKEN = 8;

/**
 * Whether training works: one step on rows made of the evaluation set, as many and as long as a step of any dataset has, so
 * that what fails on less is the dataset's.
 */
export async function trainerWorks(validator: Validator, signal?: AbortSignal): Promise<boolean> {
  const { trainer, competition, evaluation } = validator;
  const { batchSize, contextTokens } = competition.recipe;
  const recipe = { ...competition.recipe, epochs: 1, gradientAccumulation: 1 };
  const rows = Array.from({ length: batchSize }, (_, i) =>
    longRow(evaluation.rows[i % evaluation.rows.length]!, contextTokens * CHARACTERS_OF_TOKEN),
  );
  return works('trainer-failed', () =>
    onDevice(validator, { what: 'a step on rows of the evaluation set', signal }, () =>
      trainer.train({ rows, recipe, seed: 0, signal }),
    ),
  );
}

function longRow({ conversations }: DatasetRow, characters: number): DatasetRow {
  const answer = `${conversations.at(-1)!.content} `;
  return {
    conversations: [
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content: answer.repeat(Math.ceil(characters / answer.length)) },
    ],
  };
}

/** Whether files can be checked: one with the rows of the evaluation set. */
export async function checkerWorks(validator: Validator, signal?: AbortSignal): Promise<boolean> {
  const { checker, competition, evaluation, cacheDir, state } = validator;
  // Several may be at it.
  const folder = join(cacheDir, `check-of-${state.id}-${randomUUID()}`);
  const path = join(folder, 'data.jsonl');
  try {
    await onDisk(path, async () => {
      await makeFolder(folder);
      await writeFile(path, evaluation.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    });
    return await works('checker-failed', () => checker.check({ path, competition, signal }));
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function works(failure: 'trainer-failed' | 'checker-failed', work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isCode(error, failure)) return false;
    throw error;
  }
}
