import { FlockOffError } from '../../errors/flock-off-error.ts';
import { requiredItem } from '../../shared/required.ts';

/**
 * The environment variable in which Bittensor's tools look for the password of an encrypted key file. The library reads
 * no environment; the examples do.
 * @param file as in {@link walletFiles}
 * @example walletPasswordVariable('/root/.bittensor/wallets/ann/coldkey') // 'BT_PW__ROOT__BITTENSOR_WALLETS_ANN_COLDKEY'
 */
export function walletPasswordVariable(file: string): string {
  return `BT_PW_${file.replace(/[/\\.]/g, '_').toUpperCase()}`;
}

/**
 * What to set the variable to: the password XOR the variable's name, in base64. It hides from a glance, not from an attacker.
 * @example
 * const variable = walletPasswordVariable(walletFiles({ name: 'ann', hotkey: 'default' }).hotkey);
 * console.log(`export ${variable}=${encodeWalletPassword({ password, variable })}`);
 */
export function encodeWalletPassword({ password, variable }: { password: string; variable: string }): string {
  return Buffer.from(xor(Buffer.from(password), variable)).toString('base64');
}

/**
 * The password that a variable holds.
 * @throws FlockOffError `wallet-password` when the value is none of {@link encodeWalletPassword}.
 * @example
 * const value = encodeWalletPassword({ password: 'secret', variable: 'BT_PW_ANN' });
 * decodeWalletPassword({ value, variable: 'BT_PW_ANN' }); // 'secret'
 */
export function decodeWalletPassword({ value, variable }: { value: string; variable: string }): string {
  try {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value.trim())) throw new Error('no base64');
    return new TextDecoder('utf-8', { fatal: true }).decode(xor(Buffer.from(value, 'base64'), variable));
  } catch {
    throw new FlockOffError({
      code: 'wallet-password',
      what: `${variable} does not hold an encoded password`,
      fix: 'set it to what encodeWalletPassword returns',
      facts: { variable },
    });
  }
}

function xor(bytes: Uint8Array, key: string): Uint8Array {
  const keyBytes = Buffer.from(key);
  return bytes.map((byte, i) => byte ^ requiredItem(keyBytes, i % keyBytes.length));
}
