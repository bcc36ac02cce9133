import { join } from 'node:path';
import { Command, Option } from 'commander';
import { DatasetChecker, FlockOffError, HubDatasetStore, hubCacheFolder, LoraTrainer, readHubToken } from 'flock-off';
import { type FleetWorkerEvent, runFleetWorker, WorkerKey } from 'flock-off/fleet';
import { nameOfCommand } from './called-as.ts';
import { EXIT_CODES } from './ending.ts';
import { expandFlags } from './flags.ts';
import { logOptions, openLog } from './log.ts';
import { names, webAddress, wholeNumber } from './options.ts';
import { Owners } from './owners.ts';
import { printable } from './printable.ts';
import { queueAccess } from './queue-secrets.ts';
import { runAsMain } from './run-as-main.ts';
import { type Saying, silent } from './status.ts';
import { backendText } from './terminal.ts';
import { queueHelp } from './validator-command.ts';

/** Trains for a validator on jobs of its queue, until Ctrl-C. It has no wallet. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<void> {
  const command = workerCommand();
  const { settings, given } = await expandFlags(command, argv);
  const flags = command.parse([...settings, ...given], { from: 'user' }).opts();
  for (const name of ['queue', 'validator']) if (flags[name] === undefined) throw missing(`--${name}`);
  const access = await queueAccess(command);
  const { logger } = openLog(command);
  const { hf_endpoint: endpoint, cache_dir: cacheDir, base_model: copy, device, training_env: env } = flags;
  const open = new Owners();
  try {
    const key = await WorkerKey.open({ path: flags.key_file });
    status.say(`the key of this worker, which the validator is told with --workers: ${key.publicKey}`);
    const checker = open.own(new DatasetChecker({ logger }), (it) => it.close());
    await runFleetWorker({
      ...{ ...access, key, checker, cacheDir, logger, signal },
      ...{ validator: flags.validator, competition: flags.competition, name: flags.name },
      ...{ netuid: flags.netuid, genesisHash: flags.genesis_hash },
      // Datasets are public: it needs no token for them.
      datasets: new HubDatasetStore({ endpoint, logger }),
      async openTrainer({ base, recipe, signal }) {
        const model = copy === undefined ? { model: base.model, revision: base.revision } : { model: copy };
        const hub = { hubEndpoint: endpoint, hubToken: readHubToken(), hubCacheDir: hubCacheFolder(process.env) };
        status.doing(`loading the base model ${model.model}`);
        const trainer = await LoraTrainer.open({ ...model, ...hub, cacheDir, recipe, device, env, logger, signal });
        status.say(`training on ${backendText(trainer)}`);
        return trainer;
      },
      onEvent: showEvents(status),
    });
  } finally {
    await open.close();
  }
}

export function workerCommand(): Command {
  const command = new Command(nameOfCommand('worker'))
    .description(
      'Train for a validator, on jobs of its queue. It needs no wallet, and no token but for a gated base model.',
    )
    .addOption(new Option('--queue <address>', queueHelp('jobs come')).env('FLOCK_OFF_QUEUE_URL'))
    .option('--queue_password_file <file>', "holds the queue's password; else FLOCK_OFF_QUEUE_PASSWORD does")
    .option('--validator <address>', "ss58 address of the validator's hotkey: jobs of others are not taken")
    .option('--competition <id>', 'where the validator has queues of several')
    .option('--netuid <number>', 'where it has queues of several subnets', wholeNumber)
    .option('--genesis_hash <hash>', 'where it has queues of subnets of several chains')
    .option('--key_file <file>', 'signs results; made where it is not there', join('.flock-off', 'worker', 'key.pem'))
    .option('--cache_dir <folder>', 'datasets, and what is made of models', join('.flock-off', 'cache'))
    .option('--base_model <model>', 'a copy, hub id or folder, in place of the one that the validator names')
    .option('--device <number>', 'the GPU to train on; a worker has one')
    .option('--name <name>', "what the validator's log calls this machine; default: its host name")
    .addOption(
      new Option('--hf_endpoint <url>', 'Hugging Face Hub')
        .env('HF_ENDPOINT')
        .argParser(webAddress)
        .default('https://huggingface.co'),
    )
    .option('--training_env <names>', 'variables of the environment that the training process gets too', names)
    .option('--config <file>', 'flags as JSON, or as YAML in a .yaml file; those of the command line win')
    .allowExcessArguments(false)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .showHelpAfterError('(--help shows the flags)');
  return logOptions(command, 'worker');
}

function showEvents({ say, doing }: Saying): (event: FleetWorkerEvent) => void {
  return (event) => {
    if (event.kind === 'waiting') {
      say(printable(event.why));
      doing('waiting');
    } else if (event.kind === 'ready') {
      say(`takes jobs of ${event.queue}`);
      doing('waiting for a job');
    } else if (event.kind === 'begun') say(`${printable(event.task)}: begun`);
    else if (event.kind === 'done') {
      say(printable(`${event.task}: ${event.what}`));
      doing('waiting for a job');
    } else {
      const unit = event.kind === 'training' ? 'steps' : 'rows';
      doing(`${printable(event.task)}: ${event.kind}`, { at: event.at, of: event.of, unit });
    }
  };
}

function missing(flag: string): FlockOffError {
  const what = `${flag} is missing: a worker trains for one validator, on jobs of its queue`;
  const fix = 'pass --queue redis://host:6379 and --validator with the address of its hotkey';
  return new FlockOffError({ code: 'bad-argument', what, fix, facts: { name: flag } });
}

await runAsMain(import.meta.url, main);
