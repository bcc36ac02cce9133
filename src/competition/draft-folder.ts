import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Dataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { COMPETITION_FILE } from '../hub/competition-store.ts';
import { writeWhole } from '../shared/incomplete-file.ts';
import { onDisk } from '../shared/on-disk.ts';
import { readSettingsFile } from '../shared/settings-file.ts';
import { competitionText } from './content.ts';
import { CompetitionDraft } from './document.ts';
import { readOwnRows } from './own-rows.ts';
import { policyNames } from './rules-file.ts';

/** A folder in which a competition is founded: its evaluation set `data.jsonl`, and the draft of its `competition.json`. */
export interface DraftFolder {
  folder: string;
  /** With the facts of the evaluation set as it lies there. */
  draft: CompetitionDraft;
  evaluation: Dataset;
  evaluationPath: string;
  /** Whether the evaluation set is another one than the draft was made with. */
  isOtherSet: boolean;
}

/** Also what was published already, whose next version begins with it: what follows from the rest is made anew. */
const DraftFile = CompetitionDraft.extend({
  id: z.unknown().optional(),
  owner: z.unknown().optional(),
  signature: z.unknown().optional(),
}).transform(({ id: _, owner: __, signature: ___, ...draft }) => draft);

/** Where the evaluation set lies in a folder. */
export function evaluationPathIn(folder: string): string {
  return join(folder, 'data.jsonl');
}

/** What a competition says of its evaluation set. */
export function factsOf({ sha256, bytes, rows }: Dataset): CompetitionDraft['evaluation'] {
  return { sha256, bytes, rows: rows.length };
}

/**
 * Reads a folder with a draft.
 * @throws FlockOffError `bad-argument` in one sentence where the draft is missing, is no JSON, or holds something else, and
 *   where the evaluation set is none; of a misspelt name it says which is nearest; `disk` when the set cannot be read.
 * @example
 * const { draft, evaluation } = await readDraftFolder({ folder: 'my-competition' });
 * console.log(draft.name, evaluation.rows.length);
 */
export async function readDraftFolder({
  folder,
  signal,
}: {
  folder: string;
  signal?: AbortSignal;
}): Promise<DraftFolder> {
  const draft = await readSettingsFile({
    ...{ path: join(folder, COMPETITION_FILE), schema: DraftFile, known: policyNames('rules.') },
    ...{ name: 'the draft', holds: 'a competition', flag: 'the folder; "flock-off competition init" makes a draft' },
  });
  const evaluationPath = evaluationPathIn(folder);
  const evaluation = await readOwnRows({ path: evaluationPath, signal });
  const isOtherSet = evaluation.sha256 !== draft.evaluation.sha256;
  return { folder, draft: { ...draft, evaluation: factsOf(evaluation) }, evaluation, evaluationPath, isOtherSet };
}

export interface WriteDraftParameters {
  folder: string;
  draft: CompetitionDraft;
  /** Whether a draft that is there may be replaced. Default false. */
  overwrite?: boolean;
}

/**
 * Writes the draft of a folder, whole or not at all.
 * @throws FlockOffError `bad-argument` where one is there that may not be replaced; `disk`.
 */
export async function writeDraft({ folder, draft, overwrite = false }: WriteDraftParameters): Promise<string> {
  const path = join(folder, COMPETITION_FILE);
  await requireNoDraft({ folder, overwrite });
  await onDisk(path, () => writeWhole(path, (incomplete) => writeFile(incomplete, competitionText(draft))));
  return path;
}

/** @throws FlockOffError `bad-argument` where a draft is there that may not be replaced. */
export async function requireNoDraft({
  folder,
  overwrite = false,
}: Omit<WriteDraftParameters, 'draft'>): Promise<void> {
  const path = join(folder, COMPETITION_FILE);
  if (overwrite || (await stat(path).catch(() => null)) === null) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `${path} is there already`,
    fix: 'edit it, or replace it with --force',
    facts: { name: 'folder', value: folder },
  });
}
