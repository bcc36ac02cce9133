import { decodeWalletPassword, WalletHotkey, type WalletPasswordQuestion } from 'flock-off';
import { askHidden } from './ask-hidden.ts';
import type { CommonOptions } from './options.ts';
import { printable } from './printable.ts';

/** Opens the hotkey that the flags name. */
export function openWallet(options: CommonOptions, signal?: AbortSignal): Promise<WalletHotkey> {
  const { walletPath: path, walletName: name, walletHotkey: hotkey, logger } = options;
  const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
  const ask = isTerminal ? (question: string) => askHidden({ question, signal }) : null;
  return WalletHotkey.open({ path, name, hotkey, password: passwordSource({ env: process.env, ask }), logger });
}

export interface PasswordSourceParameters {
  env: NodeJS.ProcessEnv;
  /** Asks the operator; `null` where there is nobody to ask. */
  ask: ((question: string) => Promise<string | null>) | null;
}

/** The password of an encrypted key file: what the environment says, in the variable of Bittensor's tools, else what the operator types. */
export function passwordSource({ env, ask }: PasswordSourceParameters) {
  return async ({ file, variable, attempt }: WalletPasswordQuestion): Promise<string | null> => {
    const value = env[variable];
    if (value) return attempt === 1 ? decodeWalletPassword({ value, variable }) : null;
    if (!ask) return null;
    const again = attempt > 1 ? 'That password does not open it. ' : '';
    return ask(`${again}Password of ${printable(file)}: `);
  };
}
