import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { networkOptions, subnetNumber, walletName, walletPath } from './network-options.ts';

const EXIT_CODES = `
Exit code: 0 when a validator would train on the file and, with --train, its loss
would be worth something; 1 when not; 2 when the command is not understood; 3 when
it cannot be known: a file cannot be read, or chain, hub or training fail. 130
after Ctrl-C.

Nothing is written to the chain or the Hub, and no wallet is opened. TensorFlow is
loaded with --train or --rows only.`;

/** `flock-off preview`: what a validator would say of a file that is not committed yet. */
export function previewCommand(): Command {
  const command = new Command('preview')
    .description('Say what a validator would say of a dataset before it is committed.')
    .argument('<file>', 'a data.jsonl')
    .option('--competition <org/name@sha>', 'one that was founded: rules, evaluation set, base model and subnet')
    .addOption(new Option('--netuid <number>', 'subnet; --competition knows its own').argParser(subnetNumber))
    .option('--competition_file <json>', 'rules, where they differ from the defaults')
    .option('--eval_data <path>', "the competition's evaluation set, a file or a folder with a data.jsonl")
    .option('--policy <file>', "the policy of the competition's own, .mjs")
    .option('--hotkey <address>', 'of who will commit it: what it has shown before is its own')
    .option('--wallet.hotkey <name>', 'the same by the name of a hotkey; only its address is read')
    .addOption(walletName('its wallet'))
    .addOption(walletPath())
    .option('--hf_repo_id <namespace/name>', 'repository it will be in: the pointer is as long as its name')
    .option('--train', 'train on this machine, and compare the loss with that of the base model', false)
    .option('--rows', 'train, and say which rows help and which hurt', false)
    .addOption(
      new Option('--minutes <number>', 'about how long training may take; samples are trained on where that is short')
        .argParser(minutes)
        .default(30),
    )
    .option('--base_model <model>', 'hub id or folder; default: that of the competition, or Qwen/Qwen2.5-1.5B-Instruct')
    .option('--reports <folder>', 'reports of a validator: where the loss would stand among theirs')
    .option('--cache_dir <folder>', 'what is made of models', join('.flock-off', 'cache'))
    .option(
      '--data_dir <folder>',
      'what others have shown, so that it is downloaded once',
      join('.flock-off', 'preview'),
    );
  return networkOptions(command)
    .option('--all', 'list every bad line', false)
    .option('--json', 'print what was found as JSON', false)
    .addHelpText('after', EXIT_CODES)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help shows the flags)')
    .action(async (file: string, flags) => {
      const { runPreview } = await import('./preview/run-preview.ts');
      await runPreview({ file, ...flags });
    });
}

function minutes(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a number of minutes.');
}
