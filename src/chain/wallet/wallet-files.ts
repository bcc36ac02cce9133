import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FlockOffError, type FlockOffErrorCode, messageOf } from '../../errors/flock-off-error.ts';

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

/** Where a wallet's files are, whether they exist or not. */
export function walletFiles({
  path = '~/.bittensor/wallets/',
  name = 'default',
  hotkey = 'default',
}: WalletLocation = {}): WalletFiles {
  const folder = join(path.replace(/^~(?=$|[/\\])/, homedir()), name);
  return {
    coldkey: join(folder, 'coldkey'),
    coldkeypub: join(folder, 'coldkeypub.txt'),
    hotkey: join(folder, 'hotkeys', hotkey),
    hotkeypub: join(folder, 'hotkeys', `${hotkey}pub.txt`),
  };
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
export async function readWalletFile(file: string, missingFix: string): Promise<WalletFileContent> {
  try {
    const { mode } = await fileStatus(file);
    return { bytes: await readFile(file), othersCanRead: process.platform !== 'win32' && (mode & 0o044) !== 0 };
  } catch (error) {
    if (error instanceof FlockOffError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw walletError(file, `there is no key file at ${file}`, missingFix);
    throw walletError(
      file,
      `the key file ${file} cannot be read (${messageOf(error)})`,
      'check the rights of the file',
    );
  }
}

/** Asked before reading, because a pipe in the file's place would never end. */
async function fileStatus(file: string) {
  const status = await stat(file);
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

export function damagedFile(file: string): FlockOffError {
  return walletError(
    file,
    `the key file ${file} is damaged: expected one JSON object with hex keys and an ss58 address`,
    'restore it from its mnemonic or a backup',
  );
}
