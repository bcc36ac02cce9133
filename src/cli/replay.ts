import { Command } from 'commander';

/** `flock-off replay`: what weights another policy, or other parameters, would have given. */
export function replayCommand(): Command {
  return new Command('replay')
    .description(
      'Score the epochs of stored reports again under another policy or other parameters, and show both weights.',
    )
    .argument('<report...>', 'files epoch-<block>.json, or folders with them')
    .option(
      '--policy <name>',
      'win-rates, benchmark-curve or daily-winner, or a file .mjs; default: that of the reports',
    )
    .option(
      '--set <name=value...>',
      'parameters of the policy, such as temperature=0.1 or coldkeyCap=0.25; JSON values',
    )
    .option('--json', 'print it as JSON', false)
    .addHelpText(
      'after',
      '\nExit code: 0, or 2 when the command is not understood, 3 when a report or a policy fails.\n\nOf several competitions each has a table, wherever its reports lie.\nNothing is sent. Draws, and what of a dataset counts, stay as they were.\nThis does not verify signatures: flock-off audit does.',
    )
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .showHelpAfterError('(--help shows the flags)')
    .action(async (reports: string[], flags) => {
      const { runReplay } = await import('./replay/run-replay.ts');
      await runReplay({ reports, ...flags });
    });
}
