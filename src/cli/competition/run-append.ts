import { readFile } from 'node:fs/promises';
import { WalletHotkey } from '../../chain/wallet/hotkey.ts';
import { decodeWalletPassword } from '../../chain/wallet/password.ts';
import { appendSet } from '../../evaluation-sets/append-set.ts';
import { HubEvaluationSetStore } from '../../hub/evaluation-set-store.ts';
import { onDisk } from '../../shared/on-disk.ts';
import { nowOf, opensText, readLockedCompetition } from './locked-rule.ts';
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
    const files = await Promise.all(flags.files.map((path) => onDisk(path, () => readFile(path))));
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
      await nowOf(locked, subtensor, signal);
      const onWait = ({ block }: { block: number }) =>
        say(`the chain takes the next commitment from block ${block} on`);
      const store = new HubEvaluationSetStore(hubAccess(flags));
      return appendSet({ rule, netuid, subtensor, store, hotkey, files, onWait, signal });
    });
    const { index, block, announcement } = appended;
    say(
      `evaluation set ${index} is listed at ${rule.repo}@${announcement.commit}, and the chain names it since block ${block}`,
      `it opens ${opensText(rule, index)} for everybody: epochs that begin after that block, and ${rule.marginSeconds} s before it opens, are measured on it`,
    );
  });
}
