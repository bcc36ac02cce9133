import type { ApiPromise } from '@polkadot/api';
import { toField, toItems } from '../codec/chain-value.ts';
import { polkadotApi } from '../codec/polkadot.ts';
import { ask, HashAnswer, HexAnswer, type RuntimeVersion, RuntimeVersionAnswer } from './answers.ts';
import type { JsonRpcSocket } from './json-rpc-socket.ts';

/** What a chain and its runtime are known by. */
export interface ChainIdentity {
  genesisHash: string;
  runtime: RuntimeVersion;
}

/** How metadata of version 14 begins: "meta", 14. */
const METADATA_V14 = '0x6d6574610e';
/** What comes after that. */
const METADATA_V14_TYPE = JSON.stringify({
  types: 'Vec<PortableTypeV14>',
  pallets: 'Vec<PalletMetadataV14>',
  extrinsic: 'ExtrinsicMetadataV14',
  runtimeType: 'SiLookupTypeId',
});
/** Pallets without which a node is no Subtensor. */
const REQUIRED_PALLETS = ['System', 'SubtensorModule', 'Commitments'];
/** Format of addresses on all of Bittensor's chains. */
const SS58_FORMAT = 42;

/** Which chain the node serves, and by which runtime. @throws UnusableAnswerError when it does not say. */
export async function readIdentity(socket: JsonRpcSocket): Promise<ChainIdentity> {
  const [genesisHash, runtime] = await Promise.all([
    ask(socket, 'chain_getBlockHash', [0], HashAnswer),
    ask(socket, 'state_getRuntimeVersion', [], RuntimeVersionAnswer),
  ]);
  return { genesisHash, runtime };
}

/**
 * The runtime's own description of itself: storage keys, calls, types, errors by name. It is used as a codec only, so
 * one outlives the socket it was read through, and a new socket to the same runtime starts with the old one.
 */
export class RuntimeCodecs {
  #latest: { id: string; api: ApiPromise } | null = null;

  /** @throws Error when the description cannot be read, or is none of a Subtensor. */
  async open(socket: JsonRpcSocket, identity: ChainIdentity): Promise<ApiPromise> {
    const id = `${identity.genesisHash}-${identity.runtime.specVersion}`;
    if (this.#latest?.id === id) return this.#latest.api;
    const { ApiPromise } = await polkadotApi();
    // Version 14, which every node has: left to itself, the API asks for newer ones first, and prints where there are none.
    const metadata = (await ask(socket, 'state_getMetadata', [], HexAnswer)) as `0x${string}`;
    await requireReadable(metadata);
    const api = new ApiPromise({
      provider: startupProvider(identity),
      metadata: { [id]: metadata },
      noInitWarn: true,
    });
    await api.isReadyOrError;
    this.#latest = { id, api };
    return api;
  }
}

/** The API prints what it cannot read, so it is given only what has been read once. */
async function requireReadable(hex: `0x${string}`): Promise<void> {
  const { TypeRegistry } = await polkadotApi();
  let pallets: string[];
  try {
    if (!hex.startsWith(METADATA_V14)) throw new Error('of another version than 14');
    const bytes = Buffer.from(hex.slice(METADATA_V14.length), 'hex');
    const metadata = new TypeRegistry().createTypeUnsafe(METADATA_V14_TYPE, [bytes]);
    if (metadata.encodedLength > bytes.length) throw new Error('cut short');
    pallets = toItems(toField(metadata, 'pallets')).map((pallet) => String(toField(pallet, 'name')));
  } catch (error) {
    throw new Error('its description of itself cannot be read', { cause: error });
  }
  const missing = REQUIRED_PALLETS.filter((pallet) => !pallets.includes(pallet));
  if (missing.length > 0) throw new Error(`it has no pallet ${missing.join(', ')}`);
}

/** Answers what @polkadot/api asks for when it starts from what is known: it prints every answer that it does not like. */
function startupProvider({ genesisHash, runtime }: ChainIdentity) {
  const answers: Record<string, unknown> = {
    chain_getBlockHash: genesisHash,
    rpc_methods: { methods: [] },
    state_getRuntimeVersion: runtime,
    system_chain: 'Bittensor',
    system_properties: { ss58Format: SS58_FORMAT },
  };
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
    send: async <T>(method: string): Promise<T> => answers[method] as T,
  };
}

function unused(): never {
  throw new Error('@polkadot/api subscribes to nothing here');
}
