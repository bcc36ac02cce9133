import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors/flock-off-error.ts';
import { diskUse } from '../../operator/watch-disk.ts';
import { bytesText, durationText } from '../../operator/words.ts';
import { runCommand } from '../../setup/run-command.ts';
import { printable } from '../../shared/printable.ts';
import { secretsOfProcess } from '../../shared/process-secrets.ts';
import { Secrets, secretsOfUrl } from '../../shared/secrets.ts';
import { type CheckHubParameters, checkHub } from './check-hub.ts';
import type { MachineCheck } from './machine-check.ts';

export interface OnlineParameters extends CheckHubParameters {
  network?: string;
  endpoints?: string[];
}

export interface CheckMachineParameters {
  /** A folder on the disk that is measured. */
  diskFolder: string;
  walletFolder: string;
  /** The validator's data folder. */
  dataDir: string;
  /** The chain and the hub to ask; `null`: nothing leaves this machine. */
  online: OnlineParameters | null;
}

/** What running for weeks needs beside backends: each is looked at by itself, and none throws. */
export async function checkMachine(parameters: CheckMachineParameters): Promise<MachineCheck[]> {
  const { diskFolder, walletFolder, dataDir, online } = parameters;
  const checks = [
    checkClock(),
    checkOpenFiles(),
    checkDiskSpeed(diskFolder),
    checkWallets(walletFolder),
    checkDataFolder(dataDir),
    ...(online ? [checkChain(online), checkHub({ ...online, isValidator: existsSync(join(dataDir, 'state')) })] : []),
  ];
  const { hubToken, hubEndpoint = '', network = '', endpoints = [] } = online ?? {};
  const ofAddresses = [hubEndpoint, network, ...endpoints].flatMap(secretsOfUrl);
  const secrets = new Secrets([...secretsOfProcess(process), hubToken, ...ofAddresses]);
  const found = await Promise.all(checks.map((check) => check.catch((error: unknown) => failed(error))));
  return found.map((check) => ({ ...check, told: printable(secrets.mask(check.told)) }));
}

const failed = (error: unknown): MachineCheck => ({ name: 'check', ok: null, told: messageOf(error) });

/** Epochs and signatures go by this machine's time; a drift of minutes is refused by nodes. */
async function checkClock(): Promise<MachineCheck> {
  const args = ['show', '-p', 'NTPSynchronized', '--value'];
  const { code, stdout } = await runCommand({ command: 'timedatectl', args, timeoutMs: 5_000 });
  const answer = code === 0 ? stdout.trim() : '';
  if (answer === 'yes') return { name: 'clock', ok: true, told: 'is kept right over the network' };
  if (answer === 'no')
    return { name: 'clock', ok: false, told: 'is not kept right: install chrony or systemd-timesyncd' };
  return { name: 'clock', ok: null, told: 'the system does not say whether it is kept right; --online compares it' };
}

/** A validator holds sockets, tables of its state and datasets open. */
const LEAST_OPEN_FILES = 4_096;

async function checkOpenFiles(): Promise<MachineCheck> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return { name: 'open files', ok: null, told: 'the system does not say how many are allowed' };
  const ok = soft === 'unlimited' || Number(soft) >= LEAST_OPEN_FILES;
  return {
    name: 'open files',
    ok,
    told: `${soft} are allowed${ok ? '' : `, set at least ${LEAST_OPEN_FILES} (LimitNOFILE= in a unit)`}`,
  };
}

const MEASURED_BYTES = 32 * 1024 * 1024;
/** Slower ones hold up checkpoints and the state, which are synced. */
const LEAST_BYTES_PER_SECOND = 20e6;

async function checkDiskSpeed(folder: string): Promise<MachineCheck> {
  const scratch = await mkdtemp(join(folder, '.flock-off-speed-'));
  try {
    const file = await open(join(scratch, 'bytes'), 'w');
    const bytes = randomBytes(MEASURED_BYTES);
    const begunMs = performance.now();
    try {
      await file.write(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    const perSecond = (1000 * MEASURED_BYTES) / (performance.now() - begunMs);
    const ok = perSecond >= LEAST_BYTES_PER_SECOND;
    return {
      name: 'disk speed',
      ok,
      told: `${bytesText(perSecond)} a second, written and synced${ok ? '' : ': put --data_dir and --cache_dir on a faster disk'}`,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Keys that others can read, and coldkeys, which a bot does not need. */
async function checkWallets(folder: string): Promise<MachineCheck> {
  const open: string[] = [];
  const coldkeys: string[] = [];
  for (const wallet of await readdir(folder).catch(() => [])) {
    const hotkeys = await readdir(join(folder, wallet, 'hotkeys')).catch(() => []);
    const keys = [...hotkeys.map((name) => join('hotkeys', name)), 'coldkey'].filter(
      (name) => !name.endsWith('pub.txt'),
    );
    for (const key of keys) {
      const found = await lstat(join(folder, wallet, key)).catch(() => null);
      if (!found?.isFile()) continue;
      if (found.mode & 0o077) open.push(join(wallet, key));
      if (key === 'coldkey') coldkeys.push(wallet);
    }
  }
  const told = [
    open.length > 0 ? `others can read ${open.join(', ')}: chmod 600` : 'no key can be read by others',
    ...(coldkeys.length > 0 ? [`the coldkeys of ${coldkeys.join(', ')} are here, and no bot needs one`] : []),
  ];
  return { name: 'wallet modes', ok: open.length === 0 && coldkeys.length === 0, told: told.join('; ') };
}

async function checkDataFolder(folder: string): Promise<MachineCheck> {
  if (!existsSync(folder)) return { name: 'data folder', ok: null, told: `there is no ${folder} yet` };
  const parts = { state: join(folder, 'state'), reports: join(folder, 'reports'), all: folder };
  const use = await diskUse(parts);
  const mode = (await lstat(join(folder, 'state')).catch(() => null))?.mode ?? 0;
  const ok = (mode & 0o077) === 0;
  const told = use.map(({ name, bytes, files }) => `${name} ${bytesText(bytes)} in ${files} files`).join(', ');
  return { name: 'data folder', ok, told: ok ? told : `${told}; others can read its state: chmod 700` };
}

const OLD_BLOCK_MS = 120_000;

async function checkChain({ network, endpoints }: OnlineParameters): Promise<MachineCheck> {
  const [{ Subtensor }, { toNumber }] = await Promise.all([
    import('../../chain/subtensor.ts'),
    import('../../chain/node/snapshot.ts'),
  ]);
  try {
    const subtensor = await Subtensor.open({ network, endpoints, signal: AbortSignal.timeout(20_000) });
    try {
      const [block, timeMs] = await subtensor.read({
        what: 'reading the time of the chain',
        use: async (snapshot) => {
          const { block, time } = await snapshot.read({ block: ['system.number'], time: ['timestamp.now'] });
          return [toNumber(block), toNumber(time)] as const;
        },
      });
      const ageMs = Date.now() - timeMs;
      return {
        name: 'chain',
        ok: ageMs < OLD_BLOCK_MS && ageMs > -OLD_BLOCK_MS,
        told: `block ${block}, ${durationText(ageMs)} old by this clock`,
      };
    } finally {
      await subtensor.close();
    }
  } catch (error) {
    return { name: 'chain', ok: false, told: messageOf(error) };
  }
}
