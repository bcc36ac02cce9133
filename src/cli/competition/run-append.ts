import { readFile, stat } from 'node:fs/promises';
import { WalletHotkey } from '../../chain/wallet/hotkey.ts';
import { decodeWalletPassword } from '../../chain/wallet/password.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { appendSet } from '../../evaluation-sets/append-set.ts';
import { opensText } from '../../evaluation-sets/schedule.ts';
import { HubEvaluationSetStore } from '../../hub/evaluation-set-store.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { canMeasureDay, dayRulesOf, nextSubmissionsEndMs } from './day-times.ts';
import { type LockedCompetition, nowOf, readLockedCompetition } from './locked-rule.ts';
import { hubAccess, runCommand, type ServiceFlags, say, withChain } from './services.ts';

export interface AppendFlags extends ServiceFlags {
  competition: string;
  files: string[];
  'wallet.name': string;
  'wallet.hotkey': string;
  'wallet.path': string;
}

/** Lists a locked set; sets the exit code and never throws. */
export async function runAppend(flags: AppendFlags): Promise<void> {
  await runCommand(async (signal) => {
    const files = await Promise.all(flags.files.map(readPart));
    const locked = await readLockedCompetition(flags.competition, flags, signal);
    const { founded, rule } = locked;
    const hotkey = await WalletHotkey.open({
      ...{ path: flags['wallet.path'], name: flags['wallet.name'], hotkey: flags['wallet.hotkey'], logger: console },
      password: async ({ variable, attempt }) => {
        const value = process.env[variable];
        return value && attempt === 1 ? decodeWalletPassword({ value, variable }) : null;
      },
    });
    const { netuid } = founded.document.subnet;
    const appended = await withChain(flags, signal, async (subtensor) => {
      const { timeMs, until } = await nowOf(locked, subtensor, signal);
      if (until.timeMs < timeMs) throw whileMeasured(locked);
      const day = dayRulesOf(founded.competition);
      const onWait = ({ block }: { block: number }) =>
        say(`the chain takes the next commitment from block ${block} on`);
      const store = new HubEvaluationSetStore(hubAccess(flags));
      const due = day ? { untilMs: nextSubmissionsEndMs(day, timeMs) } : {};
      return appendSet({ rule, netuid, subtensor, store, hotkey, files, ...due, onWait, signal });
    });
    const { index, block, announcement } = appended;
    const day = dayRulesOf(founded.competition);
    say(
      `evaluation set ${index} is listed at ${rule.repo}@${announcement.commit}, and the chain names it since block ${block}`,
      `it opens ${opensText(rule, index)} for everybody: epochs that begin after that block, and ${rule.marginSeconds} s before it opens, are measured on it`,
    );
    if (day !== null && !canMeasureDay(rule, day, index))
      say(
        `no day is measured on it: it does not open between the end of a day's submissions (${day.submissionsUntil} UTC, and the margin) and its rewards (${day.rewardsFrom} UTC); list another one`,
      );
  });
}

/** Epochs take no list that was named after the pointers which they measure. */
function whileMeasured({ founded }: LockedCompetition): FlockOffError {
  const { rewardsFrom } = founded.competition.policy.parameters;
  return new FlockOffError({
    code: 'bad-argument',
    what: "the day's datasets are being measured, by the list that the chain named before: with another one nothing more would be",
    fix: `list the set between the rewards and the end of the submissions, from ${rewardsFrom} UTC on`,
  });
}

async function readPart(path: string): Promise<Buffer<ArrayBuffer>> {
  if ((await stat(path).catch(() => null)) !== null) return onDisk(path, () => readFile(path));
  throw new FlockOffError({
    code: 'bad-argument',
    what: `there is no file ${path}, and a set is listed with all of its parts at once`,
    fix: 'get it from whoever locked it, or leave it out: then the other parts are the set',
    facts: { name: 'files', value: path },
  });
}
