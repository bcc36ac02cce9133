import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { FlockOffError, isCode } from '../errors/flock-off-error.ts';

/** `flock-off state`: commands on a validator's state. */
export function stateCommand(): Command {
  return new Command('state').description("Work with a validator's state.").addCommand(exportCommand());
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
      const [{ WalletHotkey }, { decodeWalletPassword }, { ValidatorState }, { exportLedger }] = await Promise.all([
        import('../chain/wallet/hotkey.ts'),
        import('../chain/wallet/password.ts'),
        import('../validator/state.ts'),
        import('../validator/ledger/export-ledger.ts'),
      ]);
      const folder = flags.data_dir ?? '';
      const path = flags.to ?? join(folder, 'ledger.flock-off');
      // Opening would create a missing state.
      if (!existsSync(join(folder, 'state')))
        throw new FlockOffError({
          code: 'bad-argument',
          what: `${folder} holds no state of a validator`,
          fix: 'check --data_dir',
        });
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
