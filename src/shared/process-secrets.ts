import { secretsOfUrl } from './secrets.ts';

/** Names of variables that hold addresses: Bittensor's, the Hub's, pip's and those of proxies. */
const ADDRESS = /(_PROXY|_URL|_STORAGE|ENDPOINT|NETWORK)$/i;

const SECRETS = new Set(['HF_TOKEN', 'FLOCK_OFF_QUEUE_PASSWORD']);

export interface SecretsOfProcessParameters {
  env: NodeJS.ProcessEnv;
  /** Of the command line. */
  argv?: readonly string[];
}

/**
 * What a process was given that must not be shown: the Hub's token, the variables with passwords of wallets and of a queue, and what
 * addresses in its environment and on its command line hold of passwords and keys.
 * @example
 * const secrets = new Secrets(secretsOfProcess(process));
 */
export function secretsOfProcess({ env, argv = [] }: SecretsOfProcessParameters): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined || value === '') return [];
    if (SECRETS.has(name) || name.startsWith('BT_PW_')) return value;
    return ADDRESS.test(name) ? secretsOfUrls(value) : [];
  });
  const values = argv.map((argument) => argument.replace(/^--[\w.-]+=/, ''));
  const addresses = values.filter((value) => value.includes('://') || /^[^\s/@]+:[^\s@]+@/.test(value));
  return [...variables, ...addresses.flatMap(secretsOfUrls)];
}

/** Several addresses stand with commas or blanks between them; a password may hold those, too. */
function secretsOfUrls(text: string): string[] {
  return [text, ...text.split(/[,\s]+/)].flatMap(secretsOfUrl);
}
