import { join } from 'node:path';
import type { Command } from 'commander';
import {
  ChainMetadataStore,
  HubDatasetStore,
  type PublishStep,
  publishDataset,
  Subtensor,
  waitUntilAvailable,
} from 'flock-off';
import { knownSubnet } from './known-subnet.ts';
import { withLocalSubnet } from './local-subnet.ts';
import { commonOptions, readCompetition, requireNetuid, subnetCommand } from './options.ts';
import { Owners } from './owners.ts';
import { runAsMain } from './run-as-main.ts';
import { type Saying, silent } from './status.ts';
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
  if (!published.ok) throw new Error(`Nothing was uploaded: ${published.verdict.message}.`);
}

/** What a step has done, and what comes next. */
function tellStep(step: PublishStep): { done: string | null; next: string | null } {
  switch (step.kind) {
    case 'checked':
      return { done: `${step.rows} rows are valid (${step.bytes} bytes)`, next: 'looking at the hub' };
    case 'looked':
      return { done: tellVisibility(step), next: `uploading to ${step.repo}` };
    case 'exposed':
      return {
        done: `warning: ${step.repo} is public, so others can read the new data, and commit it, before your pointer is in a block; --fresh_repository publishes it in a repository of its own, which is private until then`,
        next: null,
      };
    case 'waiting':
      return {
        done: `the chain takes the next commitment at block ${step.untilBlock}, ${step.blocksLeft} to go`,
        next: `waiting for block ${step.untilBlock}`,
      };
    case 'uploaded':
      return { done: `uploaded to ${step.repo} at ${step.commit}`, next: 'committing the pointer' };
    case 'committed':
      return { done: `committed ${step.pointer} in block ${step.block}`, next: 'making the dataset public' };
    case 'hidden':
      return {
        done: `${step.repo} is not public yet: ${step.error.sentence} Validators wait for it until block ${step.untilBlock}; it is tried again.`,
        next: `making ${step.repo} public`,
      };
    case 'public':
      return {
        done: step.isLate
          ? `${step.repo} is public, in block ${step.block}: validators waited for it until block ${step.untilBlock}, and count it from the block in which they first read it`
          : `${step.repo} is public, in block ${step.block}`,
        next: null,
      };
  }
}

function tellVisibility({ repo, visibility }: { repo: string; visibility: string }): string | null {
  if (visibility === 'public') return null;
  const what = visibility === 'missing' ? `${repo} is made, private` : `${repo} is private`;
  return `${what}; it becomes public, with all that is in it, once the pointer is in a block`;
}

await runAsMain(import.meta.url, main);
