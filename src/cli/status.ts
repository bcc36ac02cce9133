import { join } from 'node:path';
import { Command } from 'commander';

/** `flock-off status`: what a running validator does, told by the file that it keeps beside its state. */
export function statusCommand(): Command {
  return new Command('status')
    .description('Say what a validator on this machine does: epoch, miners, chain, last weights, health.')
    .option('--data_dir <folder>', "the validator's", join('.flock-off', 'validator'))
    .option('--json', 'print its snapshot as JSON', false)
    .addHelpText(
      'after',
      '\nExit code: 0 when it runs and is well, 1 when it does not or is not, 2 when the command is not\nunderstood, 3 when nothing is known: there is no status, or it cannot be read.',
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)')
    .action(async ({ data_dir: folder, json }: { data_dir: string; json: boolean }) => {
      const { runStatus } = await import('./status/run-status.ts');
      await runStatus({ folder, json });
    });
}
