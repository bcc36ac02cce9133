import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { competitionOption, count, names, port, subnetCommand, wholeNumber } from './options.ts';
import { collectNames } from './shares.ts';

/** The flags of validator.ts. */
export function validatorCommand(): Command {
  return subnetCommand('validator', 'Score datasets and set weights on the chain.', severalCompetitions())
    .optionsGroup('Epoch:')
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
    .option('--epochs <count>', 'stop after this many', count)
    .option('--dry_run', 'do all but write to the chain: weights are told and not sent; the state is one beside', false)
    .optionsGroup('Files:')
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
    .option('--keep_days <days>', 'remove reports, metrics and logs that are older', count, 400)
    .option('--keep_gb <gigabytes>', 'remove the oldest of each of these three beyond this', count, 10)
    .optionsGroup('Rules and model:')
    .option(
      '--policy <file>',
      "a policy of one's own, in place of the one that the competition names: .mjs, or under tsx .ts, which Node 20 cannot load",
    )
    .option(
      '--eval_data_dir <folder>',
      "the competition's evaluation set; needed but for the tiny base model, and with --competition",
    )
    .option(
      '--base_model <model>',
      'hub id or folder; with --competition its own, of which a copy may be named',
      'Qwen/Qwen2.5-1.5B-Instruct',
    )
    .optionsGroup('Weights:')
    .option(
      '--rest_uid <uid>',
      'who has what the shares of competitions leave, such as the owner, whose weight is burnt; default: the competitions',
      wholeNumber,
    )
    .addOption(
      new Option(
        '--hide_weights <how>',
        'on a subnet with commit-reveal: the chain opens them by itself, or this program reveals a hash; default: what the runtime can',
      ).choices(['timelock', 'hash']),
    )
    .addOption(
      new Option(
        '--drand_url <urls>',
        "drand server, or several with commas between, for pulses that the chain is late with; default: drand's own",
      )
        .env('DRAND_URL')
        .argParser(names),
    )
    .option('--beacon_file <json>', 'drand beacon of a local chain, where time locks are not opened by quicknet')
    .optionsGroup('Training:')
    .option('--training_env <names>', 'variables of the environment that the training process gets too', names)
    .addOption(new Option('--devices <numbers>', 'GPUs to train on, a process each, such as 0,1,2').argParser(names))
    .option('--trainers <count>', 'training processes that share this machine, each with a part of its memory', count)
    .addOption(new Option('--queue <address>', queueHelp('jobs go to workers')).env('FLOCK_OFF_QUEUE_URL'))
    .option('--queue_password_file <file>', "holds the queue's password; else FLOCK_OFF_QUEUE_PASSWORD does")
    .option('--workers <keys>', 'keys of the workers whose results are taken, or a file with one in each line')
    .addOption(
      new Option(
        '--device_class <kind>',
        'take workers with such a device only; default: what most of them have',
      ).choices(['gpu', 'cpu']),
    )
    .addOption(
      new Option('--device_precision <type>', 'take workers with such matrix products only').choices([
        ...['float32', 'tf32', 'bfloat16', 'float16'],
      ]),
    )
    .option('--recheck_one_in <results>', 'compare one in so many with that of a second worker', wholeNumber, 8)
    .option('--volatile_queue', 'take a Redis that forgets its jobs when it ends; they are added again', false)
    .optionsGroup('Watching:')
    .option('--metrics_port <port>', 'serve /metrics (Prometheus), /healthz, /readyz and /status there', port)
    .option('--dashboard_port <port>', 'serve a page about it there, on this machine only', port)
    .option('--metrics_host <address>', 'the address that listens there; 0.0.0.0 for every network', '127.0.0.1')
    .option(
      '--metrics_names <names>',
      'further host names under which it may be asked, such as a container has',
      names,
    );
}

function severalCompetitions(): Option {
  return competitionOption(
    '; several with shares, such as --competition org/a@sha=0.7 --competition org/b@sha=0.3',
  ).argParser(collectNames);
}

export function queueHelp(what: string): string {
  return `${what} through redis://host:6379, rediss:// over TLS, or postgres://host/database`;
}

/** A dry run keeps its state beside the real one, which it must not change. */
export function parseFlags(flags: string[]): Command {
  const command = validatorCommand().parse(flags, { from: 'user' });
  const { dry_run: isDry, data_dir: folder } = command.opts();
  return isDry ? command.setOptionValue('data_dir', `${folder}.dry-run`) : command;
}
