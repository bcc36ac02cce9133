import type { Logger } from '../../shared/logger.ts';
import { walletPasswordVariable } from './password.ts';
import { damagedFile, walletError } from './wallet-files.ts';

/** What is asked for a password. */
export interface WalletPasswordQuestion {
  /** The encrypted file. */
  file: string;
  /** The environment variable that Bittensor's tools read the password from, see {@link walletPasswordVariable}. */
  variable: string;
  /** 1, then 2 and 3 after passwords that did not open the file. */
  attempt: number;
}

/** A password, or who is asked for it; `null` gives up. */
export type WalletPassword = string | ((question: WalletPasswordQuestion) => string | null | Promise<string | null>);

/** The content of an encrypted file with the password; `null` when that does not fit. */
type Open = (password: string) => Promise<Uint8Array | null>;

/** How key files are encrypted, by how they begin. `read` gives `null` when the file is damaged. Each is loaded when it is met. */
const METHODS: { prefix: string; read: (content: Uint8Array) => Promise<Open | null> }[] = [
  {
    prefix: '$NACL',
    read: async (content) => {
      const { readNaclBox, naclKey, openNaclBox } = await import('./nacl-box.ts');
      const box = readNaclBox(content);
      return box && (async (password) => openNaclBox(box, await naclKey(password)));
    },
  },
  {
    prefix: '$ANSIBLE_VAULT',
    read: async (content) => {
      const { readAnsibleVault, openAnsibleVault } = await import('./ansible-vault.ts');
      const vault = readAnsibleVault(content);
      return vault && ((password) => openAnsibleVault(vault, password));
    },
  },
  {
    prefix: 'gAAAAA',
    read: async (content) => {
      const { readFernetToken, fernetKey, openFernetToken } = await import('./fernet.ts');
      const token = readFernetToken(content);
      return token && (async (password) => openFernetToken(token, await fernetKey(password)));
    },
  },
];
const ATTEMPTS = 3;
const BOM = Buffer.from('\ufeff');

export interface UnsealParameters {
  file: string;
  password?: WalletPassword;
  logger: Logger;
}

/**
 * The plain content of a key file, which is what it was when the file is not encrypted.
 * @throws FlockOffError `wallet-password` without a password, or with a wrong one; `wallet` when the file is damaged.
 */
export async function unseal(written: Uint8Array, { file, password, logger }: UnsealParameters): Promise<Uint8Array> {
  // Editors on Windows put a byte-order mark in front.
  const content = Buffer.from(written).subarray(0, 3).equals(BOM) ? written.subarray(3) : written;
  const method = METHODS.find(({ prefix }) =>
    Buffer.from(content).subarray(0, prefix.length).equals(Buffer.from(prefix)),
  );
  if (!method) return content;
  const open = await method.read(content);
  if (!open) throw damagedFile(file);
  const variable = walletPasswordVariable(file);
  const ask =
    typeof password === 'function'
      ? password
      : ({ attempt }: WalletPasswordQuestion) => (attempt === 1 ? password : null);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const given = await ask({ file, variable, attempt });
    if (given == null && attempt === 1) throw noPassword(file, variable);
    if (given == null) break;
    logger.info(`decrypting ${file}, which may take some seconds`);
    const plain = await open(given);
    if (plain) return plain;
  }
  throw walletError(
    file,
    `the password does not open the key file ${file}`,
    `check the password, and ${variable} if it comes from there; a damaged file does not open either`,
    'wallet-password',
  );
}

function noPassword(file: string, variable: string) {
  return walletError(
    file,
    `the key file ${file} is encrypted, and no password was given`,
    `start on a terminal to be asked for it, or set ${variable} to the encoded password`,
    'wallet-password',
  );
}
