import type { ApiPromise } from '@polkadot/api';
import type { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Clock } from '../../shared/clock.ts';
import { wrongChain } from './connection-errors.ts';
import type { Endpoint } from './endpoint-list.ts';
import { HeadClock } from './head-clock.ts';
import { HeadFeed } from './head-feed.ts';
import { JsonRpcSocket, type OpenSocketOptions } from './json-rpc-socket.ts';
import { isPublicChain } from './networks.ts';
import { probe } from './probe.ts';
import { type RuntimeCodecs, readIdentity } from './runtime-codec.ts';
import { NodeSnapshot } from './snapshot.ts';

/** A connected node. */
export interface Link {
  endpoint: Endpoint;
  /** Sends every request. */
  socket: JsonRpcSocket;
  /**
   * The runtime's description, used as a codec only: what @polkadot/api sends by itself it prints when it fails, so
   * nothing is sent through it once it is ready.
   */
  api: ApiPromise;
  heads: HeadFeed;
  headClock: HeadClock;
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
  onRequest: (method: string) => (error?: unknown) => void;
  /** Called each time no new best block has arrived for `stallTimeoutMs`, with the number of the last one. */
  onStall: (socket: JsonRpcSocket, block: number) => void;
  clock: Clock;
  /** How far the time of the best block may be from the clock's. */
  maxClockDifferenceMs: number;
  /** Called when a connected node has fallen behind, or this machine's clock was changed. */
  onWrongTime: (socket: JsonRpcSocket, error: FlockOffError) => void;
}

/**
 * Opens a socket to a node and checks it: that it serves the expected chain, is a Subtensor node, and answers every
 * method that is needed.
 */
export async function openLink(parameters: OpenLinkParameters): Promise<Link> {
  const { endpoint, signal, codecs, genesisHash, pingIntervalMs, stallTimeoutMs, onRequest, onStall } = parameters;
  const { clock, maxClockDifferenceMs, onWrongTime } = parameters;
  const { connect, agent } = parameters;
  const socket = await JsonRpcSocket.open(endpoint.url, signal, { pingIntervalMs, onRequest, connect, agent });
  try {
    const identity = await readIdentity(socket);
    if (genesisHash !== null && identity.genesisHash !== genesisHash)
      throw wrongChain(endpoint.shown, genesisHash, identity.genesisHash);
    const api = await codecs.open(socket, identity);
    const headClock = new HeadClock({
      url: endpoint.shown,
      maxDifferenceMs: maxClockDifferenceMs,
      clock,
      isPublicChain: isPublicChain(identity.genesisHash),
      onWrong: (error) => onWrongTime(socket, error),
    });
    const node = { socket, api, headClock };
    const block = await probe(node, endpoint.shown);
    await closeOnUpgrade(socket, identity.runtime.specVersion);
    const heads = await HeadFeed.open({
      socket,
      block,
      stallTimeoutMs,
      onStall: (at) => onStall(socket, at),
      // Reads the timestamp only. A failure reaches callers when the socket closes.
      onFollowed: () => headClock.isDue && new NodeSnapshot(node).read({}).catch(() => {}),
    });
    return { endpoint, ...node, heads };
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
