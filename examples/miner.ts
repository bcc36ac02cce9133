import { join } from 'node:path';
import type { Command } from 'commander';
import { ChainMetadataStore, HubDatasetStore, publishDataset, Subtensor, waitUntilAvailable } from 'flock-off';
import { knownSubnet } from './known-subnet.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { commonOptions, readCompetition, requireNetuid, subnetCommand } from './options.ts';
import { Owners } from './owners.ts';
import { runAsMain } from './run-as-main.ts';
import { type Saying, silent } from './status.ts';
import { tellStep } from './tell-step.ts';
import { tellWait } from './tell-wait.ts';
import { openWallet } from './wallet.ts';

/** Checks a dataset, uploads it to the hub, and commits the pointer to that exact upload on the chain. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<void> {
  const { local } = minerCommand().parse(argv, { from: 'user' }).opts();
  const open = new Owners();
  try {
    const subnet = open.own(await withLocalSubnet({ local, argv, wallet: 'miner', signal }), ({ close }) => close());
    await publish(minerCommand().parse(subnet.argv, { from: 'user' }), open, signal, status);
  } finally {
    await open.close();
  }
}

function minerCommand(): Command {
  return subnetCommand('miner', 'Publish a dataset and commit its pointer on the chain.')
    .requiredOption('--hf_repo_id <namespace/name>', 'dataset repository to upload to')
    .requiredOption('--dataset_path <file>', 'the data.jsonl to publish')
    .option(
      '--fresh_repository',
      'publish into a repository of its own for this version, named <name>-<hash>, which is private until its pointer is in a block',
    )
    .option('--data_dir <folder>', 'what the miner remembers: whose subnet it has served', join('.flock-off', 'miner'));
}

async function publish(
  command: Command,
  open: Owners,
  signal: AbortSignal | undefined,
  { say, doing }: Saying,
): Promise<void> {
  const flags = command.opts();
  const options = commonOptions(command);
  const netuid = requireNetuid(command);

  const competition = await readCompetition(flags.competition_file);
  const hotkey = await openWallet(options, signal);
  const { chainEndpoints: endpoints, network, maxClockDifferenceMs, hubEndpoint, hubToken, logger } = options;
  // Each attempt that fails is told of: the store makes no silent ones of its own.
  const datasets = new HubDatasetStore({ endpoint: hubEndpoint, token: hubToken, attempts: 1, logger });
  const node = { endpoints, network, maxClockDifferenceMs, wait: true, onWait: tellWait('the chain', logger) };
  doing('connecting to the chain');
  const subtensor = open.own(await Subtensor.open({ ...node, signal, logger }), (it) => it.close());
  const expected = await knownSubnet({ subtensor, netuid, folder: flags.data_dir, say, signal });
  const said = new Set<string>();
  const sayOnce = (line: string) => {
    if (!said.has(line)) say(line);
    said.add(line);
  };
  const publishing = () =>
    publishDataset({
      path: flags.dataset_path,
      repo: flags.hf_repo_id,
      freshRepository: flags.fresh_repository,
      competition,
      datasets,
      metadata: new ChainMetadataStore({ subtensor, netuid, expected }),
      hotkey,
      signal,
      logger,
      onStep: (step) => {
        const { done, next } = tellStep(step);
        if (done !== null) sayOnce(done);
        if (next !== null) doing(next);
      },
    });
  const published = await waitUntilAvailable({
    attempt: publishing,
    onWait: tellWait('hub and chain', logger),
    signal,
  });
  if (published.ok) return;
  const { reason, message } = published.verdict;
  throw new Error(`Nothing was uploaded: ${message}. See flock-off/docs/errors.md#${reason}`);
}

await runAsMain(import.meta.url, main);
