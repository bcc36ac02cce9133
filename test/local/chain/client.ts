import { ApiPromise, WsProvider } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { afterEach, beforeAll } from 'vitest';
import { JsonRpcSocket, type OpenSocketOptions } from '../../../src/chain/node/json-rpc-socket.ts';
import {
  LocalChain,
  type LocalChainParameters,
  type LocalSubnetParameters,
  type Profile,
} from '../../../src/local/chain/local-chain.ts';

export const NETUID = 7;
export const PROFILES = ['legacy', 'current'] as const satisfies Profile[];
export type Call = SubmittableExtrinsic<'promise'>;

beforeAll(async () => void (await cryptoWaitReady()));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const keys = new Map<string, KeyringPair>();

/** The key of a name; for use in tests, where the library is ready. */
export function keyOf(name: string, type: 'sr25519' | 'ed25519' = 'sr25519'): KeyringPair {
  const key = keys.get(name) ?? new Keyring({ type, ss58Format: 42 }).addFromUri(`//${name}`);
  keys.set(name, key);
  return key;
}

export interface StartParameters extends Partial<LocalSubnetParameters> {
  /** Registered hotkeys, uid = place; the first may set weights. Default: Alice, Bob. */
  names?: string[];
  profile?: Profile;
  chain?: Partial<LocalChainParameters>;
}

/** A chain whose blocks are made by hand, with weights that are set directly; closed after the test. */
export async function start(parameters: StartParameters = {}): Promise<LocalChain> {
  const { names = ['Alice', 'Bob'], profile, chain, ...subnet } = parameters;
  const neurons = names.map((name, uid) => ({ hotkey: keyOf(name).address, validatorPermit: uid === 0, stake: 100 }));
  const running = await LocalChain.open({
    profile,
    blockTimeMs: 'manual',
    commitmentCooldownBlocks: 0,
    subnets: [{ netuid: NETUID, neurons, commitRevealEnabled: false, ...subnet }],
    ...chain,
  });
  closing.push(() => running.close());
  return running;
}

/** The unmodified client; closed after the test. */
export async function connect({ url }: { url: string }): Promise<ApiPromise> {
  const api = await ApiPromise.create({ provider: new WsProvider(url, 1_000), noInitWarn: true });
  closing.push(() => api.disconnect());
  return api;
}

/** Plain JSON-RPC; closed after the test. */
export async function connectRpc({ url }: { url: string }, options?: OpenSocketOptions): Promise<JsonRpcSocket> {
  const socket = await JsonRpcSocket.open(url, new AbortController().signal, options);
  closing.push(() => socket.close('the test is over'));
  return socket;
}

export function commit(api: ApiPromise, text: string): Call {
  return api.tx.commitments!.setCommitment!(NETUID, { fields: [{ [`Raw${text.length}`]: Buffer.from(text) }] });
}

/**
 * Makes a block of one call; "section.Event" of what it did, the name of its dispatch error, or what the pool said where
 * it refused the call with an error of the runtime.
 */
export async function include(api: ApiPromise, chain: LocalChain, call: Call, from: KeyringPair): Promise<string[]> {
  const transaction = await call.signAsync(from, { nonce: -1 });
  const refused = await api.rpc.author.submitExtrinsic(transaction).then(
    () => null,
    ({ message }: Error) => message,
  );
  await chain.produceBlocks(1);
  const custom = refused && /^1010: Invalid Transaction: (Custom error: \d+)$/.exec(refused)?.[1];
  if (refused !== null) return [custom ?? refused];
  return (await eventsOf(api, 'ApplyExtrinsic')).filter(({ index }) => index === 1).map(({ name }) => name);
}

/** What happened in the latest block in one of its phases, in order. */
export async function eventsOf(
  api: ApiPromise,
  phase: 'Initialization' | 'ApplyExtrinsic' | 'Finalization',
): Promise<{ name: string; index: number | null; data: unknown }[]> {
  const records = (await api.query.system!.events!()) as unknown as EventRecord[];
  return records
    .filter((record) => record.phase.type === phase)
    .map(({ phase, event: { section, method, data } }) => ({
      index: phase.isApplyExtrinsic ? phase.asApplyExtrinsic.toNumber() : null,
      name:
        method === 'ExtrinsicFailed'
          ? api.registry.findMetaError(data[0]!.asModule as never).name
          : `${section}.${method}`,
      data: data.toJSON(),
    }));
}

interface EventRecord {
  phase: { type: string; isApplyExtrinsic: boolean; asApplyExtrinsic: { toNumber(): number } };
  event: { section: string; method: string; data: { asModule: unknown }[] & { toJSON(): unknown } };
}

export function setWeights(api: ApiPromise, uids: number[], values: number[], versionKey: number | bigint = 0): Call {
  return api.tx.subtensorModule!.setWeights!(NETUID, uids, values, versionKey);
}

/** A storage item of SubtensorModule as plain value. */
export async function read(api: ApiPromise, item: string, ...keys: unknown[]): Promise<unknown> {
  return (await api.query.subtensorModule![item]!(...keys)).toJSON();
}
