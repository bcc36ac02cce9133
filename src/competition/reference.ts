import { FlockOffError } from '../errors/flock-off-error.ts';
import { RepoId } from '../schema/model-id.ts';

/** Which competition is meant: a repository on the Hub at one commit, which nobody can change. */
export interface CompetitionReference {
  /** `namespace/name`. */
  repo: string;
  /** 40-hex commit sha. */
  commit: string;
}

/**
 * As it is written: `org/name@sha`.
 * @example
 * referenceText({ repo: 'ann/rules', commit: '0'.repeat(40) }); // 'ann/rules@000...'
 */
export function referenceText({ repo, commit }: CompetitionReference): string {
  return `${repo}@${commit}`;
}

/**
 * Reads `org/name@sha`.
 * @throws FlockOffError `bad-argument` for anything else, a branch or a short sha among it: what they name can change.
 * @example
 * const { repo, commit } = parseCompetitionReference(`ann/rules@${'0'.repeat(40)}`);
 */
export function parseCompetitionReference(text: string): CompetitionReference {
  const at = text.indexOf('@');
  const [repo, commit] = at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  if (!RepoId.safeParse(repo).success)
    throw noReference(
      text,
      'is no competition: expected the repository and the commit, as in org/name@<40 hex digits>',
    );
  if (commit !== null && /^[0-9a-f]{40}$/.test(commit)) return { repo, commit };
  const why =
    commit === null
      ? 'names no commit'
      : /^[0-9a-fA-F]{4,40}$/.test(commit)
        ? 'does not name a whole commit sha, 40 lower-case hex digits'
        : `names the branch or tag "${commit.slice(0, 40)}", which can be moved`;
  throw noReference(text, `${why}, so it is not certain what is played`);
}

function noReference(text: string, why: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `"${text.slice(0, 200)}" ${why}`,
    fix: 'pass --competition org/name@sha as whoever runs the competition gives it',
    facts: { name: '--competition', value: text },
  });
}
