import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { Chain } from './chain.ts';
import { polkadot } from './polkadot.ts';
import { type RpcSession, rpcError, rpcMethods } from './rpc.ts';

export interface LocalNeuron {
  /** ss58 address. */
  hotkey: string;
  /** Default: the hotkey itself. */
  coldkey?: string;
  validatorPermit?: boolean;
  /** Alpha staked to the hotkey on the subnet. */
  stake?: number;
}

export interface LocalSubnetParameters {
  netuid: number;
  /** uid = place. */
  neurons: LocalNeuron[];
  /** Default 360. */
  tempo?: number;
  /** Blocks between two weight calls of a neuron, and after its registration. Default 100. */
  weightsRateLimit?: number;
  weightsVersionKey?: number;
  minAllowedWeights?: number;
  /** Of 65535: the largest share one weight may have. Default 65535. */
  maxWeightsLimit?: number;
  commitRevealEnabled?: boolean;
  revealPeriodEpochs?: number;
}

export interface StartLocalChainParameters {
  /** Default 0: any free port. */
  port?: number;
  /** Milliseconds between blocks; `manual`: only when asked; `instant`: also when a transaction comes. Default 250. */
  blockTimeMs?: number | 'manual' | 'instant';
  /** Blocks between two commitments of a hotkey. Default 100, as on Subtensor. */
  commitmentCooldownBlocks?: number;
  subnets: LocalSubnetParameters[];
  clock?: Clock;
}

/** A running development chain. */
export interface LocalChain {
  /** `ws://127.0.0.1:<port>`. */
  readonly url: string;
  /** Makes blocks at once, besides those of the timer. */
  produceBlocks(count?: number): Promise<void>;
  currentBlock(): number;
  /** Reads a storage item by "Pallet.Item" and its keys. */
  storage(item: string, ...keys: unknown[]): unknown;
  /** Writes a storage item for the next block, as root would: its keys, then the value. */
  setStorage(item: string, ...keysAndValue: unknown[]): void;
  /** Cuts every connection; clients may connect again. */
  dropConnections(): void;
  /** Ends every connection and timer. */
  close(): Promise<void>;
}

const LOCAL_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * Starts a development chain on 127.0.0.1 that speaks Subtensor's dialect of Substrate: unmodified clients connect, read,
 * sign and submit. One authority, no consensus, every block final, in memory. For trying things out and for tests.
 * @throws FlockOffError `port-in-use`.
 */
export async function startLocalChain(parameters: StartLocalChainParameters): Promise<LocalChain> {
  const { port = 0, blockTimeMs = 250, commitmentCooldownBlocks = 100, subnets, clock = systemClock } = parameters;
  const chain = new Chain({ polkadot: await polkadot(), clock, commitmentCooldownBlocks });
  for (const subnet of subnets) writeGenesis(chain, subnet);
  chain.begin();

  const server = await listen(port);
  const timer = typeof blockTimeMs === 'number' ? setInterval(() => chain.produceBlock(), blockTimeMs) : undefined;
  const onSubmitted = () => {
    if (blockTimeMs === 'instant') setImmediate(() => chain.produceBlock());
  };
  const methods = rpcMethods(chain, onSubmitted);
  server.on('connection', (socket) => serve(socket, methods));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    produceBlocks: async (count = 1) => {
      for (let i = 0; i < count; i++) chain.produceBlock();
    },
    currentBlock: () => chain.best.number,
    storage: (item, ...keys) => chain.storage.get(item, ...keys),
    setStorage: (item, ...keysAndValue) => {
      chain.storage.block = chain.best.number + 1;
      chain.storage.put(item, ...keysAndValue);
    },
    dropConnections: () => {
      for (const socket of server.clients) socket.terminate();
    },
    close: async () => {
      clearInterval(timer);
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function writeGenesis(chain: Chain, subnet: LocalSubnetParameters): void {
  const { netuid, neurons } = subnet;
  const { storage } = chain;
  const put = (item: string, ...keysAndValue: unknown[]) => storage.put(`SubtensorModule.${item}`, ...keysAndValue);
  chain.addSubnet(netuid);
  put('NetworksAdded', netuid, true);
  put('SubnetworkN', netuid, neurons.length);
  put('Tempo', netuid, subnet.tempo ?? 360);
  put('WeightsSetRateLimit', netuid, subnet.weightsRateLimit ?? 100);
  put('WeightsVersionKey', netuid, subnet.weightsVersionKey ?? 0);
  put('MinAllowedWeights', netuid, subnet.minAllowedWeights ?? 0);
  put('MaxWeightsLimit', netuid, subnet.maxWeightsLimit ?? 65_535);
  put('CommitRevealWeightsEnabled', netuid, subnet.commitRevealEnabled ?? false);
  put('RevealPeriodEpochs', netuid, subnet.revealPeriodEpochs ?? 1);
  for (const [uid, { hotkey, coldkey = hotkey, stake = 0 }] of neurons.entries()) {
    put('Uids', netuid, hotkey, uid);
    put('Keys', netuid, uid, hotkey);
    put('IsNetworkMember', hotkey, netuid, true);
    put('Owner', hotkey, coldkey);
    put('TotalHotkeyAlpha', hotkey, netuid, stake);
    put('BlockAtRegistration', netuid, uid, 0);
  }
  put(
    'ValidatorPermit',
    netuid,
    neurons.map(({ validatorPermit = false }) => validatorPermit),
  );
  put(
    'Active',
    netuid,
    neurons.map(() => true),
  );
  for (const item of ['Consensus', 'Incentive', 'Dividends', 'ValidatorTrust', 'Emission', 'LastUpdate'])
    put(
      item,
      netuid,
      neurons.map(() => 0),
    );
}

async function listen(port: number): Promise<WebSocketServer> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    maxPayload: MAX_MESSAGE_BYTES,
    verifyClient: ({ req }: { req: { headers: { host?: string } } }) => LOCAL_HOST.test(req.headers.host ?? ''),
  });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FlockOffError({
      code: 'port-in-use',
      what: `port ${port} is in use, so the local chain cannot start there`,
      fix: 'choose another port, or 0 for any',
      facts: { port },
      cause: error,
    });
  }
}

/** One client: requests in, answers and notices out. */
function serve(socket: WebSocket, methods: ReturnType<typeof rpcMethods>): void {
  const subscriptions = new Map<string, () => void>();
  const send = (message: object) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  };
  let opened = 0;
  const session: RpcSession = {
    subscribe: (method, stop = () => {}) => {
      const id = `sub-${++opened}`;
      subscriptions.set(id, stop);
      // A notice goes out after the answer that names its subscription.
      const notify = (result: unknown) =>
        setImmediate(() => {
          if (subscriptions.has(id)) send({ method, params: { subscription: id, result } });
        });
      return { id, notify };
    },
    unsubscribe: (id) => {
      subscriptions.get(id)?.();
      return subscriptions.delete(id);
    },
  };
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const id of [...subscriptions.keys()]) session.unsubscribe(id);
  });
  socket.on('message', (data) => {
    let request: { id?: unknown; method?: unknown; params?: unknown };
    try {
      request = JSON.parse(String(data));
    } catch {
      return send({ id: null, error: { code: -32700, message: 'Parse error' } });
    }
    const { id = null, method, params = [] } = request;
    const run = typeof method === 'string' && Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (!run) return send({ id, error: { code: -32601, message: 'Method not found' } });
    try {
      send({ id, result: run(Array.isArray(params) ? params : [], session) ?? null });
    } catch (error) {
      send({ id, error: rpcError(error) });
    }
  });
}
