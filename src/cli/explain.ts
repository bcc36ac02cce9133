import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';

/** `flock-off explain`: why a miner has the weight it has. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('Say why a miner has the weight it has, from the reports of a validator, also while that runs.')
    .argument('<who>', 'uid or hotkey')
    .option('--data_dir <folder>', "the validator's, or a folder with its reports", join('.flock-off', 'validator'))
    .option('--epochs <count>', 'how many of the last epochs', count, 6)
    .option('--json', 'print it as JSON', false)
    .addHelpText(
      'after',
      '\nExit code: 0, or 2 when there is no report or nobody has that uid, 3 when a file cannot be read.\n\nThis does not verify signatures: flock-off audit does.',
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)')
    .action(async (who: string, flags) => {
      const { runExplain } = await import('./explain/run-explain.ts');
      await runExplain({ who, ...flags });
    });
}

function count(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}
