import { readFile } from 'node:fs/promises';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { Competition, LoraRecipe } from '../../schema/competition.ts';

/** A misspelt name is an error and not a rule left at its default. */
const CompetitionFile = Competition.extend({ recipe: LoraRecipe.strict().prefault({}) }).strict();

/**
 * The competition's rules: the defaults, with what the JSON file says instead.
 * @throws FlockOffError `bad-argument` when the file cannot be read, is no JSON, or holds something else than rules.
 */
export async function readCompetition(file?: string): Promise<Competition> {
  if (file === undefined) return Competition.parse({});
  const bad = (why: string, cause?: unknown) =>
    new FlockOffError({
      code: 'bad-argument',
      what: `the competition file ${file} ${why}`,
      fix: 'check --competition_file',
      facts: { name: '--competition_file', value: file },
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw bad(`cannot be read (${messageOf(cause)})`, cause);
  }
  const parsed = CompetitionFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  throw bad(`does not hold the rules of a competition: ${issues.join('; ')}`);
}
