import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { FlockOffError, type FlockOffErrorCode, messageOf } from '../../errors/flock-off-error.ts';
import { type ForeignKeyFile, foreignKeyFile } from './foreign-key-file.ts';

/** Which wallet, and which of its hotkeys. */
export interface WalletLocation {
  /** Folder of wallets; `~` is the home folder. Default `~/.bittensor/wallets/`. */
  path?: string;
  /** Wallet (coldkey) name. Default `default`. */
  name?: string;
  /** Hotkey name. Default `default`. */
  hotkey?: string;
}

/** The files of a wallet in Bittensor's layout. */
export interface WalletFiles {
  coldkey: string;
  coldkeypub: string;
  hotkey: string;
  hotkeypub: string;
}

const expandHome = (path: string) => path.replace(/^~(?=$|[/\\])/, homedir());

/**
 * Where a wallet's files are, whether they exist or not.
 * @example
 * const { hotkey } = walletFiles({ name: 'ann', hotkey: 'miner' });
 */
export function walletFiles({
  path = '~/.bittensor/wallets/',
  name = 'default',
  hotkey = 'default',
}: WalletLocation = {}): WalletFiles {
  const folder = join(expandHome(path), name);
  return {
    coldkey: join(folder, 'coldkey'),
    coldkeypub: join(folder, 'coldkeypub.txt'),
    hotkey: join(folder, 'hotkeys', hotkey),
    hotkeypub: join(folder, 'hotkeys', `${hotkey}pub.txt`),
  };
}

/** What to do where there is no hotkey's file: often a path was given for a name, or a wallet for the folder of wallets. */
export function missingHotkeyFix({ path, hotkey = '' }: WalletLocation): string {
  const folder = path === undefined ? null : resolve(expandHome(path));
  if (folder && existsSync(join(folder, 'hotkeys')))
    return `${folder} is itself a wallet: pass --wallet.path ${dirname(folder)} --wallet.name ${basename(folder)}`;
  if (/[/\\]/.test(hotkey)) return 'pass the name of the hotkey as --wallet.hotkey, not the path of its file';
  return 'check --wallet.path, --wallet.name and --wallet.hotkey, or make one: btcli wallet new-hotkey';
}

export interface WalletFileContent {
  bytes: Buffer;
  /** Whether group or others may read the file. False on Windows, where the mode says nothing about it. */
  othersCanRead: boolean;
}

/**
 * Reads a file of a wallet.
 * @throws FlockOffError `wallet` when it is missing, no file, or cannot be read; `missingFix` says what to do in the first case.
 */
export async function readWalletFile(file: string, missingFix: () => string): Promise<WalletFileContent> {
  try {
    const { mode } = await fileStatus(file);
    return { bytes: await readFile(file), othersCanRead: process.platform !== 'win32' && (mode & 0o044) !== 0 };
  } catch (error) {
    if (error instanceof FlockOffError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw walletError(file, `there is no key file at ${file}`, missingFix());
    throw walletError(
      file,
      `the key file ${file} cannot be read (${messageOf(error)})`,
      'check the rights of the file',
    );
  }
}

const MAX_BYTES = 1024 * 1024;

/** Asked before reading, because a pipe in the file's place would never end. */
async function fileStatus(file: string) {
  const status = await stat(file);
  if (status.isFile() && status.size > MAX_BYTES)
    throw walletError(
      file,
      `${file} is no key file: it has ${status.size} bytes, and a key file less than ${MAX_BYTES}`,
      'check --wallet.path, --wallet.name and --wallet.hotkey',
    );
  if (status.isFile()) return status;
  throw walletError(
    file,
    `${file} is no key file but a folder or a device`,
    'check --wallet.path, --wallet.name and --wallet.hotkey',
  );
}

/** A fault of a wallet's file. There is no `cause` on purpose: what parsers and codecs throw may quote the secret. */
export function walletError(
  file: string,
  what: string,
  fix: string,
  code: Extract<FlockOffErrorCode, 'wallet' | 'wallet-password'> = 'wallet',
): FlockOffError {
  return new FlockOffError({ code, what, fix, facts: { file } });
}

/** A file that holds something else, by its name where it is known; else it is damaged. */
export function noKeyFile(file: string, content: Uint8Array): FlockOffError {
  const foreign = foreignKeyFile(content);
  if (foreign && file.endsWith('coldkeypub.txt'))
    return foreignFile(file, {
      ...foreign,
      wayIn: 'make it from the address and its public key with btcli wallet regen-coldkeypub',
    });
  return foreign ? foreignFile(file, foreign) : damagedFile(file);
}

export function foreignFile(file: string, { holds, wayIn }: ForeignKeyFile): FlockOffError {
  return walletError(file, `the key file ${file} holds ${holds}`, wayIn);
}

export function damagedFile(file: string): FlockOffError {
  return walletError(
    file,
    `the key file ${file} is damaged: expected one JSON object with hex keys and an ss58 address`,
    'restore it from its mnemonic or a backup',
  );
}
