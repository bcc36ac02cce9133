import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { FlockOffError, isCode } from '../errors/flock-off-error.ts';
import { runCommandLine } from './run-command-line.ts';

/** `flock-off state`: commands on a validator's state. */
export function stateCommand(): Command {
  return new Command('state')
    .description("Look at a validator's state, save it, get it back, and give its ledger to others.")
    .addCommand(checkCommand())
    .addCommand(backupCommand())
    .addCommand(restoreCommand())
    .addCommand(repairCommand())
    .addCommand(exportCommand());
}

const DATA_DIR = join('.flock-off', 'validator');

/** `flock-off state check`: whether a state is what was stored, also while a validator has it open. */
function checkCommand(): Command {
  return new Command('check')
    .description('Say whether the state is whole, and what is in it; the validator may be running.')
    .option('--data_dir <folder>', "the validator's", DATA_DIR)
    .option('--json', 'print it as JSON', false)
    .action(({ data_dir: folder, json }: { data_dir: string; json: boolean }) =>
      runCommandLine(async () => {
        const [{ checkState }, { stateFolders }] = await Promise.all([
          import('./state/check-state.ts'),
          import('./state/state-folders.ts'),
        ]);
        const checked: { competition: string | null; text: string; json: object }[] = [];
        for (const { competition, path } of await stateFolders(folder))
          checked.push({ competition, ...(await checkState(path)) });
        const [own, ...others] = checked;
        const competitions = others.map(({ competition, json: about }) => [competition, about]);
        const all = { ...own!.json, ...(others.length > 0 && { competitions: Object.fromEntries(competitions) }) };
        const text = json ? JSON.stringify(all, null, 2) : checked.map((one) => one.text).join('\n\n');
        return { text, good: true };
      }),
    );
}

/** `flock-off state backup`: all of it in one file. */
function backupCommand(): Command {
  return new Command('backup')
    .description(
      'Write all of the state into one file, and for each of several competitions one beside it, also while the validator runs. They hold salts: keep them to yourself.',
    )
    .option('--data_dir <folder>', "the validator's", DATA_DIR)
    .requiredOption('--to <file>', 'such as state-backup.gz; one that is there is replaced')
    .action(({ data_dir: folder, to }: { data_dir: string; to: string }) =>
      runCommandLine(async () => {
        const { ValidatorState } = await import('../validator/state.ts');
        const { backupFile, stateFolders } = await import('./state/state-folders.ts');
        const lines: string[] = [];
        for (const state of await stateFolders(folder)) {
          const file = backupFile(to, state);
          const { entries, writes } = await ValidatorState.backup({ path: state.path, to: file });
          lines.push(`${file}: ${entries} entries, as of write ${writes}`);
        }
        return { text: lines.join('\n'), good: true };
      }),
    );
}

/** `flock-off state restore`: the other way round. */
function restoreCommand(): Command {
  return new Command('restore')
    .description('Make a state of a backup, and of those of several competitions beside it, where there is none.')
    .option('--data_dir <folder>', "the validator's", DATA_DIR)
    .requiredOption('--from <file>', 'what `flock-off state backup` wrote')
    .action(({ data_dir: folder, from }: { data_dir: string; from: string }) =>
      runCommandLine(async () => {
        const { ValidatorState } = await import('../validator/state.ts');
        const { backedUpIn, backupFile, stateOf } = await import('./state/state-folders.ts');
        const ids = backedUpIn(await readdir(dirname(from)).catch(() => []), from);
        const own = { competition: null, path: join(folder, 'state') };
        const lines: string[] = [];
        for (const state of [own, ...ids.map((id) => stateOf(folder, id))]) {
          const { entries } = await ValidatorState.restore({ path: state.path, from: backupFile(from, state) });
          lines.push(`${state.path}: ${entries} entries; the validator goes on from there`);
        }
        return { text: lines.join('\n'), good: true };
      }),
    );
}

/** `flock-off state repair`: what `--repair_state` does, without a start. */
function repairCommand(): Command {
  return new Command('repair')
    .description('Get back what can be had of a damaged state; the damaged folder is kept beside it.')
    .option('--data_dir <folder>', "the validator's; it must not be running", DATA_DIR)
    .action(({ data_dir: folder }: { data_dir: string }) =>
      runCommandLine(async () => {
        const { ValidatorState } = await import('../validator/state.ts');
        const { requireState, stateFolders } = await import('./state/state-folders.ts');
        const lines: string[] = [];
        let good = true;
        for (const state of await stateFolders(folder)) {
          requireState(state, folder);
          const repaired = await ValidatorState.repair({ path: state.path });
          const which = state.competition === null ? 'the state' : `the state of competition ${state.competition}`;
          lines.push(
            repaired
              ? `${which} holds ${repaired.message}; the damaged one is in ${repaired.damagedPath}`
              : `${which} is sound: nothing was changed`,
          );
          good &&= repaired?.whole ?? true;
        }
        return { text: lines.join('\n'), good };
      }),
    );
}

/** `flock-off state export`: writes the ledger to a file, for new validators. */
function exportCommand(): Command {
  return new Command('export')
    .description('Write who showed which rows first, the averages and the history of the draw into one signed file.')
    .requiredOption('--data_dir <folder>', "the validator's; it must not be running")
    .option('--to <file>', 'default: ledger.flock-off in that folder')
    .option('--wallet.name <name>', 'wallet (coldkey) name', 'default')
    .option('--wallet.hotkey <name>', 'hotkey name', 'default')
    .option('--wallet.path <folder>', 'folder of wallets', '~/.bittensor/wallets/')
    .action(async (flags: Record<string, string | undefined>) => {
      const { requireOneState } = await import('./state/state-folders.ts');
      const [{ WalletHotkey }, { decodeWalletPassword }, { ValidatorState }, { exportLedger }] = await Promise.all([
        import('../chain/wallet/hotkey.ts'),
        import('../chain/wallet/password.ts'),
        import('../validator/state.ts'),
        import('../validator/ledger/export-ledger.ts'),
      ]);
      const folder = flags.data_dir ?? '';
      const path = flags.to ?? join(folder, 'ledger.flock-off');
      await requireOneState(folder);
      const hotkey = await WalletHotkey.open({
        path: flags['wallet.path'],
        name: flags['wallet.name'],
        hotkey: flags['wallet.hotkey'],
        password: async ({ variable, attempt }) => {
          const value = process.env[variable];
          return value && attempt === 1 ? decodeWalletPassword({ value, variable }) : null;
        },
      });
      const state = await ValidatorState.open({ path: join(folder, 'state') }).catch((error: unknown) => {
        if (!isCode(error, 'state-locked')) throw error;
        const fix = 'stop the validator until its ledger is written; started again, it goes on where it was';
        throw new FlockOffError({ ...error.toParameters(), fix });
      });
      try {
        const { header, hotkeys, fingerprints } = await exportLedger({ state, hotkey, path });
        console.log(
          `${path}: the ledger of ${header.signer} for subnet ${header.netuid} as of block ${header.block}, with ${hotkeys} hotkeys and ${fingerprints} datasets`,
        );
      } finally {
        await state.close();
      }
    });
}
