import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../errors/flock-off-error.ts';
import { makeFolder } from '../shared/make-folder.ts';
import { onDisk } from '../shared/on-disk.ts';
import { scorerOf } from './scorer-of.ts';
import type { RowJudge, Validator } from './validator.ts';

// Known-good work, which tells a dataset that no device can do from a device that does nothing.

/** Whether training works: one step on rows made of the evaluation set. */
export async function trainerWorks(validator: Validator, signal?: AbortSignal): Promise<boolean> {
  const { competition, evaluation } = validator;
  return works('trainer-failed', () => scorerOf(validator).probe({ competition, evaluation, signal }));
}

/** Whether files can be checked: one with the rows of the evaluation set. */
export async function checkerWorks(validator: RowJudge, signal?: AbortSignal): Promise<boolean> {
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
