import type { Command } from 'commander';
import {
  type Competition,
  FlockOffError,
  type FoundedCompetition,
  HubCompetitionStore,
  openPolicy,
  type Policy,
  parseCompetitionReference,
  policyOf,
  readCompetitionFile,
  readFoundedCompetition,
  waitUntilAvailable,
} from 'flock-off';
import { type CommonOptions, requireNetuid } from './options.ts';
import { tellWait } from './tell-wait.ts';

export interface NamedCompetition {
  /** For messages: `org/name@sha`, or the file. */
  name: string;
  netuid: number;
  competition: Competition;
  /** What `--competition` names; `null` where the rules come from a file or are the defaults. */
  founded: FoundedCompetition | null;
}

export interface Rules extends NamedCompetition {
  /** A policy of the operator's own; without one that of the package which the competition names. */
  policy: Policy | undefined;
  /** What is trained on: a hub id or a folder. */
  baseModel: { model: string; revision?: string };
}

/**
 * The competition that `--competition` names, where it names any: one that was founded, with all that belongs to it, or rules from a file. Waits for a
 * hub that is down.
 * @throws FlockOffError `bad-argument` when a file cannot be read or flags contradict each other; `bad-competition`.
 */
export async function readNamedCompetition(
  command: Command,
  { hubEndpoint: endpoint, logger }: CommonOptions,
  signal?: AbortSignal,
  named: string | undefined = command.opts().competition,
): Promise<NamedCompetition> {
  const flags = command.opts();
  if (named === undefined) {
    const { competition_file: path } = flags;
    const competition = await readCompetitionFile({ path });
    return { name: path ?? 'of the default rules', netuid: requireNetuid(command), competition, founded: null };
  }
  const reference = parseCompetitionReference(named);
  for (const flag of ['competition_file', 'eval_data_dir'])
    if (flags[flag] !== undefined) throw contradiction(`--${flag}`, 'it has rules and an evaluation set of its own');
  // No token is sent: what only some can read is no competition.
  const competitions = new HubCompetitionStore({ endpoint, attempts: 1, logger });
  const founded = await waitUntilAvailable({
    attempt: () => readFoundedCompetition({ reference, competitions, signal }),
    onWait: tellWait('the hub', logger),
    signal,
  });
  const { netuid } = founded.document.subnet;
  if (flags.netuid !== undefined && flags.netuid !== netuid)
    throw contradiction(`--netuid ${flags.netuid}`, `it is played on subnet ${netuid}`);
  return { name: named, netuid, competition: founded.competition, founded };
}

/**
 * The same with what a validator needs besides.
 * @throws FlockOffError as {@link readNamedCompetition} and {@link readPolicy}.
 */
export async function readRules(
  command: Command,
  options: CommonOptions,
  signal?: AbortSignal,
  reference?: string,
): Promise<Rules> {
  const flags = command.opts();
  const named = await readNamedCompetition(command, options, signal, reference);
  const policy = await readPolicy(flags.policy, named.competition);
  const pinned = named.founded?.document.baseModel;
  // A copy that the operator names is compared with what was signed, too.
  if (pinned === undefined || command.getOptionValueSource('base_model') === 'cli')
    return { ...named, policy, baseModel: { model: flags.base_model } };
  return { ...named, policy, baseModel: { model: pinned.model, revision: pinned.commit } };
}

/**
 * The policy in a file, see `openPolicy`; `undefined` for that of the package. A `.ts` file needs tsx, as the examples do. It
 * is never fetched.
 * @throws FlockOffError `bad-argument` when the file cannot be loaded or holds no policy, or the competition names another.
 */
export async function readPolicy(file: string | undefined, competition: Competition): Promise<Policy | undefined> {
  const policy = file === undefined ? undefined : (await openPolicy(file))(competition.policy.parameters);
  policyOf(competition.policy, policy);
  return policy;
}

function contradiction(flag: string, why: string): FlockOffError {
  const what = `${flag} contradicts --competition: ${why}`;
  return new FlockOffError({ code: 'bad-argument', what, fix: `leave ${flag} out`, facts: { name: flag } });
}
