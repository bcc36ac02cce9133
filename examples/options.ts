import { Command, InvalidArgumentError, Option } from 'commander';
import { type DrandBeacon, FlockOffError, readHubToken, readSettingsFile } from 'flock-off';
import { z } from 'zod';
import { CALLED_AS, nameOfCommand } from './called-as.ts';
import { EXIT_CODES } from './ending.ts';
import { type Log, logOptions, openLog } from './log.ts';
import { maskSecrets } from './secrets.ts';

/** Flags shared by miner and validator, named as in the Python original. */
export interface CommonOptions extends Log {
  walletName: string;
  walletHotkey: string;
  walletPath: string;
  /** finney, test, archive, local, or an endpoint URL. */
  network: string;
  /** Nodes of one chain, in the order they are tried; they win over `network`. */
  chainEndpoints?: string[];
  hubEndpoint: string;
  /** HF_TOKEN of the environment or of `.env` in the working folder. */
  hubToken?: string;
  /** How far the chain's time may be from this machine's clock; Infinity: it is not looked at. */
  maxClockDifferenceMs: number;
}

/** A command with the flags every script of the subnet has. */
export function subnetCommand(name: string, description: string, competition = competitionOption()): Command {
  return logOptions(
    new Command(nameOfCommand(name))
      .description(description)
      .optionsGroup('Wallet:')
      .addOption(new Option('--wallet.name <name>', 'wallet (coldkey) name').env('BT_WALLET_NAME').default('default'))
      .addOption(new Option('--wallet.hotkey <name>', 'hotkey name').env('BT_WALLET_HOTKEY').default('default'))
      .addOption(
        new Option('--wallet.path <folder>', 'folder of wallets')
          .env('BT_WALLET_PATH')
          .default('~/.bittensor/wallets/'),
      )
      .optionsGroup('Chain and hub:')
      .addOption(
        new Option('--subtensor.network <name>', 'finney, test, archive, local, or a URL')
          .env('BT_SUBTENSOR_NETWORK')
          .default('finney'),
      )
      .addOption(
        new Option(
          '--subtensor.chain_endpoint <urls>',
          'chain endpoint, or several with commas between; wins over the network',
        ).env('BT_SUBTENSOR_CHAIN_ENDPOINT'),
      )
      .addOption(
        new Option('--max_clock_difference <minutes>', "how far a node's time may be from this machine's clock, or off")
          .argParser(minutesOrOff)
          .default(600_000, '10'),
      )
      .addOption(
        new Option('--hf_endpoint <url>', 'Hugging Face Hub')
          .env('HF_ENDPOINT')
          .argParser(webAddress)
          .default('https://huggingface.co'),
      )
      .optionsGroup('Competition:')
      .addOption(competition)
      .addOption(
        new Option('--netuid <number>', 'subnet; --local and --competition know their own').argParser(subnetNumber),
      )
      .option('--competition_file <json>', 'rules and recipe, where they differ from the defaults')
      .option(
        '--local',
        `use the local subnet: the one that \`${CALLED_AS.serve}\` keeps running, else one of its own`,
        false,
      )
      .optionsGroup('Options:')
      .option('--config <file>', 'flags as JSON, or as YAML in a .yaml file; those of the command line win')
      .allowExcessArguments(false)
      // It quotes what it does not understand.
      .configureOutput({ writeErr: (text) => process.stderr.write(maskSecrets(text)) })
      .addHelpText('after', `\n${EXIT_CODES}`)
      .showHelpAfterError('(--help shows the flags)'),
    name,
  );
}

/** @param more goes on behind what it says of one. */
export function competitionOption(more = ''): Option {
  return new Option(
    '--competition <org/name@sha>',
    `one that was founded: rules, evaluation set, base model and subnet are its own${more}`,
  );
}

export function commonOptions(command: Command): CommonOptions {
  const flags = command.opts();
  return {
    walletName: flags['wallet.name'],
    walletHotkey: flags['wallet.hotkey'],
    walletPath: flags['wallet.path'],
    network: flags['subtensor.network'],
    chainEndpoints: chainEndpoints(command),
    hubEndpoint: flags.hf_endpoint,
    hubToken: readHubToken(),
    maxClockDifferenceMs: flags.max_clock_difference,
    ...openLog(command),
  };
}

/** A flag wins over the environment, also over what the environment says of the other flag. */
function chainEndpoints(command: Command): string[] | undefined {
  const source = (name: string) => command.getOptionValueSource(`subtensor.${name}`);
  if (source('network') === 'cli' && source('chain_endpoint') === 'env') return undefined;
  const urls: string = command.opts()['subtensor.chain_endpoint'] ?? '';
  const named = names(urls);
  return named.some((url) => url !== '') ? named : undefined;
}

/** Of a list with commas between. */
export function names(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

/** A whole number from 1 on. */
export function count(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('Expected a whole number from 1 on.');
  return number;
}

/**
 * The subnet that a command is for.
 * @throws FlockOffError `bad-argument` when it was not said.
 */
export function requireNetuid(command: Command): number {
  const { netuid } = command.opts();
  if (netuid !== undefined) return netuid;
  throw new FlockOffError({
    code: 'bad-argument',
    what: '--netuid is missing, and has no default: the chain gives the numbers of subnets that end to other projects',
    fix: 'pass the number that the competition has today (--local knows its own), or --competition',
  });
}

/** In milliseconds. */
function minutesOrOff(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const minutes = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(minutes > 0)) throw new InvalidArgumentError('Expected a number of minutes, or off.');
  return minutes * 60_000;
}

function subnetNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 65_535) throw new InvalidArgumentError('Expected a subnet number from 0 to 65535.');
  return number;
}

/** A TCP port; 0 takes any that is free. */
export function port(text: string): number {
  const number = wholeNumber(text);
  if (number > 65_535) throw new InvalidArgumentError('Expected a port from 0 to 65535.');
  return number;
}

export function webAddress(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('Expected an address such as https://huggingface.co.');
  return text;
}

const BeaconFile = z.strictObject({
  publicKey: z
    .string()
    .regex(/^[0-9a-f]{192}$/, 'expected 96 bytes as hex')
    .transform((hex) => new Uint8Array(Buffer.from(hex, 'hex'))),
  genesisSeconds: z.int(),
  periodSeconds: z.number().positive(),
});

/**
 * The drand beacon that a local chain opens time locks with.
 * @throws FlockOffError `bad-argument` when the file cannot be read, is no JSON, or holds something else.
 */
export function readBeacon(path: string): Promise<DrandBeacon> {
  return readSettingsFile({
    ...{ path, schema: BeaconFile },
    ...{ name: 'the beacon file', holds: 'a drand beacon', flag: '--beacon_file' },
  });
}
