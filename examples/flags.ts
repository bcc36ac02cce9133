import type { Command, Option } from 'commander';
import { FlockOffError, readSettingsFile } from 'flock-off';
import { z } from 'zod';
import { alsoMask } from './secrets.ts';

/** Flags of the Python original, and of the bots of other subnets, that mean nothing here. */
const PYTHONS_OWN =
  /^--(axon[.]\S+|wandb\S*|neuron[.]\S+|blacklist[.]\S+|dendrite[.]\S+|subtensor[._]mock|strict|no_prompt|no_version_checking)$/;

/** Flags in the order in which a later one wins. */
export interface ExpandedFlags {
  /** What a `--config` file says. */
  settings: string[];
  /** Of the command line. */
  given: string[];
}

/**
 * Flags as the command names them: `--wallet-name` and `--wallet_name` are `--wallet.name`.
 * @throws FlockOffError `bad-argument` for a flag that only the Python original has, and for a file that is no settings
 *   or names what is no flag.
 */
export async function expandFlags(command: Command, argv: string[]): Promise<ExpandedFlags> {
  const byPlainName = new Map(command.options.map((option) => [plain(option.long ?? ''), option]));
  const expanded: string[] = [];
  let settings: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const [name = '', ...value] = argv[at]!.split('=');
    const option = name.startsWith('--') ? byPlainName.get(plain(name)) : undefined;
    if (option === undefined) {
      if (PYTHONS_OWN.test(name)) throw onlyPythons(name);
      expanded.push(argv[at]!);
      continue;
    }
    const given = value.length > 0 ? [value.join('=')] : option.required && at + 1 < argv.length ? [argv[++at]!] : [];
    if (option.long === '--config' && given[0] !== undefined) settings = await flagsOfFile(command, given[0]);
    else if (value.length > 0) expanded.push(`${option.long}=${given[0]}`);
    else expanded.push(option.long!, ...given);
  }
  alsoMask(settings);
  // An endpoint wins over a network, and must not when the network was said later.
  const isOtherNetwork = expanded.some((flag) => /^--subtensor[.]network(=|$)/.test(flag));
  // The same of what may be said several times, where one would be added to the other.
  const isOtherCompetition = expanded.some((flag) => /^--competition(=|$)/.test(flag));
  return {
    settings: settings.filter(
      (flag) =>
        !(isOtherNetwork && /^--subtensor[.]chain_endpoint=/.test(flag)) &&
        !(isOtherCompetition && /^--competition=/.test(flag)),
    ),
    given: expanded,
  };
}

const plain = (flag: string) => flag.replace(/[-._]/g, '').toLowerCase();

function onlyPythons(flag: string): FlockOffError {
  return new FlockOffError({
    code: 'bad-argument',
    what: `${flag} is a flag of the Python original, and means nothing to this program`,
    fix: 'leave it out',
  });
}

/** A list is written with commas, as in the flag. */
const Value = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]);
type Value = z.infer<typeof Value>;
interface Settings {
  [name: string]: Value | Settings;
}

/** Such as `netuid: 2` and `wallet: { name: ann }`; a switch is `true` or `false`. */
async function flagsOfFile(command: Command, path: string): Promise<string[]> {
  const options = command.options.filter(({ long }) => long !== '--config');
  const settings = await readSettingsFile<Settings>({
    path,
    schema: schemaOf(options.map(nameOf)),
    name: 'the settings file',
    holds: 'settings of this program',
    flag: '--config',
  });
  return options.flatMap((option) => {
    const value = valueAt(settings, nameOf(option));
    if (value === undefined || value === false) return [];
    return value === true ? [option.long!] : [`${option.long}=${value}`];
  });
}

const nameOf = (option: Option) => option.long!.slice(2);

/** `wallet.name` and `wallet.hotkey` are names within `wallet`. */
function schemaOf(names: string[]): z.ZodType<Settings> {
  const inner = new Map<string, string[]>();
  for (const name of names) {
    const [first, ...rest] = name.split('.') as [string, ...string[]];
    inner.set(first, [...(inner.get(first) ?? []), ...(rest.length > 0 ? [rest.join('.')] : [])]);
  }
  const shape = Object.fromEntries(
    [...inner].map(([name, within]) => [name, (within.length > 0 ? schemaOf(within) : Value).optional()]),
  );
  return z.strictObject(shape) as unknown as z.ZodType<Settings>;
}

function valueAt(settings: Settings, name: string): Value | undefined {
  let at: Value | Settings | undefined = settings;
  for (const part of name.split('.')) at = (at as Settings | undefined)?.[part];
  return at as Value | undefined;
}
