import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { WalletHotkey, type WalletHotkeyParameters } from '../../../src/chain/wallet/hotkey.ts';
import recorded from '../../vectors/wallets/vectors.json' with { type: 'json' };

/** What Bittensor's own wallet, Ansible and Fernet wrote; every key in it is published. */
export const VECTORS = recorded;
/** The development phrase of Substrate and what follows from it. */
export const PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';
export const SEED = VECTORS.keyFiles['sr25519 phrase'].secretSeed;
export const DEV_ADDRESS = VECTORS.keyFiles['sr25519 phrase'].ss58Address;
/** //Alice of sr25519, whose key file has a private key only. */
export const ALICE = VECTORS.keyFiles['sr25519 uri //Alice'];

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'flock-off-wallet-'));
  await mkdir(join(path, 'default', 'hotkeys'), { recursive: true });
});
afterEach(() => rm(path, { recursive: true, force: true }));

/** The folder of wallets of this test. */
export const walletPath = () => path;
export const hotkeyFile = () => join(path, 'default', 'hotkeys', 'default');

/** Writes the hotkey's file, anything but text and bytes as JSON, and opens it. */
export async function openAs(content: unknown, parameters: WalletHotkeyParameters = {}) {
  await writeHotkey(content);
  return WalletHotkey.open({ path, ...parameters });
}

export async function writeHotkey(content: unknown, mode = 0o600): Promise<void> {
  const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  await writeFile(hotkeyFile(), text);
  await chmod(hotkeyFile(), mode);
}
