import type { AddressInfo } from 'node:net';
import type { DrandBeacon } from '../../chain/timelock/drand.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { type Logger, silentLogger } from '../../shared/logger.ts';
import { polkadot } from './description/polkadot.ts';
import type { Profile } from './description/profile.ts';
import { Chain } from './node/chain.ts';
import { ChainFaults } from './node/faults.ts';
import { pacedClock } from './node/paced-clock.ts';
import { rpcMethods } from './node/rpc.ts';
import { listen, serve } from './node/rpc-server.ts';
import { type Hyperparameters, type LocalSubnetParameters, setHyperparameter, writeSubnet } from './pallets/genesis.ts';
import { hasRoom, type LocalNeuron, registerNeuron } from './pallets/registration.ts';

export type { Hyperparameters, LocalNeuron, LocalSubnetParameters, Profile };

export interface LocalChainParameters {
  /** Default 0: any free port. */
  port?: number;
  /**
   * Milliseconds between blocks; `manual`: only on request; `instant`: also when a transaction or a change comes in.
   * Default 250.
   */
  blockTimeMs?: number | 'manual' | 'instant';
  /** Milliseconds from one round of the beacon to the next. Default: `blockTimeMs`, or 250 where blocks come on demand. */
  pulseMs?: number;
  /** Which generation of Subtensor's runtime it is. Default `current`. */
  profile?: Profile;
  /** Blocks between two commitments of a hotkey, on a `legacy` chain. Default 100. */
  commitmentCooldownBlocks?: number;
  /** Bytes a hotkey may commit in an epoch, at least 100 for each, since `current`. Default 3100. */
  commitmentBytesPerEpoch?: number;
  /** How many of the latest blocks {@link LocalChain.reorg} may still retract. Default 0: every block is final at once. */
  finalityLagBlocks?: number;
  subnets: LocalSubnetParameters[];
  /** Who may call as root, by `Sudo.sudo`: an ss58 address. Default: nobody. */
  sudo?: string;
  /** Free balances at the start, in smallest units, by ss58 address. */
  balances?: Record<string, number | bigint>;
  /** The time that `Timestamp.Now` says. */
  clock?: Clock;
  logger?: Logger;
}

export interface RegisterParameters extends LocalNeuron {
  netuid: number;
}

export interface SetHyperparameterParameters<Name extends keyof Hyperparameters> {
  netuid: number;
  name: Name;
  value: NonNullable<Hyperparameters[Name]>;
}

/** Time from one round of the beacon to the next where blocks come on demand. */
const PULSE_MS = 250;

/** A running development chain. What is changed here is in the next block, as if root had done it. */
export interface LocalChain {
  /** `ws://127.0.0.1:<port>`. */
  readonly url: string;
  readonly faults: ChainFaults;
  /**
   * The beacon that time-locked weights and commitments are locked to since `current`. Its rounds come with the
   * blocks: time on the chain (`Timestamp.Now`) runs ahead of the system's where blocks are made faster than their time.
   */
  readonly beacon: DrandBeacon;
  /** Produces blocks at once, besides those of the timer. Default 1. */
  produceBlocks(count?: number): Promise<void>;
  currentBlock(): number;
  /**
   * Gives a hotkey a uid, without a price, and returns the uid.
   * In a full subnet it takes the uid of the neuron that earns least, out of those that are no longer immune.
   * @throws FlockOffError `bad-argument` when it has one already, or there is no such subnet, or no room in it.
   */
  register(parameters: RegisterParameters): number;
  setHyperparameter<Name extends keyof Hyperparameters>(parameters: SetHyperparameterParameters<Name>): void;
  /** Gives a registered hotkey another stake on a subnet. Permits follow at the next epoch. */
  setStake(parameters: { netuid: number; hotkey: string; stake: number }): void;
  /** Gives the chain a later runtime, in place, from the next block on. Default `current`. */
  upgradeRuntime(to?: Profile): void;
  /** The weights a uid has set, as they are stored: the largest is 65535. Empty when it has set none. */
  weights(parameters: { netuid: number; uid: number }): { uid: number; value: number }[];
  /** Reads a storage item by "Pallet.Item" and its keys. */
  storage(item: string, ...keys: unknown[]): unknown;
  /** Writes a storage item: its keys, then the value. */
  setStorage(item: string, ...keysAndValue: unknown[]): void;
  /** Writes the raw bytes of a storage item, `0x` hex, after its keys: also bytes that do not decode. */
  setRawStorage(item: string, ...keysAndHex: unknown[]): void;
  /** Cuts every connection; clients may connect again. */
  dropConnections(): void;
  /**
   * Retracts the best block: its transactions are included again two blocks later.
   * @throws Error when that block is final, or changed the runtime.
   */
  reorg(): void;
  /** Announces the best block once more. */
  repeatHead(): void;
  /** Stops listening for a while: the chain goes on, and its transaction pool is lost. */
  restart(downMs?: number): Promise<void>;
  /** Ends every connection and timer. */
  close(): Promise<void>;
}

export const LocalChain = {
  /**
   * Starts a development chain on 127.0.0.1 that speaks Subtensor's dialect of Substrate, as of spec 218, 425 or 475: unmodified
   * clients connect, read, sign and submit. One authority, no consensus, every block final, in memory. For
   * development and tests only.
   * @throws FlockOffError `port-in-use`; `bad-argument` for a subnet or a hotkey on it that is given twice.
   * @example
   * const chain = await LocalChain.open({ subnets: [{ netuid: 1, neurons: [{ hotkey, validatorPermit: true }] }] });
   * const subtensor = await Subtensor.open({ endpoint: chain.url });
   */
  open: startLocalChain,
};

async function startLocalChain(parameters: LocalChainParameters): Promise<LocalChain> {
  const { port = 0, blockTimeMs = 250, profile = 'current', subnets, logger = silentLogger } = parameters;
  const { commitmentCooldownBlocks = 100, commitmentBytesPerEpoch = 3_100, finalityLagBlocks = 0 } = parameters;
  const { pulseMs = typeof blockTimeMs === 'number' ? blockTimeMs : PULSE_MS } = parameters;
  const { clock = pacedClock(systemClock, pulseMs) } = parameters;
  const netuids = subnets.map(({ netuid }) => netuid);
  const { LocalBeacon } = await import('./state/beacon.ts');
  const beacon = new LocalBeacon({
    seed: 'flock-off local chain',
    genesisSeconds: Math.floor(clock.nowMs() / 1000),
    periodSeconds: pulseMs / 1000,
  });
  const chain = new Chain({
    polkadot: await polkadot(),
    runtime: {
      profile,
      cooldownBlocks: commitmentCooldownBlocks,
      maxSpaceBytes: commitmentBytesPerEpoch,
      blockTimeMs: pulseMs,
    },
    ...{ clock, beacon, netuids, finalityLagBlocks },
  });
  refuseDuplicates(netuids, 'subnet');
  for (const subnet of subnets) {
    refuseDuplicates(
      subnet.neurons.map(({ hotkey }) => hotkey),
      `neuron of subnet ${subnet.netuid}`,
    );
    writeSubnet(chain.storage, subnet);
  }
  if (parameters.sudo !== undefined) chain.storage.put('Sudo.Key', parameters.sudo);
  for (const [account, free] of Object.entries(parameters.balances ?? {}))
    chain.storage.put('System.Account', account, { providers: 1, data: { free } });
  chain.begin();

  const faults = new ChainFaults();
  const produceBlock = () => {
    const { number, extrinsics } = chain.produceBlock();
    logger.debug(`block ${number}`, { transactions: extrinsics.length - 1 });
  };
  const timer = typeof blockTimeMs === 'number' ? setInterval(produceBlock, blockTimeMs) : undefined;
  let soon: NodeJS.Immediate | null = null;
  /** With `instant`, one block for everything that comes at once. */
  const onChange = () => {
    if (blockTimeMs !== 'instant') return;
    soon ??= setImmediate(() => {
      soon = null;
      produceBlock();
    });
  };
  /** Writes to the storage of the next block. */
  const change = <T>(write: (block: number) => T): T => {
    const block = chain.best.number + 1;
    chain.storage.startBlock(block);
    onChange();
    return write(block);
  };
  const methods = rpcMethods(chain, netuids, onChange);
  const open = async (at: number) => {
    const opened = await listen(at, faults);
    opened.on('connection', (socket) => serve(socket, methods, faults));
    return opened;
  };
  let server = await open(port);
  let restarted = Promise.resolve();
  const shut = async () => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  logger.info(`a development chain listens at ${url}`, { subnets: netuids });

  return {
    url,
    faults,
    beacon,
    produceBlocks: async (count = 1) => {
      for (let i = 0; i < count; i++) produceBlock();
    },
    currentBlock: () => chain.best.number,
    register: ({ netuid, ...neuron }) => {
      if (!netuids.includes(netuid)) throw noSuchSubnet(netuid);
      const uid = chain.storage.get<number | null>('SubtensorModule.Uids', netuid, neuron.hotkey);
      if (uid !== null) throw badArgument(`${neuron.hotkey} is uid ${uid} of subnet ${netuid} already`);
      if (!hasRoom(chain.storage, netuid, chain.best.number + 1))
        throw badArgument(`subnet ${netuid} is full, and all its neurons are immune`);
      return change((block) => registerNeuron(chain.storage, block, netuid, neuron));
    },
    setHyperparameter: ({ netuid, name, value }) => {
      if (!netuids.includes(netuid)) throw noSuchSubnet(netuid);
      change(() => setHyperparameter(chain.storage, netuid, name, value));
    },
    setStake: ({ netuid, hotkey, stake }) =>
      change(() => chain.storage.put('SubtensorModule.TotalHotkeyAlpha', hotkey, netuid, stake)),
    upgradeRuntime: (to = 'current') => {
      chain.upgrade(to);
      onChange();
    },
    weights: ({ netuid, uid }) =>
      chain.storage
        .get<[number, number][]>('SubtensorModule.Weights', netuid, uid)
        .map(([target, value]) => ({ uid: target, value })),
    storage: (item, ...keys) => chain.storage.get(item, ...keys),
    setStorage: (item, ...keysAndValue) => change(() => chain.storage.put(item, ...keysAndValue)),
    setRawStorage: (item, ...keysAndHex) =>
      change(() => chain.storage.putRaw(chain.codec.key(item, keysAndHex.slice(0, -1)), String(keysAndHex.at(-1)))),
    dropConnections: () => {
      for (const socket of server.clients) socket.terminate();
    },
    reorg: () => chain.reorg(),
    repeatHead: () => {
      for (const listener of chain.onBlock) listener(chain.best);
    },
    restart: (downMs = 0) => {
      restarted = restarted.then(async () => {
        await shut();
        chain.pool.clear();
        await systemClock.sleep({ durationMs: downMs });
        server = await open(Number(new URL(url).port));
      });
      return restarted;
    },
    close: async () => {
      clearInterval(timer);
      if (soon) clearImmediate(soon);
      await shut();
    },
  };
}

function refuseDuplicates(values: (string | number)[], what: string): void {
  const duplicate = values.find((value, i) => values.indexOf(value) < i);
  if (duplicate !== undefined) throw badArgument(`${what} ${duplicate} is given twice`);
}

function noSuchSubnet(netuid: number): FlockOffError {
  return badArgument(`the local chain has no subnet ${netuid}`);
}

function badArgument(what: string): FlockOffError {
  return new FlockOffError({ code: 'bad-argument', what });
}
