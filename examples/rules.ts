import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Competition, FlockOffError, type Policy, policyOf } from 'flock-off';
import { readCompetition } from './options.ts';

export interface Rules {
  competition: Competition;
  /** A policy of the operator's own; without one that of the package which the competition names. */
  policy: Policy | undefined;
}

/**
 * The rules that the flags name. The file of a policy exports it by default, or a function that makes it from the parameters
 * in the competition; a `.ts` file needs tsx, as the examples do. It runs with all rights of this program: open only what
 * you have read.
 * @throws FlockOffError `bad-argument` when a file cannot be read, does not hold what it should, or there is no such policy.
 */
export async function readRules(flags: { competition_file?: string; policy?: string }): Promise<Rules> {
  const competition = await readCompetition(flags.competition_file);
  const policy = flags.policy === undefined ? undefined : await load(flags.policy, competition.policy.parameters);
  policyOf(competition.policy, policy);
  return { competition, policy };
}

async function load(file: string, parameters: Record<string, unknown>): Promise<Policy> {
  try {
    const { default: exported } = await import(pathToFileURL(resolve(file)).href);
    return (typeof exported === 'function' ? exported(parameters) : exported) ?? null;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `the policy ${file} cannot be loaded: ${why}`;
    throw new FlockOffError({ code: 'bad-argument', what, fix: 'check --policy', cause });
  }
}
