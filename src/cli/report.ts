import { Command, InvalidArgumentError } from 'commander';

/** `flock-off report`: a page about a validator, of the reports that it left. */
export function reportCommand(): Command {
  return new Command('report')
    .description('Write one HTML page about a validator: standings, verdicts, curves, weights, waits and faults.')
    .argument('<folder>', "a validator's data folder, or its folder of reports")
    .option('-o, --output <file>', 'where the page goes', 'report.html')
    .option('--metrics_dir <folder>', "the validator's, for the curves; default: `metrics` in the folder")
    .option('--epochs <count>', 'the last so many', count, 140)
    .addHelpText(
      'after',
      '\nExit code: 0, or 2 when the command is not understood or there is no report, 3 when files cannot be\nread or written.\n\nThe page needs no network, and no scripts for its tables. This does not verify signatures: flock-off\naudit does.',
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)')
    .action(async (folder: string, flags: { output: string; metrics_dir?: string; epochs: number }) => {
      const { runReport } = await import('./report/run-report.ts');
      await runReport({ folder, ...flags });
    });
}

function count(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}
