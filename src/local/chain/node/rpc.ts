import type { Profile } from '../description/profile.ts';
import { TRANSACTION_VERSION } from '../description/runtime.ts';
import type { RuntimeCodec } from '../state/codec.ts';
import { KEPT_BLOCKS } from '../state/storage.ts';
import { PoolRejection } from '../state/transaction.ts';
import type { Block, Chain } from './chain.ts';
import { runtimeApis } from './runtime-api.ts';
import type { RuntimeFunction } from './runtime-function.ts';

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
export function rpcMethods(chain: Chain, onSubmitted: () => void): Record<string, RpcMethod> {
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
  const valueAt = (key: string, hash?: string | null) => chain.storage.raw(key, stateAt(hash).number);
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

  const apis = { legacy: runtimeApis(chain, 'legacy'), current: runtimeApis(chain, 'current') };
  const runtimeFunction = (name: string, profile: Profile): RuntimeFunction => {
    const [, api = '', functionName = ''] = /^([^_]*)_(.*)$/.exec(name) ?? [];
    const functions = Object.hasOwn(apis[profile], api) ? apis[profile][api]!.functions : {};
    if (Object.hasOwn(functions, functionName)) return functions[functionName]!;
    throw new RpcFailure(4003, 'Client error: Execution failed', `Exported method ${name} is not found`);
  };
  const versionOf = ({ specVersion, profile }: RuntimeCodec) => ({
    specName: 'node-subtensor',
    implName: 'flock-off-development-chain',
    authoringVersion: 1,
    specVersion,
    implVersion: 1,
    apis: Object.values(apis[profile]).map(({ id, version }) => [id, version]),
    transactionVersion: TRANSACTION_VERSION,
    stateVersion: 1,
  });

  const methods: Record<string, RpcMethod> = {
    rpc_methods: () => ({ version: 1, methods: Object.keys(methods).sort() }),

    system_chain: () => 'FLock OFF development chain',
    system_name: () => 'flock-off local chain',
    system_version: () => '1',
    system_chainType: () => 'Development',
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: 'TAO' }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_accountNextIndex: ([account]) => chain.pool.nextNonce(account),

    chain_getBlockHash: ([number]) =>
      number === undefined || number === null ? chain.best.hash : (chain.blocks[Number(number)]?.hash ?? null),
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

    state_getMetadata: ([hash]) => hex(chain.codecAt(blockAt(hash).number).metadata),
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
      const run = runtimeFunction(String(name), chain.codecAt(at.number).profile);
      return hex(run(Buffer.from(hexParameter(args ?? '0x').slice(2), 'hex'), at));
    },
    state_getStorage: ([key, hash]) => valueAt(key, hash),
    state_getStorageSize: ([key, hash]) => {
      const value = valueAt(key, hash);
      return value === null ? null : (value.length - 2) / 2;
    },
    state_queryStorageAt: ([keys, hash]) => {
      const at = stateAt(hash);
      return [{ block: at.hash, changes: (keys as string[]).map((key) => change(key, at)) }];
    },
    state_getKeysPaged: ([prefix, count, start, hash]) => {
      const keys = chain.storage.keys(prefix ?? '0x', stateAt(hash).number);
      return (start ? keys.filter((key) => key > start) : keys).slice(0, count);
    },
    state_subscribeStorage: ([keys], session) => {
      const wanted = new Set<string>(keys);
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
  if (typeof value === 'string' && /^0x([0-9a-f]{2})*$/i.test(value)) return value;
  throw new RpcFailure(-32602, 'Invalid params: expected 0x and hex digits');
}

/** Anything thrown as a JSON-RPC error. */
export function rpcError(error: unknown): { code: number; message: string; data?: unknown } {
  if (error instanceof PoolRejection || error instanceof RpcFailure)
    return { code: error.code, message: error.message, data: error.data };
  return { code: -32603, message: `Internal error: ${error instanceof Error ? error.message : error}` };
}
