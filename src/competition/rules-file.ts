import { Competition, LoraRecipe } from '../schema/competition.ts';
import { POLICY_RULES } from '../schema/policy.ts';
import { namesIn } from '../shared/nearest-name.ts';
import { readSettingsFile } from '../shared/settings-file.ts';

/** As {@link Competition}, but a misspelt name is an error and not a rule left at its default. */
export const StrictCompetition = Competition.extend({ recipe: LoraRecipe.strict().prefault({}) }).strict();

/** Parameters of policies, which the schema of a competition does not show, below a path such as "rules". */
export function policyNames(below = ''): string[] {
  return Object.values(POLICY_RULES).flatMap((rules) => namesIn(rules, `${below}policy.parameters`));
}

export interface ReadCompetitionFileParameters {
  /** Default: there is none, and all rules are the defaults. */
  path?: string;
  /** What to check where it cannot be used. Default `--competition_file`. */
  flag?: string;
}

/**
 * The competition's rules: the defaults, with what a JSON file says instead.
 * @throws FlockOffError `bad-argument` in one sentence when the file cannot be read, is no JSON, or holds something else
 *   than rules; of a misspelt name it says which is nearest.
 * @example
 * const competition = await readCompetitionFile({ path: 'rules.json' });
 */
export async function readCompetitionFile(parameters: ReadCompetitionFileParameters = {}): Promise<Competition> {
  const { path, flag = '--competition_file' } = parameters;
  if (path === undefined) return Competition.parse({});
  return readSettingsFile({
    ...{ path, flag, schema: StrictCompetition, known: policyNames() },
    ...{ name: 'the competition file', holds: 'the rules of a competition' },
  });
}
