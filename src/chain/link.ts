import type { ApiPromise } from '@polkadot/api';
import { notSubtensor, otherChain } from './connection-errors.ts';
import type { Endpoint } from './endpoint-list.ts';
import { HeadFeed } from './head-feed.ts';
import { JsonRpcSocket, type OpenSocketOptions } from './json-rpc-socket.ts';
import { probe } from './probe.ts';
import { type RuntimeCodecs, readIdentity } from './runtime-codec.ts';

/** A connected node. */
export interface Link {
  endpoint: Endpoint;
  /** Everything that goes over the wire. */
  socket: JsonRpcSocket;
  /**
   * The runtime's description, used as a codec only: what @polkadot/api sends by itself it prints when it fails, so
   * nothing is sent through it once it is ready.
   */
  api: ApiPromise;
  heads: HeadFeed;
}

export interface OpenLinkParameters extends Pick<OpenSocketOptions, 'connect' | 'agent'> {
  endpoint: Endpoint;
  /** Closes the link, open or not. */
  signal: AbortSignal;
  codecs: RuntimeCodecs;
  /** Genesis hash of the chain that is meant, `null` when any will do. */
  genesisHash: string | null;
  pingIntervalMs: number;
  stallTimeoutMs: number;
  onRequest: () => void;
  /** Called each time the best block has stood still for that long, with its number. */
  onStall: (socket: JsonRpcSocket, block: number) => void;
}

/** Pallets without which a node is no Subtensor. */
const REQUIRED_PALLETS = ['system', 'subtensorModule', 'commitments'];

/**
 * Opens a socket to a node and asks it what it is: the chain that is meant, a Subtensor, and one that does what is
 * needed of it.
 */
export async function openLink(parameters: OpenLinkParameters): Promise<Link> {
  const { endpoint, signal, codecs, genesisHash, pingIntervalMs, stallTimeoutMs, onRequest, onStall } = parameters;
  const { connect, agent } = parameters;
  const socket = await JsonRpcSocket.open(endpoint.url, signal, { pingIntervalMs, onRequest, connect, agent });
  try {
    const identity = await readIdentity(socket);
    if (typeof identity.genesisHash !== 'string' || !Number.isInteger(identity.specVersion))
      throw notSubtensor(endpoint.shown, 'it does not say which chain it serves');
    if (genesisHash !== null && identity.genesisHash !== genesisHash)
      throw otherChain(endpoint.shown, genesisHash, identity.genesisHash);
    const api = await codecs.open(socket, identity);
    const missing = REQUIRED_PALLETS.filter((pallet) => api.query[pallet] === undefined);
    if (missing.length > 0) throw notSubtensor(endpoint.shown, `it has no pallet ${missing.join(', ')}`);
    const block = await probe(socket, api, endpoint.shown);
    await closeOnUpgrade(socket, identity.specVersion);
    const heads = await HeadFeed.open({ socket, block, stallTimeoutMs, onStall: (at) => onStall(socket, at) });
    return { endpoint, socket, api, heads };
  } catch (error) {
    socket.close('it was not fit to be used');
    throw error;
  }
}

/** A runtime upgrade makes the description stale: the socket is closed, and the next use reads the new one. */
async function closeOnUpgrade(socket: JsonRpcSocket, inUse: number): Promise<void> {
  await socket.subscribe<{ specVersion: number }>(
    { method: 'state_subscribeRuntimeVersion', unsubscribe: 'state_unsubscribeRuntimeVersion' },
    ({ specVersion }) => {
      if (specVersion !== inUse) socket.close('the runtime was upgraded');
    },
  );
}
