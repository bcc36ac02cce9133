import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { count, subnetCommand, wholeNumber } from './options.ts';

/** The flags of validator.ts. */
export function validatorCommand(): Command {
  return subnetCommand('validator', 'Score datasets and set weights on the chain.')
    .option(
      '--blocks_per_epoch <blocks>',
      'from the start of one epoch to the start of the next; default: what the competition says',
      count,
    )
    .option('--miner_sample_size <miners>', 'miners evaluated in an epoch', count, 32)
    .option(
      '--block_threshold <blocks>',
      "send weights this many blocks before the subnet's epoch ends",
      wholeNumber,
      50,
    )
    .option(
      '--cache_dir <folder>',
      'downloaded datasets, and what is made of models; several validators may share it',
      join('.flock-off', 'cache'),
    )
    .option('--data_dir <folder>', 'state and reports; back it up', join('.flock-off', 'validator'))
    .option('--ledger <file>', "another validator's ledger, or the folder it is in: what a new state begins with")
    .option('--ledger_from <address>', 'hotkey of the validator whose ledger that is')
    .option('--repair_state', 'get back what can be had of a damaged state; the damaged one is kept beside it', false)
    .option('--metrics_dir <folder>', 'loss, rate and speed of every training step, a file for each submission')
    .option('--policy <file>', "a policy of one's own, .mjs or .ts, in place of the one that the competition names")
    .option('--eval_data_dir <folder>', "the competition's evaluation set; needed but for the tiny base model")
    .option('--base_model <model>', 'hub id or folder', 'Qwen/Qwen2.5-1.5B-Instruct')
    .addOption(
      new Option(
        '--hide_weights <how>',
        'on a subnet with commit-reveal: the chain opens them by itself, or this program reveals a hash; default: what the runtime can',
      ).choices(['timelock', 'hash']),
    )
    .option('--beacon_file <json>', 'drand beacon of a local chain, where time locks are not opened by quicknet')
    .option('--training_env <names>', 'variables of the environment that the training process gets too', names)
    .option('--epochs <count>', 'stop after this many', count);
}

function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
