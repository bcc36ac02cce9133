import { join } from 'node:path';
import type { Command } from 'commander';
import { ChainMetadataStore, HubDatasetStore, publishDataset, waitUntilAvailable } from 'flock-off';
import { expandFlags } from './flags.ts';
import { knownSubnet } from './known-subnet.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { openChain } from './open-chain.ts';
import { commonOptions, subnetCommand } from './options.ts';
import { Owners } from './owners.ts';
import { readNamedCompetition } from './rules.ts';
import { runAsMain } from './run-as-main.ts';
import { type Saying, silent } from './status.ts';
import { tellStep } from './tell-step.ts';
import { tellWait } from './tell-wait.ts';
import { openWallet } from './wallet.ts';

/** Checks a dataset, uploads it to the hub, and commits the pointer to that exact upload on the chain. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<void> {
  const flags = await expandFlags(minerCommand(), argv);
  const { local } = minerCommand()
    .parse([...flags.settings, ...flags.given], { from: 'user' })
    .opts();
  const open = new Owners();
  try {
    const subnet = open.own(await withLocalSubnet({ local, flags, wallet: 'miner', signal }), ({ close }) => close());
    await publish(minerCommand().parse(subnet.argv, { from: 'user' }), open, signal, status);
  } finally {
    await open.close();
  }
}

export function minerCommand(): Command {
  return subnetCommand('miner', 'Publish a dataset and commit its pointer on the chain.')
    .optionsGroup('Dataset:')
    .requiredOption('--hf_repo_id <namespace/name>', 'dataset repository to upload to')
    .requiredOption('--dataset_path <file>', 'the data.jsonl to publish')
    .option(
      '--fresh_repository',
      'publish into a repository of its own for this version, named <name>-<hash>, which is private until its pointer is in a block',
    )
    .option('--dry_run', 'check and look at everything, and write nothing to hub or chain', false)
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
  const named = await readNamedCompetition(command, options, signal);
  const { netuid, competition } = named;
  const hotkey = await openWallet(options, signal);
  const { hubEndpoint, hubToken, logger } = options;
  // Each attempt that fails is told of: the store makes no silent ones of its own.
  const datasets = new HubDatasetStore({ endpoint: hubEndpoint, token: hubToken, attempts: 1, logger });
  doing('connecting to the chain');
  const subtensor = open.own(await openChain(options, signal), (it) => it.close());
  const expected = await knownSubnet({
    subtensor,
    netuid,
    competitions: [{ ...named, shares: null }],
    folder: flags.data_dir,
    say,
    signal,
  });
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
      dryRun: flags.dry_run,
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
  if (published.ok) {
    if (flags.dry_run) say('dry run: all of this would work; nothing was written to hub or chain');
    return;
  }
  const { reason, message } = published.verdict;
  throw new Error(`Nothing was uploaded: ${message}. See flock-off/docs/errors.md#${reason}`);
}

await runAsMain(import.meta.url, main);
