import { ApiPromise, WsProvider } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import { afterEach } from 'vitest';
import { JsonRpcSocket } from '../../../src/chain/json-rpc-socket.ts';
import {
  type LocalChain,
  type LocalSubnetParameters,
  type StartLocalChainParameters,
  startLocalChain,
} from '../../../src/local/chain/start-local-chain.ts';

export const NETUID = 7;
export type Call = SubmittableExtrinsic<'promise'>;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const keys = new Map<string, KeyringPair>();

/** The key of a name; ready once a chain was started. */
export function keyOf(name: string, type: 'sr25519' | 'ed25519' = 'sr25519'): KeyringPair {
  const key = keys.get(name) ?? new Keyring({ type, ss58Format: 42 }).addFromUri(`//${name}`);
  keys.set(name, key);
  return key;
}

export interface StartParameters extends Partial<LocalSubnetParameters> {
  /** Registered hotkeys, uid = place; the first may set weights. Default: Alice, Bob. */
  names?: string[];
  chain?: Partial<StartLocalChainParameters>;
}

/** A chain whose blocks are made by hand; closed after the test. */
export async function start({ names = ['Alice', 'Bob'], chain, ...subnet }: StartParameters = {}): Promise<LocalChain> {
  const { cryptoWaitReady } = await import('@polkadot/util-crypto');
  await cryptoWaitReady();
  const neurons = names.map((name, uid) => ({ hotkey: keyOf(name).address, validatorPermit: uid === 0, stake: 100 }));
  const running = await startLocalChain({
    blockTimeMs: 'manual',
    commitmentCooldownBlocks: 0,
    subnets: [{ netuid: NETUID, neurons, ...subnet }],
    ...chain,
  });
  closing.push(() => running.close());
  return running;
}

/** The unmodified client; closed after the test. */
export async function connect({ url }: { url: string }): Promise<ApiPromise> {
  const noEffect = { extrinsic: {}, payload: {} };
  const signedExtensions = { SubtensorSignedExtension: noEffect, CommitmentsSignedExtension: noEffect };
  const api = await ApiPromise.create({ provider: new WsProvider(url, 1_000), signedExtensions, noInitWarn: true });
  closing.push(() => api.disconnect());
  return api;
}

/** Plain JSON-RPC; closed after the test. */
export async function connectRpc({ url }: { url: string }): Promise<JsonRpcSocket> {
  const socket = await JsonRpcSocket.open(url, new AbortController().signal);
  closing.push(() => socket.close('the test is over'));
  return socket;
}

export function commit(api: ApiPromise, text: string): Call {
  return api.tx.commitments!.setCommitment!(NETUID, { fields: [{ [`Raw${text.length}`]: Buffer.from(text) }] });
}

/** Makes a block of one call; "section.Event" of what it did, or the names of its dispatch error. */
export async function include(api: ApiPromise, chain: LocalChain, call: Call, from: KeyringPair): Promise<string[]> {
  await api.rpc.author.submitExtrinsic(await call.signAsync(from, { nonce: -1 }));
  await chain.produceBlocks(1);
  const records = (await api.query.system!.events!()) as unknown as EventRecord[];
  return records
    .filter(({ phase }) => phase.asApplyExtrinsic.toNumber() === 1)
    .map(({ event: { section, method, data } }) =>
      method === 'ExtrinsicFailed'
        ? api.registry.findMetaError(data[0]!.asModule as never).name
        : `${section}.${method}`,
    );
}

interface EventRecord {
  phase: { asApplyExtrinsic: { toNumber(): number } };
  event: { section: string; method: string; data: { asModule: unknown }[] };
}
