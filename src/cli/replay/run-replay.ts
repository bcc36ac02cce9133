import { FlockOffError } from '../../errors/flock-off-error.ts';
import { openPolicy } from '../../policy/open-policy.ts';
import type { Policy } from '../../policy/policy.ts';
import { policyOf } from '../../policy/shipped.ts';
import { POLICY_RULES, PolicyChoice } from '../../schema/policy.ts';
import { shownValue } from '../../validator/receipts/audit/difference.ts';
import { filesOf } from '../../validator/receipts/audit/files.ts';
import { readReceipt } from '../../validator/receipts/audit/read-receipt.ts';
import type { Receipt } from '../../validator/receipts/receipt.ts';
import { type ReplayedEpoch, replay } from '../../validator/receipts/replay.ts';
import { printable } from '../check/words.ts';
import { runCommandLine } from '../run-command-line.ts';

export interface ReplayFlags {
  reports: string[];
  policy?: string;
  set?: string[];
  json: boolean;
}

/** Prints the weights that reports have, beside those that another policy gives; sets the exit code and never throws. */
export async function runReplay({ reports, policy: name, set = [], json }: ReplayFlags): Promise<void> {
  await runCommandLine(async () => {
    const receipts = await readAll(reports);
    const policy = await policyFor(receipts, name, set);
    const epochs = replay({ receipts, policy });
    const { parameters } = policy;
    if (json)
      return { text: JSON.stringify({ version: 1, policy: policy.name, parameters, epochs }, null, 2), good: true };
    return { text: printable(policy.name) + textOf(receipts, epochs), good: true };
  });
}

async function readAll(paths: string[]): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const path of await filesOf(paths)) {
    const read = await readReceipt({ path, look: 'form' });
    if (!read.ok)
      throw new FlockOffError({
        code: 'disk',
        what: `${path} cannot be replayed: ${read.bad.place} ${read.bad.why}`,
        fix: 'leave it out; `flock-off audit` says more',
        facts: { path },
      });
    receipts.push(read.receipt);
  }
  requireOneCompetition(receipts);
  return receipts.sort((a, b) => a.startBlock - b.startBlock);
}

/** Epochs of one go on from those before. */
function requireOneCompetition(receipts: Receipt[]): void {
  const ids = new Set(receipts.flatMap(({ competition, inputs }) => (inputs?.blend ? competition : [])));
  if (ids.size < 2) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the reports are of competitions ${[...ids].map(shownValue).join(', ')}, and one is replayed at a time`,
    fix: "name the folder of one, `competitions/<id>` in the validator's data folder",
    facts: { name: 'reports' },
  });
}

/**
 * The parameters are those of the reports where the policy stays, and those in the competition for one from a file, as its
 * validator calls it; else its defaults. `--set` changes them.
 */
async function policyFor(receipts: Receipt[], name: string | undefined, set: string[]): Promise<Policy> {
  const before = receipts[0]!.inputs.competition.policy;
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
    what: `the policy cannot have these parameters: ${issues.join('; ')}`,
    fix: 'see docs/policies.md for names and ranges',
    facts: { name: '--set', value: set.join(' ') },
  });
}

/** An operator may have decided by a policy of his own, whatever the competition names; reports have the name of it only. */
function requireOnePolicy(receipts: Receipt[], name: string): void {
  const other = receipts.find(({ policy }) => policy.name !== name);
  if (other === undefined) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `the report of block ${other.startBlock} has the policy ${shownValue(other.policy.name)}, and the competition has "${name}"`,
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

function textOf(receipts: Receipt[], epochs: ReplayedEpoch[]): string {
  const lines = [`: weights as they were, and as they would have been`];
  if (receipts.some(({ inputs }) => inputs.sets))
    lines.push('each epoch has an evaluation set of its own: losses are compared within an epoch only');
  for (const [i, { startBlock, action, weights }] of epochs.entries()) {
    const { inputs } = receipts[i]!;
    const moved = weights.reduce((sum, { before, after }) => sum + Math.abs(after - before), 0) / 2;
    const acts = action === inputs.weighed.action ? '' : `; ${actionText(action)}`;
    lines.push('', `block ${startBlock}: ${(100 * moved).toFixed(2)} % of the weight moves${acts}`);
    lines.push(`  ${'uid'.padStart(5)}${'old'.padStart(10)}${'new'.padStart(10)}${'change'.padStart(10)}`);
    for (const { uid, before, after } of weights)
      lines.push(
        `  ${String(uid).padStart(5)}${before.toFixed(4).padStart(10)}${after.toFixed(4).padStart(10)}${signed(after - before).padStart(10)}`,
      );
  }
  return lines.join('\n');
}

const signed = (change: number) => `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(4)}`;

function actionText(action: ReplayedEpoch['action']): string {
  if (action === 'set') return 'weights would have been sent';
  return action === 'keep' ? 'no weights would have been sent' : 'weights would have been taken back';
}
