import { checkDataset, type Dataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { Competition } from '../schema/competition.ts';

/** Of evaluation sets, as `loadEvaluationSet` reads them. */
const LIMITS = Competition.parse({ minRows: 1 });

/**
 * Rows of a founder's own: an evaluation set that he has just made, or another one to compare it with.
 * @throws FlockOffError `bad-argument` where they are none, with what is wrong; `disk` when the file cannot be read.
 */
export async function readOwnRows({ path, signal }: { path: string; signal?: AbortSignal }): Promise<Dataset> {
  const checked = await checkDataset({ path, competition: LIMITS, signal });
  if (checked.ok) return checked.value;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${path} is no evaluation set: ${checked.verdict.message}`,
    fix: `"flock-off check ${path}" tells every line, and makes one of another format`,
    facts: { name: 'path', value: path },
  });
}
