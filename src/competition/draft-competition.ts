import { basename } from 'node:path';
import type { Chain } from '../chain/chain.ts';
import { toNumber } from '../chain/node/snapshot.ts';
import { readIdentity } from '../chain/subnet/subnet.ts';
import type { Dataset } from '../dataset/check.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { Competition } from '../schema/competition.ts';
import { RepoId } from '../schema/model-id.ts';
import type { SubnetIdentity } from '../schema/subnet-identity.ts';
import { type BaseModelSource, knownHashes, resolveBaseModel } from '../trainer/model/base-model.ts';
import { sha256OfModel } from '../trainer/model/model-files.ts';
import { COMPETITION_FORMAT, COMPETITION_FORMAT_VERSION, type CompetitionDraft } from './document.ts';
import { factsOf } from './draft-folder.ts';

export interface DraftCompetitionParameters {
  name: string;
  subtensor: Pick<Chain, 'read'>;
  netuid: number;
  /** Its id is left out: it will follow from all the rest. */
  rules: Competition;
  /** A hub id, with a revision of which the commit is looked up; it is downloaded where it is not on this machine. */
  baseModel: BaseModelSource;
  evaluation: Dataset;
  signal?: AbortSignal;
}

export interface DraftCompetitionReturnType {
  draft: CompetitionDraft;
  subnet: SubnetIdentity;
}

/**
 * The draft of a competition: every rule written out, so that no later version of this package can give it another default,
 * the subnet as the chain has it, base model and evaluation set by their hashes.
 * @throws FlockOffError `bad-argument` when there is no such subnet, or the base model is no hub id; what reading the chain
 *   and the model throws.
 * @example
 * const { draft } = await draftCompetition({
 *   name: 'short answers',
 *   subtensor,
 *   netuid,
 *   rules: Competition.parse({ maxRows: 5_000 }),
 *   baseModel: { model: 'Qwen/Qwen2.5-1.5B-Instruct' },
 *   evaluation: await loadEvaluationSet({ path: 'evaluation/data.jsonl' }),
 * });
 * await writeFile(COMPETITION_FILE, JSON.stringify(draft));
 */
export async function draftCompetition(parameters: DraftCompetitionParameters): Promise<DraftCompetitionReturnType> {
  const { name, subtensor, netuid, evaluation, signal } = parameters;
  const { id: _, ...rules } = parameters.rules;
  const baseModel = await pin({ ...parameters.baseModel, signal });
  const { subnet, block } = await subtensor.read({
    what: 'reading whose subnet it is',
    use: async (snapshot) => ({
      subnet: await readIdentity(snapshot, netuid),
      block: toNumber(await snapshot.get('system.number')),
    }),
    signal,
  });
  const { genesisHash, registrationBlock } = subnet;
  const draft: CompetitionDraft = {
    ...{ format: COMPETITION_FORMAT, version: COMPETITION_FORMAT_VERSION, name, countsFromBlock: block },
    ...{ subnet: { genesisHash, netuid, registrationBlock }, rules, baseModel, evaluation: factsOf(evaluation) },
    texts: { about: '', terms: '', contact: '' },
  };
  return { draft, subnet };
}

async function pin(source: BaseModelSource): Promise<CompetitionDraft['baseModel']> {
  const { model } = source;
  const noHubId = () =>
    new FlockOffError({
      code: 'bad-argument',
      what: `the base model ${model} is no repository on the Hub, and everybody who takes part must get it from there`,
      fix: 'pass its id, such as Qwen/Qwen2.5-1.5B-Instruct',
      facts: { name: '--base_model', value: model },
    });
  if (!RepoId.safeParse(model).success) throw noHubId();
  const folder = await resolveBaseModel(source);
  // A folder of the working directory may have the same name.
  const commit = basename(folder);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw noHubId();
  return { model, commit, sha256: await sha256OfModel(folder, knownHashes(source).of) };
}
