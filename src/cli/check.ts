import { Command } from 'commander';

const EXIT_CODES = `
Exit code: 0 when the file is good (with --convert: is written and good), 1 when
it would be refused or cannot be converted, 2 when the command is not understood
or would replace a file, 3 when nothing is known of the file: it, or what it is
compared with, cannot be read. 130 after Ctrl-C.

Tokens are counted with the tokenizer of the base model where this disk has it.
Nothing is downloaded and nothing is sent.`;

/** `flock-off check`: what a validator would say of a file, as far as that takes no chain. */
export function checkCommand(): Command {
  return new Command('check')
    .description('Say what is wrong with a dataset file, what is in it, and make one of a file in another format.')
    .argument('<file>', 'a data.jsonl, or what is to become one')
    .option('--convert <out>', 'write the rows of a file in another format as a dataset, and check that')
    .option('--leave_out', 'convert the rest where some records cannot become rows', false)
    .option('--force', 'replace the file that --convert names', false)
    .option('--base_model <model>', 'folder, or hub id that is on this disk; default: Qwen/Qwen2.5-1.5B-Instruct')
    .option('--eval_data <path>', "the competition's evaluation set, a file or a folder with a data.jsonl")
    .option('--competition_file <json>', 'rules, where they differ from the defaults')
    .option('--all', 'list every bad line', false)
    .option('--json', 'print the report as JSON', false)
    .addHelpText('after', EXIT_CODES)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)')
    .action(async (file: string, flags) => {
      const { runCheck } = await import('./check/run-check.ts');
      await runCheck({ file, ...flags });
    });
}
