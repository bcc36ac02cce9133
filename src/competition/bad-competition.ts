import type { FlockOffErrorFacts } from '../errors/facts.ts';
import { FlockOffError } from '../errors/flock-off-error.ts';

export type CompetitionProblem = FlockOffErrorFacts['bad-competition']['problem'];

export interface BadCompetitionParameters {
  /** `org/name@sha`, or a folder. */
  competition: string;
  problem: CompetitionProblem;
  /** Goes on behind the name of the competition. */
  why: string;
  /** Default: to ask whoever runs it. */
  fix?: string;
  firstBlock?: number;
  cause?: unknown;
}

/** The error for a competition that cannot be used. */
export function badCompetition(parameters: BadCompetitionParameters): FlockOffError<'bad-competition'> {
  const { competition, problem, why, firstBlock, cause } = parameters;
  const { fix = 'check the reference with whoever runs the competition; nothing was done by it' } = parameters;
  const facts = { competition, problem, ...(firstBlock === undefined ? {} : { firstBlock }) };
  return new FlockOffError({
    code: 'bad-competition',
    what: `the competition ${competition} ${why}`,
    fix,
    facts,
    cause,
  });
}
