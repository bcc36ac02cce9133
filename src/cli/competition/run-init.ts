import { basename, resolve } from 'node:path';
import { draftCompetition } from '../../competition/draft-competition.ts';
import { evaluationPathIn, requireNoDraft, writeDraft } from '../../competition/draft-folder.ts';
import { readOwnRows } from '../../competition/own-rows.ts';
import { readCompetitionFile } from '../../competition/rules-file.ts';
import { subnetText } from '../../schema/subnet-identity.ts';
import { hubCacheFolder } from '../../trainer/model/hub-cache-folder.ts';
import { hubAccess, runCommand, type ServiceFlags, say, withChain } from './services.ts';

export interface InitFlags extends ServiceFlags {
  folder: string;
  netuid: number;
  name?: string;
  base_model: string;
  base_revision: string;
  competition_file?: string;
  force: boolean;
}

/** Makes a draft; sets the exit code and never throws. */
export async function runInit(flags: InitFlags): Promise<void> {
  await runCommand(async (signal) => {
    const { folder, netuid, name = basename(resolve(folder)), force: overwrite } = flags;
    // All that a flag may be wrong about, before any download.
    await requireNoDraft({ folder, overwrite });
    const rules = await readCompetitionFile({ path: flags.competition_file });
    const evaluation = await readOwnRows({ path: evaluationPathIn(folder), signal });
    const { endpoint: hubEndpoint, token: hubToken } = hubAccess(flags);
    const hubCacheDir = hubCacheFolder(process.env);
    const source = { model: flags.base_model, revision: flags.base_revision, hubEndpoint, hubToken, hubCacheDir };
    const { draft, subnet } = await withChain(flags, signal, (subtensor) =>
      draftCompetition({ name, subtensor, netuid, rules, baseModel: source, evaluation, signal }),
    );
    const path = await writeDraft({ folder, draft, overwrite });
    say(
      `the draft of a competition on ${subnetText(subnet)}: ${path}`,
      `base model ${draft.baseModel.model} at ${draft.baseModel.commit}, evaluation set of ${evaluation.rows.length} rows`,
      'write its texts and change its rules there; then: flock-off competition check, flock-off competition publish',
    );
  });
}
