import { Command, Option } from 'commander';

const EXIT_CODES = `
Exit code: 0 when all is as it should be, 1 when something is not, 2 when the
command is not understood, 3 when it cannot be known: a file cannot be read, or
chain, hub or training fail. 130 after Ctrl-C.

Reports that name a policy of the operator's own need its file: --policy.

Without a network nothing is compared with a chain. Without --retrain neither a
GPU nor a dataset is needed: losses are taken as they stand.`;

/** `flock-off audit`: whether a validator's reports are what it signed, and follow from their own inputs. */
export function auditCommand(): Command {
  return new Command('audit')
    .description("Compute a validator's reports again, verify their signatures and chain, and compare with the chain.")
    .argument('<report...>', 'files epoch-<block>.json, or folders with them')
    .option('--hotkey <address>', 'whose reports they should be; default: of one hotkey, whichever')
    .option('--policy <file>', 'the policy of its own that the reports name, .mjs')
    .option('--subtensor.network <name>', 'compare with that chain: finney, test, archive, local, or a URL')
    .option('--subtensor.chain_endpoint <urls>', 'the same by endpoint; several with commas between')
    .option('--retrain <uid>', "train that uid's dataset of the last report again, and compare the losses", Number)
    .option('--eval_data <path>', 'for --retrain: the evaluation set, a file or a folder with a data.jsonl')
    .option(
      '--base_model <model>',
      'for --retrain: that of the validator, hub id or folder',
      'Qwen/Qwen2.5-1.5B-Instruct',
    )
    .option('--cache_dir <folder>', 'for --retrain: what is made of models', '.flock-off/cache')
    .addOption(
      new Option('--hf_endpoint <url>', 'for --retrain: Hugging Face Hub')
        .env('HF_ENDPOINT')
        .default('https://huggingface.co'),
    )
    .option('--json', 'print what was found as JSON', false)
    .addHelpText('after', EXIT_CODES)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .showHelpAfterError('(--help shows the flags)')
    .action(async (reports: string[], flags) => {
      const { runAudit } = await import('./audit/run-audit.ts');
      await runAudit({ reports, ...flags });
    });
}
