import { join } from 'node:path';
import { Command } from 'commander';
import { Subtensor } from 'flock-off';
import { CALLED_AS, nameOfCommand } from './called-as.ts';
import { EXIT_CODES } from './ending.ts';
import { expandFlags } from './flags.ts';
import { startLocalFleet } from './local-fleet.ts';
import { type LocalSubnet, localFlags, startLocalSubnet } from './local-subnet.ts';
import { count } from './options.ts';
import { Owners } from './owners.ts';
import { runAsMain } from './run-as-main.ts';
import { publishSamples } from './sample-miners.ts';
import { announce, refuseSecond } from './served-subnet.ts';
import { type Saying, silent } from './status.ts';
import { main as validator } from './validator.ts';

/** A whole subnet on this machine: a chain, a hub, six miners and a validator, from datasets to weights on the chain. */
export async function main(argv: string[], signal?: AbortSignal, status: Saying = silent): Promise<void> {
  const command = localCommand();
  const {
    serve,
    commit_reveal: commitReveal,
    workers,
  } = command.parse((await expandFlags(command, argv)).given, { from: 'user' }).opts();

  const open = new Owners();
  try {
    const subnet = open.own(await startLocalSubnet({ commitReveal, signal }), (it) => it.close());
    const fleet = workers ? open.own(await startLocalFleet({ subnet, workers, signal }), (it) => it.close()) : null;
    if (serve) {
      await announce(subnet, false);
      refuseSecond(subnet);
    }
    status.show(
      `A development chain at ${subnet.chainUrl} and a hub at ${subnet.hubUrl}, both on this machine only.\n`,
    );
    status.show('Six miners publish their datasets and commit the pointers:');
    await publishSamples(subnet, signal, status);

    status.show(
      '\nA validator trains LoRA adapters of the tiny base model on each dataset and compares the evaluation losses:',
    );
    if (fleet) status.show(`${workers} workers train them, on jobs of a Redis at ${fleet.url}.`);
    const flags = [...localFlags(subnet, 'validator'), ...(fleet?.flags ?? []), '--epochs', '1'];
    await validator(flags, signal, status);
    await fleet?.close();

    if (commitReveal) status.show('\nThe weights are time-locked: the chain opens them in the next epoch.');
    status.show(`\nWeights read back from the chain: ${await weightsOnChain(subnet.chainUrl, subnet.netuid, signal)}`);
    if (!serve) {
      status.show(
        `\nNext: \`${CALLED_AS.validator} --help\` says what a validator takes; \`${CALLED_AS.serve}\` keeps this subnet up for your own.`,
      );
      return;
    }
    await announce(subnet, true);
    status.show(
      `\nTo found a competition on subnet ${subnet.netuid} (flock-off/docs/founding.md): ${founderVariables(subnet)}`,
    );
    status.show(`\nThe subnet stays up until Ctrl-C. In another terminal: ${CALLED_AS.validator} --local`);
    status.doing('the subnet stays up until Ctrl-C');
    await aborted(signal);
  } finally {
    await open.close();
  }
}

export function localCommand(): Command {
  return new Command(nameOfCommand('local'))
    .description('Run a whole FLock OFF subnet on this machine, from datasets to weights on the chain.')
    .option('--commit_reveal', 'let the validator hide its weights until the chain opens them, an epoch later')
    .option('--workers <count>', 'let that many workers train, on jobs of a Redis on this machine', count)
    .option('--serve', 'keep the chain and the hub running afterwards, for a miner and a validator with --local')
    .addHelpText('after', `\n${EXIT_CODES}`);
}

/** What `flock-off competition` reads: its wallet is `owner`. The token is not shown: see the guide. */
function founderVariables({ chainUrl, hubUrl, folder }: LocalSubnet): string {
  return `export BT_SUBTENSOR_CHAIN_ENDPOINT=${chainUrl} HF_ENDPOINT=${hubUrl} BT_WALLET_PATH=${join(folder, 'wallets')}`;
}

function aborted(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (!signal || signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits for the end of what is locked. */
async function weightsOnChain(endpoint: string, netuid: number, signal?: AbortSignal): Promise<string> {
  const subtensor = await Subtensor.open({ endpoint, signal });
  try {
    const { neurons, block, hyperparameters } = await subtensor.metagraph({ netuid });
    const validator = neurons.find((neuron) => neuron.validatorPermit);
    if (!validator) return 'no validator';
    let weights = await subtensor.weights({ netuid, uid: validator.uid });
    for (let at = block; weights.length === 0 && at < block + 3 * hyperparameters.tempo; ) {
      at = await subtensor.waitForBlock({ block: at + 1, signal });
      weights = await subtensor.weights({ netuid, uid: validator.uid });
    }
    if (weights.length === 0) return 'none';
    return weights.map(({ uid, weight }) => `uid ${uid} ${weight.toFixed(4)}`).join(', ');
  } finally {
    await subtensor.close();
  }
}

await runAsMain(import.meta.url, main);
