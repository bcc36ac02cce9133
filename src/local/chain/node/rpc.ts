import { TRANSACTION_VERSION } from '../description/runtime.ts';
import type { RuntimeCodec } from '../state/codec.ts';
import { KEPT_BLOCKS } from '../state/storage.ts';
import { PoolRejection } from '../state/transaction.ts';
import { RuntimeApis, type RuntimeVersion } from './apis/runtime-apis.ts';
import type { Block, Chain } from './chain.ts';

/** A client's subscriptions. */
export interface RpcSession {
  /** Opens a subscription: its id, and what sends a notification of it. */
  subscribe(method: string, stop?: () => void): { id: string; notify: (result: unknown) => void };
  unsubscribe(id: string): boolean;
}

/** A call answered with an error. */
class RpcFailure extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: JSON-RPC parameters are whatever the other side sends.
export type RpcMethod = (params: any[], session: RpcSession) => unknown;

/** The JSON-RPC methods of a Substrate node that a client of Subtensor uses, by name. */
export function rpcMethods(chain: Chain, netuids: number[], onSubmitted: () => void): Record<string, RpcMethod> {
  const blockAt = (hash?: string | null): Block => {
    const block = hash ? chain.byHash(hash) : chain.best;
    if (!block)
      throw new RpcFailure(4003, 'Client error: UnknownBlock', `Header was not found in the database: ${hash}`);
    return block;
  };
  /** The block whose state is asked for. */
  const stateAt = (hash?: string | null): Block => {
    const block = blockAt(hash);
    const isKept = block.number >= chain.best.number - KEPT_BLOCKS && chain.blocks[block.number] === block;
    if (isKept) return block;
    throw new RpcFailure(4003, 'Client error: UnknownBlock', `State already discarded for ${hash}`);
  };
  const valueAt = (key: unknown, hash?: string | null) => chain.storage.raw(hexParameter(key), stateAt(hash).number);
  const change = (key: string, at: Block) => [key, chain.storage.raw(key, at.number)];
  const followBlocks =
    (notice: string, blocks: Set<(block: Block) => void>, latest: () => Block): RpcMethod =>
    (_, session) => {
      const listener = ({ header }: Block) => notify(header);
      const { id, notify } = session.subscribe(notice, () => blocks.delete(listener));
      blocks.add(listener);
      queueMicrotask(() => notify(latest().header));
      return id;
    };
  const followBest = (notice: string) => followBlocks(notice, chain.onBlock, () => chain.best);
  const unsubscribe: RpcMethod = ([id], session) => session.unsubscribe(id);

  const versionOf = ({ specVersion, apis, apiId }: RuntimeCodec): RuntimeVersion => ({
    specName: 'node-subtensor',
    implName: 'flock-off-development-chain',
    authoringVersion: 1,
    specVersion,
    implVersion: 1,
    apis: apis.map(({ name, version }) => [apiId(name), version]),
    transactionVersion: TRANSACTION_VERSION,
    stateVersion: 1,
  });
  const apis = new RuntimeApis(chain, netuids, versionOf);

  const methods: Record<string, RpcMethod> = {
    rpc_methods: () => ({ version: 1, methods: Object.keys(methods).sort() }),

    system_chain: () => 'FLock OFF development chain',
    system_name: () => 'flock-off local chain',
    system_version: () => '1',
    system_chainType: () => 'Development',
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_accountNextIndex: ([account]) => chain.pool.nextNonce(account),
    account_nextIndex: ([account]) => chain.pool.nextNonce(account),

    chain_getBlockHash: ([number]) =>
      number === undefined || number === null ? chain.best.hash : (chain.blocks[Number(number)]?.hash ?? null),
    chain_getHead: () => chain.best.hash,
    chain_getFinalizedHead: () => chain.final.hash,
    chain_getHeader: ([hash]) => (hash ? chain.byHash(hash) : chain.best)?.header ?? null,
    chain_getBlock: ([hash]) => {
      const block = hash ? chain.byHash(hash) : chain.best;
      return block ? { block: { header: block.header, extrinsics: block.extrinsics }, justifications: null } : null;
    },
    chain_subscribeNewHeads: followBest('chain_newHead'),
    chain_unsubscribeNewHeads: unsubscribe,
    // @polkadot/api names it in the singular.
    chain_subscribeNewHead: followBest('chain_newHead'),
    chain_unsubscribeNewHead: unsubscribe,
    chain_subscribeAllHeads: followBest('chain_allHead'),
    chain_unsubscribeAllHeads: unsubscribe,
    chain_subscribeFinalizedHeads: followBlocks('chain_finalizedHead', chain.onFinal, () => chain.final),
    chain_unsubscribeFinalizedHeads: unsubscribe,

    state_getMetadata: ([hash]) => hex(chain.codecAt(blockAt(hash).number).metadata(14)!),
    state_getRuntimeVersion: ([hash]) => versionOf(chain.codecAt(blockAt(hash).number)),
    state_subscribeRuntimeVersion: (_, session) => {
      const listener = (codec: RuntimeCodec) => notify(versionOf(codec));
      const { id, notify } = session.subscribe('state_runtimeVersion', () => chain.onUpgrade.delete(listener));
      chain.onUpgrade.add(listener);
      queueMicrotask(() => notify(versionOf(chain.codec)));
      return id;
    },
    state_unsubscribeRuntimeVersion: unsubscribe,
    state_call: ([name, args, hash]) => {
      const at = stateAt(hash);
      const bytes = Buffer.from(hexParameter(args ?? '0x').slice(2), 'hex');
      const answer = apis.call(chain.codecAt(at.number), String(name), bytes, at);
      if (answer) return hex(answer);
      const why = `Execution failed: Other: Exported method ${name} is not found`;
      throw new RpcFailure(4003, `Client error: ${why}`);
    },
    state_getStorage: ([key, hash]) => valueAt(key, hash),
    state_getStorageAt: ([key, hash]) => valueAt(key, hash),
    state_getStorageSize: ([key, hash]) => {
      const value = valueAt(key, hash);
      return value === null ? null : (value.length - 2) / 2;
    },
    state_queryStorageAt: ([keys, hash]) => {
      const at = stateAt(hash);
      return [{ block: at.hash, changes: keyList(keys).map((key) => change(key, at)) }];
    },
    state_getKeysPaged: ([prefix, count, start, hash]) => {
      const after = hexParameter(start ?? '0x');
      const most = pageSize(count);
      const keys = chain.storage.keys(hexParameter(prefix ?? '0x'), stateAt(hash).number);
      return keys.filter((key) => key > after).slice(0, most);
    },
    state_subscribeStorage: ([keys], session) => {
      const wanted = new Set(keyList(keys));
      const listener = (block: Block) => {
        const changes = chain.storage.changed.filter((key) => wanted.has(key)).map((key) => change(key, block));
        if (changes.length > 0) notify({ block: block.hash, changes });
      };
      const { id, notify } = session.subscribe('state_storage', () => chain.onBlock.delete(listener));
      chain.onBlock.add(listener);
      queueMicrotask(() =>
        notify({ block: chain.best.hash, changes: [...wanted].map((key) => change(key, chain.best)) }),
      );
      return id;
    },
    state_unsubscribeStorage: unsubscribe,

    author_pendingExtrinsics: () => chain.pool.transactions.map(({ hex }) => hex),
    author_submitExtrinsic: ([hex]) => {
      const hash = chain.submit(hexParameter(hex));
      onSubmitted();
      return hash;
    },
    author_submitAndWatchExtrinsic: ([hex], session) => {
      const { id, notify } = session.subscribe('author_extrinsicUpdate');
      try {
        chain.submit(hexParameter(hex), (status) => queueMicrotask(() => notify(status)));
      } catch (error) {
        session.unsubscribe(id);
        throw error;
      }
      onSubmitted();
      return id;
    },
    author_unwatchExtrinsic: unsubscribe,
  };
  return methods;
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

function hexParameter(value: unknown): string {
  // Nodes take bytes with and without the prefix; Python's clients send both.
  const found = typeof value === 'string' && /^(?:0x)?((?:[0-9a-f]{2})*)$/i.exec(value);
  if (found) return `0x${found[1]!.toLowerCase()}`;
  throw new RpcFailure(-32602, 'Invalid params: expected 0x and hex digits');
}

/** Nodes give at most 1000 keys at once. */
const MOST_KEYS = 1000;

function pageSize(count: unknown): number {
  if (!Number.isInteger(count) || Number(count) < 0)
    throw new RpcFailure(-32602, 'Invalid params: expected a number of keys');
  if (Number(count) > MOST_KEYS)
    throw new RpcFailure(4002, `count exceeds maximum value. value: ${count}, max: ${MOST_KEYS}`);
  return Number(count);
}

function keyList(keys: unknown): string[] {
  if (Array.isArray(keys)) return keys.map(hexParameter);
  throw new RpcFailure(-32602, 'Invalid params: expected a list of storage keys');
}

/** Anything thrown as a JSON-RPC error. */
export function rpcError(error: unknown): { code: number; message: string; data?: unknown } {
  if (error instanceof PoolRejection || error instanceof RpcFailure)
    return { code: error.code, message: error.message, data: error.data };
  return { code: -32603, message: `Internal error: ${error instanceof Error ? error.message : error}` };
}
