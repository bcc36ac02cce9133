import { encodeWalletPassword, FlockOffError, WalletHotkey, walletFiles, walletPasswordVariable } from 'flock-off';
import { askHidden } from './ask-hidden.ts';
import { commonOptions, subnetCommand } from './options.ts';
import { runAsMain } from './run-as-main.ts';

/** Asks for the password of an encrypted hotkey, tries it, and prints the variable that opens the hotkey without a terminal. */
export async function main(
  argv: string[],
  signal?: AbortSignal,
  print: (line: string) => void = console.log,
  ask: typeof askHidden = askHidden,
): Promise<void> {
  const command = subnetCommand('wallet-password', 'Print the variable that opens an encrypted hotkey.');
  const {
    walletPath: path,
    walletName: name,
    walletHotkey: hotkey,
  } = commonOptions(command.parse(argv, { from: 'user' }));
  const { hotkey: file } = walletFiles({ path, name, hotkey });
  const password = await ask({ question: `Password of ${file}: `, signal });
  if (password === null)
    throw new FlockOffError({ code: 'wallet-password', what: 'no password was typed', fix: 'start again and type it' });
  await WalletHotkey.open({ path, name, hotkey, password });
  const variable = walletPasswordVariable(file);
  print(`${variable}=${encodeWalletPassword({ password, variable })}`);
}

await runAsMain(import.meta.url, (argv, signal) => main(argv, signal));
