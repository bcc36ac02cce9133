import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { expandMetadata } from '@polkadot/types/metadata/decorate';
import { compactStripLength, u8aToHex } from '@polkadot/util';
import { WebSocketServer } from 'ws';
import { encodeMetadata } from '../../../src/local/chain/description/metadata.ts';
import type { Pallet, StorageItem } from '../../../src/local/chain/description/pallet.ts';
import { polkadot } from '../../../src/local/chain/description/polkadot.ts';
import { type Profile, SPEC_VERSIONS } from '../../../src/local/chain/description/profile.ts';
import { runtimePallets } from '../../../src/local/chain/description/runtime.ts';

/** What the server says of the chain; every account has used nonces 0 to 4. */
export const GENESIS_HASH = `0x${'45'.repeat(32)}`;
export const BEST_BLOCK = 1098;
export const SPEC_VERSION = SPEC_VERSIONS.current;

export interface StorageServerParameters {
  /** Items the runtime has besides those of the development chain, by pallet. */
  add?: Record<string, StorageItem[]>;
  /** Default `current`. */
  profile?: Profile;
  /** What else is otherwise in this runtime. */
  change?: (pallets: Pallet[]) => Pallet[];
  /** "pallet.item", keys, value. */
  storage: [item: string, keys: unknown[], value: unknown][];
}

/**
 * A node of a runtime that only answers reads, for states that the development chain does not come into.
 * Everything in it is as of one block; the client is the real one.
 */
export async function startStorageServer({
  add = {},
  profile = 'current',
  change = (pallets) => pallets,
  storage,
}: StorageServerParameters) {
  const limits = { cooldownBlocks: 0, maxSpaceBytes: 3_100, blockTimeMs: 12_000 };
  const described = runtimePallets({ profile, ...limits }).map((pallet) => ({
    ...pallet,
    storage: [...pallet.storage, ...(add[pallet.name] ?? [])],
  }));
  const { encoded } = encodeMetadata(await polkadot(), profile, change(described));
  const bytes = encoded(14)!;
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, u8aToHex(bytes));
  registry.setMetadata(metadata, undefined, undefined, true);
  const { query } = expandMetadata(registry, metadata);
  const values = new Map<string, string>();
  for (const [name, keys, value] of [['system.number', [], BEST_BLOCK], ...storage] as typeof storage) {
    const [pallet = '', item = ''] = name.split('.');
    const entry = query[pallet]![item]!;
    const { type } = entry.meta;
    const valueType = registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value);
    const key = u8aToHex(compactStripLength(entry(...keys))[1]);
    values.set(key, u8aToHex(registry.createTypeUnsafe(valueType, [value]).toU8a()));
  }

  const runtimeVersion = {
    specName: 'node-subtensor',
    implName: 'node-subtensor',
    specVersion: SPEC_VERSIONS[profile],
    implVersion: 1,
    authoringVersion: 1,
    transactionVersion: 1,
    stateVersion: 1,
    apis: [],
  };
  const stored = values.get(u8aToHex(compactStripLength(query.system!.number!())[1]))!;
  const header = () => ({
    parentHash: GENESIS_HASH,
    number: `0x${Buffer.from(stored.slice(2), 'hex').readUInt32LE().toString(16)}`,
  });
  const answers: Record<string, (...params: never[]) => unknown> = {
    chain_getBlockHash: () => GENESIS_HASH,
    chain_getFinalizedHead: () => GENESIS_HASH,
    chain_getBlock: () => ({ block: { header: header(), extrinsics: [] } }),
    chain_subscribeNewHeads: () => 'heads',
    state_getRuntimeVersion: () => runtimeVersion,
    state_subscribeRuntimeVersion: () => 'runtime',
    system_chain: () => 'test',
    system_properties: () => ({ ss58Format: 42 }),
    rpc_methods: () => ({ methods: Object.keys(answers) }),
    state_getMetadata: () => u8aToHex(bytes),
    system_accountNextIndex: () => 5,
    chain_getHeader: () => header(),
    state_queryStorageAt: (keys: string[]) => [
      { block: GENESIS_HASH, changes: keys.map((key) => [key, values.get(key) ?? null]) },
    ],
    state_getKeysPaged: (prefix: string, count: number, after: string | null) =>
      [...values.keys()]
        .filter((key) => key.startsWith(prefix) && key > (after ?? ''))
        .sort()
        .slice(0, count),
  };
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  let connections = 0;
  server.on('connection', (client) => {
    connections += 1;
    client.on('message', (data) => {
      const { id, method, params } = JSON.parse(String(data));
      const result = answers[method]?.(...(params as never[]));
      const error = result === undefined ? { code: -32601, message: `Method not found: ${method}` } : undefined;
      client.send(JSON.stringify({ jsonrpc: '2.0', id, result, error }));
    });
  });
  return {
    /** Tells every client that the runtime has a new version. */
    upgrade: () => {
      runtimeVersion.specVersion += 1;
      const result = { specVersion: runtimeVersion.specVersion };
      const notice = { jsonrpc: '2.0', method: 'state_runtimeVersion', params: { subscription: 'runtime', result } };
      for (const client of server.clients) client.send(JSON.stringify(notice));
    },
    connections: () => connections,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
