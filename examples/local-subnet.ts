import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlockOffError } from 'flock-off';
import { LOCAL_COMPETITION, LocalChain, LocalHub, TINY_BASE, writeDevWallet } from 'flock-off/local';
import { CALLED_AS } from './called-as.ts';
import type { ExpandedFlags } from './flags.ts';
import { Owners } from './owners.ts';
import { findServedSubnet, type LocalSubnet, type RunningSubnet } from './served-subnet.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

export type { LocalSubnet, RunningSubnet };

const NETUID = 2;
/** As a founder of a competition names it. */
const TINY_MODEL = { id: 'local/tiny-base', folder: TINY_BASE };
const HUB_USER = { name: 'local', token: 'hf_local_development_token' };

/** Every registered wallet (uid = place): the validator, the sample miners, and one for whoever tries `miner.ts --local`. */
const WALLETS = ['validator', 'good', 'mediocre', 'noise', 'copy', 'malformed', 'missing', 'miner'];

export interface StartLocalSubnetParameters {
  /** Whether validators have to hide their weights: the chain opens them an epoch later. Default false. */
  commitReveal?: boolean;
  signal?: AbortSignal;
}

/**
 * Starts a chain with 250 ms blocks and a hub, on loopback, with every wallet registered. Nothing outlives `close()`, nor
 * a start that fails or is aborted.
 */
export async function startLocalSubnet({
  commitReveal = false,
  signal,
}: StartLocalSubnetParameters = {}): Promise<RunningSubnet> {
  const open = new Owners();
  try {
    const { path: folder } = open.own(await makeTemporaryFolder(), (it) => it.remove());
    const neurons = [];
    for (const name of WALLETS) {
      const wallet = await writeDevWallet({ path: join(folder, 'wallets'), name });
      const isValidator = name === 'validator';
      neurons.push({ ...wallet, validatorPermit: isValidator, stake: isValidator ? 1_000 : 0 });
    }
    const owner = await writeDevWallet({ path: join(folder, 'wallets'), name: 'owner', coldkey: true });
    await writeFile(join(folder, 'competition.json'), JSON.stringify(LOCAL_COMPETITION));
    const hub = open.own(await LocalHub.open({ users: [HUB_USER], models: [TINY_MODEL] }), (it) => it.close());
    const chain = await LocalChain.open({
      blockTimeMs: 250,
      subnets: [
        {
          ...{ netuid: NETUID, name: 'local', owner: owner.coldkey, neurons },
          ...{ tempo: 60, weightsRateLimit: 20, commitRevealEnabled: commitReveal },
        },
      ],
    });
    open.own(chain, (it) => it.close());
    const { publicKey, ...times } = chain.beacon;
    const beacon = { publicKey: Buffer.from(publicKey).toString('hex'), ...times };
    await writeFile(join(folder, 'beacon.json'), JSON.stringify(beacon));
    signal?.throwIfAborted();
    const { url: hubUrl } = hub;
    exemptFromProxies({ chainUrl: chain.url, hubUrl });
    return { chainUrl: chain.url, hubUrl, hubToken: HUB_USER.token, netuid: NETUID, folder, close: () => open.close() };
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** A proxy leads out of this machine; it is not asked for the servers on it. */
function exemptFromProxies({ chainUrl, hubUrl }: Pick<LocalSubnet, 'chainUrl' | 'hubUrl'>): void {
  const own = [chainUrl, hubUrl].map((url) => new URL(url).host);
  const exempt = process.env.no_proxy ?? process.env.NO_PROXY ?? '';
  process.env.no_proxy = process.env.NO_PROXY = [...new Set([...exempt.split(/[\s,]+/), ...own])]
    .filter(Boolean)
    .join();
}

export interface LocalFlagsOptions {
  /** Whether a competition was founded, which has rules and base model of its own. Default false. */
  founded?: boolean;
}

/** The flags that point miner.ts or validator.ts at a local subnet, signing as `wallet`. Also sets HF_TOKEN to the local hub's. */
export function localFlags(subnet: LocalSubnet, wallet: string, { founded = false }: LocalFlagsOptions = {}): string[] {
  process.env.HF_TOKEN = subnet.hubToken;
  // Of the operator's real validator.
  delete process.env.FLOCK_OFF_QUEUE_URL;
  const flags = {
    '--subtensor.chain_endpoint': subnet.chainUrl,
    '--hf_endpoint': subnet.hubUrl,
    '--netuid': String(subnet.netuid),
    '--wallet.path': join(subnet.folder, 'wallets'),
    '--wallet.name': wallet,
    '--wallet.hotkey': 'default',
    '--data_dir': join(subnet.folder, wallet),
    ...(founded ? {} : { '--competition_file': join(subnet.folder, 'competition.json') }),
  };
  const validatorFlags = {
    ...(founded ? {} : { '--base_model': TINY_BASE }),
    '--cache_dir': join(subnet.folder, 'cache'),
    '--block_threshold': '60',
    '--beacon_file': join(subnet.folder, 'beacon.json'),
  };
  return Object.entries(wallet === 'validator' ? { ...flags, ...validatorFlags } : flags).flat();
}

export interface WithLocalSubnetParameters {
  /** Whether `--local` is among the flags; without it nothing is started. */
  local: boolean;
  flags: ExpandedFlags;
  wallet: string;
  /** Fills a subnet that is started for this script alone. Without it there has to be a served one. */
  populate?: (subnet: LocalSubnet, signal?: AbortSignal) => Promise<void>;
  signal?: AbortSignal;
}

/**
 * What `--local` means: the subnet that `npm start -- --serve` keeps running, else one started for this script alone.
 * Returns the script's flags with the local ones in front of those of the command line, which still win; a settings file,
 * which may be that of a real subnet, does not.
 * @throws FlockOffError `bad-argument` when none is served and there is no sense in one for this script alone.
 */
export async function withLocalSubnet({
  local,
  flags: { settings, given },
  wallet,
  populate,
  signal,
}: WithLocalSubnetParameters): Promise<{ argv: string[]; close(): Promise<void> }> {
  if (!local) return { argv: [...settings, ...given], close: async () => {} };
  const founded = [...settings, ...given].some((flag) => /^--competition(=|$)/.test(flag));
  const served = await findServedSubnet();
  if (served) {
    exemptFromProxies(served);
    return { argv: [...settings, ...localFlags(served, wallet, { founded }), ...given], close: async () => {} };
  }
  if (!populate || founded)
    throw new FlockOffError({
      code: 'bad-argument',
      what: `no local subnet is served on this machine, and in one of its own ${founded ? 'there is no such competition' : 'nobody would see what is published'}`,
      fix: `start one in another terminal with \`${CALLED_AS.serve}\`, and run this again when it says that it stays up`,
    });
  const own = await startLocalSubnet({ signal });
  try {
    await populate(own, signal);
  } catch (error) {
    await own.close();
    throw error;
  }
  return { argv: [...settings, ...localFlags(own, wallet), ...given], close: own.close };
}
