import { FlockOffError } from '../../errors/flock-off-error.ts';
import { openPolicy } from '../../policy/open-policy.ts';
import type { Policy } from '../../policy/policy.ts';
import { policyOf } from '../../policy/shipped.ts';
import { POLICY_RULES, PolicyChoice } from '../../schema/policy.ts';
import { shownValue } from '../../validator/receipts/audit/difference.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { replay } from '../../validator/receipts/replay.ts';
import { runCommandLine } from '../run-command-line.ts';
import { type ChainOfReports, readChains } from './read-chains.ts';
import type { ReplayOutput } from './replay-output.ts';
import { replayText } from './replay-text.ts';

export interface ReplayFlags {
  reports: string[];
  policy?: string;
  set?: string[];
  json: boolean;
}

/** Prints the weights that reports have, beside those that another policy gives; sets the exit code and never throws. */
export async function runReplay({ reports, policy: name, set = [], json }: ReplayFlags): Promise<void> {
  await runCommandLine(async () => {
    const competitions: ReplayOutput['competitions'] = [];
    for (const { receipts, ...of } of await readChains(reports)) {
      const policy = await policyFor(receipts, name, set);
      const hasSets = receipts.some(({ inputs }) => inputs.sets);
      const epochs = replay({ receipts, policy });
      competitions.push({ ...of, policy: policy.name, parameters: policy.parameters, hasSets, epochs });
    }
    const output: ReplayOutput = { version: 2, competitions };
    return { text: json ? JSON.stringify(output, null, 2) : replayText(output), good: true };
  });
}

/**
 * The parameters are those of the reports where the policy stays, and those in the competition for one from a file, as its
 * validator calls it; else its defaults. `--set` changes them.
 */
async function policyFor(
  receipts: ChainOfReports['receipts'],
  name: string | undefined,
  set: string[],
): Promise<Policy> {
  const { competition, inputs } = receipts[0];
  const before = inputs.competition.policy;
  const changes = Object.fromEntries(set.map(assignment));
  const isFile = name !== undefined && !Object.hasOwn(POLICY_RULES, name);
  if (isFile) return (await openPolicy(name))({ ...before.parameters, ...changes });
  if (name === undefined) requireOnePolicy(receipts, before.name);
  const parameters = { ...(name === undefined || name === before.name ? before.parameters : {}), ...changes };
  const parsed = PolicyChoice.safeParse({ name: name ?? before.name, parameters });
  if (parsed.success) return policyOf(parsed.data);
  const issues = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the policy of competition ${shownValue(competition)} cannot have these parameters: ${issues.join('; ')}`,
    fix: 'see docs/policies.md for names and ranges; of several competitions name the reports of one',
    facts: { name: '--set', value: set.join(' ') },
  });
}

/** An operator may have decided by a policy of his own, whatever the competition names; reports have the name of it only. */
function requireOnePolicy(receipts: Receipt[], name: string): void {
  const other = receipts.find(({ policy }) => policy.name !== name);
  if (other === undefined) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the report of block ${other.startBlock} of competition ${shownValue(other.competition)} has the policy ${shownValue(other.policy.name)}, and the competition names "${name}"`,
    fix: 'pass --policy: the file of that policy, or the name of one of this package',
    facts: { name: '--policy' },
  });
}

function assignment(text: string): [string, unknown] {
  const at = text.indexOf('=');
  if (at < 1)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `--set takes name=value, saw ${JSON.stringify(text)}`,
      fix: 'pass it such as --set temperature=0.1',
      facts: { name: '--set', value: text },
    });
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value)];
  } catch {
    return [text.slice(0, at), value];
  }
}
