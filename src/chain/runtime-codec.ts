import type { ApiPromise } from '@polkadot/api';
import { abortable } from '../shared/abortable.ts';
import type { JsonRpcSocket } from './json-rpc-socket.ts';
import { polkadotApi } from './polkadot.ts';

/** What a chain and its runtime are known by. */
export interface ChainIdentity {
  genesisHash: string;
  specVersion: number;
}

/** How metadata of version 14 begins: "meta", 14. */
const METADATA_V14 = '0x6d6574610e';

/** Which chain the node serves, and by which runtime. */
export async function readIdentity(socket: JsonRpcSocket): Promise<ChainIdentity> {
  const [genesisHash, version] = await Promise.all([
    socket.request<string>('chain_getBlockHash', [0]),
    socket.request<{ specVersion: number } | null>('state_getRuntimeVersion'),
  ]);
  return { genesisHash, specVersion: version?.specVersion ?? Number.NaN };
}

/**
 * The runtime's own description of itself: storage keys, calls, types, errors by name. It is used as a codec only, so
 * one outlives the socket it was read through, and a new socket to the same runtime starts with the old one.
 */
export class RuntimeCodecs {
  #latest: { id: string; api: ApiPromise } | null = null;

  async open(socket: JsonRpcSocket, { genesisHash, specVersion }: ChainIdentity): Promise<ApiPromise> {
    const id = `${genesisHash}-${specVersion}`;
    if (this.#latest?.id === id) return this.#latest.api;
    const { ApiPromise } = await polkadotApi();
    // Version 14, which every node has: left to itself, the API asks for newer ones first, and prints where there are none.
    const metadata = await socket.request<`0x${string}`>('state_getMetadata');
    // The API prints what it cannot read.
    if (!String(metadata).startsWith(METADATA_V14)) throw new Error('its description of itself cannot be read');
    const failed = new AbortController();
    const api = new ApiPromise({
      provider: startupProvider(socket, (error) => failed.abort(error)),
      metadata: { [id]: metadata },
      noInitWarn: true,
    });
    await abortable(api.isReadyOrError, failed.signal);
    this.#latest = { id, api };
    return api;
  }
}

/**
 * What @polkadot/api reads the runtime's description through when it starts. It prints every failed request to the
 * console, so a failure is reported to `onFailure` instead and the request is left unanswered.
 */
function startupProvider(socket: JsonRpcSocket, onFailure: (error: unknown) => void) {
  return {
    hasSubscriptions: false,
    isClonable: false,
    isConnected: true,
    clone: unused,
    connect: async () => {},
    disconnect: async () => {},
    on: () => () => {},
    subscribe: unused,
    unsubscribe: unused,
    send: <T>(method: string, params: unknown[]): Promise<T> =>
      new Promise((resolve) => {
        socket.request<T>(method, params).then(resolve, onFailure);
      }),
  };
}

function unused(): never {
  throw new Error('@polkadot/api subscribes to nothing here');
}
