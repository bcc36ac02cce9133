import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Competition, type DrandBeacon, FlockOffError, type Logger, LoraRecipe, parseHubToken } from 'flock-off';
import { z } from 'zod';
import { EXIT_CODES } from './ending.ts';
import { FRESH_LINE, printable } from './printable.ts';
import { maskSecrets } from './secrets.ts';

/** Flags shared by miner and validator, named as in the Python original. */
export interface CommonOptions {
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
  logger: Logger;
}

/** A command with the flags every script of the subnet has. */
export function subnetCommand(name: string, description: string): Command {
  return (
    new Command(name)
      .description(description)
      .addOption(new Option('--wallet.name <name>', 'wallet (coldkey) name').env('BT_WALLET_NAME').default('default'))
      .addOption(new Option('--wallet.hotkey <name>', 'hotkey name').env('BT_WALLET_HOTKEY').default('default'))
      .addOption(
        new Option('--wallet.path <folder>', 'folder of wallets')
          .env('BT_WALLET_PATH')
          .default('~/.bittensor/wallets/'),
      )
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
      .addOption(new Option('--netuid <number>', 'subnet; --local knows its own').argParser(subnetNumber))
      .option('--competition_file <json>', 'rules and recipe, where they differ from the defaults')
      .option(
        '--local',
        'use the local subnet: the one `npm start -- --serve` keeps running, else one of its own',
        false,
      )
      .option('--logging.debug', 'log each decision, job, wait and transaction with its time', false)
      .option('--logging.trace', 'log also each request to the chain and the hub, and each training step', false)
      .allowExcessArguments(false)
      // It quotes what it does not understand.
      .configureOutput({ writeErr: (text) => process.stderr.write(maskSecrets(text)) })
      .addHelpText('after', `\n${EXIT_CODES}`)
      .showHelpAfterError('(--help shows the flags)')
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
    hubToken: hubToken(),
    maxClockDifferenceMs: flags.max_clock_difference,
    logger: stderrLogger(flags['logging.trace'] ? 'trace' : flags['logging.debug'] ? 'debug' : 'info'),
  };
}

/** A flag wins over the environment, also over what the environment says of the other flag. */
function chainEndpoints(command: Command): string[] | undefined {
  const source = (name: string) => command.getOptionValueSource(`subtensor.${name}`);
  if (source('network') === 'cli' && source('chain_endpoint') === 'env') return undefined;
  const urls: string = command.opts()['subtensor.chain_endpoint'] ?? '';
  const named = urls.split(',').map((url) => url.trim());
  return named.some((url) => url !== '') ? named : undefined;
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
    fix: 'pass the number that the competition has today (--local knows its own)',
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

function webAddress(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('Expected an address such as https://huggingface.co.');
  return text;
}

/** As in the library, but a misspelt name is an error and not a rule left at its default. */
const CompetitionFile = Competition.extend({ recipe: LoraRecipe.strict().prefault({}) }).strict();

/**
 * The competition's rules: the defaults, with what the JSON file says instead.
 * @throws FlockOffError `bad-argument` when the file cannot be read, is no JSON, or holds something else than rules.
 */
export async function readCompetition(file?: string): Promise<Competition> {
  if (file === undefined) return Competition.parse({});
  return readSettings(file, CompetitionFile, {
    name: 'the competition file',
    holds: 'the rules of a competition',
    flag: '--competition_file',
  });
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
 * @throws FlockOffError `bad-argument` as {@link readCompetition}.
 */
export function readBeacon(file: string): Promise<DrandBeacon> {
  return readSettings(file, BeaconFile, { name: 'the beacon file', holds: 'a drand beacon', flag: '--beacon_file' });
}

interface SettingsFile {
  name: string;
  holds: string;
  flag: string;
}

async function readSettings<T>(file: string, schema: z.ZodType<T>, { name, holds, flag }: SettingsFile): Promise<T> {
  const bad = (why: string, cause?: unknown) =>
    new FlockOffError({ code: 'bad-argument', what: `${name} ${file} ${why}`, fix: `check ${flag}`, cause });
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw bad(error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`, error);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(`is not JSON (${(error as SyntaxError).message})`, error);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw bad(`does not hold ${holds}: ${issues.join('; ')}`);
}

function hubToken(): string | undefined {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new FlockOffError({
        code: 'bad-argument',
        what: '.env in this folder cannot be read as settings',
        fix: 'make it a text file with lines such as HF_TOKEN=hf_..., or remove it',
        cause: error,
      });
  }
  return parseHubToken({ token: process.env.HF_TOKEN, setting: 'HF_TOKEN' });
}

/** One line on stderr each, with the time; at `trace` also with the facts behind it. */
function stderrLogger(level: 'info' | 'debug' | 'trace'): Logger {
  // A log on a full disk, or a pipe whose reader has gone, must not end what is logged.
  for (const stream of [process.stdout, process.stderr])
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  const write = (message: string, facts?: Record<string, unknown>) => {
    const details = facts && level === 'trace' ? ` ${JSON.stringify(facts)}` : '';
    const start = process.stderr.isTTY ? FRESH_LINE : '';
    process.stderr.write(`${start}${new Date().toISOString()} ${printable(message + details)}\n`);
  };
  const silent = () => {};
  return {
    trace: level === 'trace' ? write : silent,
    debug: level === 'info' ? silent : write,
    info: write,
    warn: write,
    error: write,
  };
}

function ignore(): void {}
