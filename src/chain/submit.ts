import type { ApiPromise } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import type { Link } from './connection.ts';
import { dispatchRejection, droppedRejection, poolRejection } from './explain-rejection.ts';
import { RpcError } from './json-rpc-socket.ts';
import { polkadotCrypto } from './polkadot.ts';
import { type ChainValue, Snapshot, toItems } from './snapshot.ts';
import { toMultiSignature } from './wallet/multi-signature.ts';
import type { HotkeySigner } from './wallet.ts';

/** Where a call took effect. */
export interface Inclusion {
  block: number;
  /** `null` when only the effect was seen on the chain, not the transaction itself. */
  blockHash: string | null;
}

/** Builds a call from the runtime's description; the values are checked against its types. */
export type BuildCall = (tx: ApiPromise['tx']) => SubmittableExtrinsic<'promise'>;

/** Blocks a transaction stays valid: after that it can no longer land, and sending it again is safe. */
export const ERA_BLOCKS = 64;

/** Payloads longer than this are signed as their hash (Substrate's rule). */
const LONGEST_SIGNED_BYTES = 256;
/** Statuses of a watched transaction after which it will not be in a block. */
const GIVEN_UP = ['dropped', 'invalid', 'usurped'];

/** Signs a call for the next nonce. Returns the transaction as `0x` hex. */
export async function signCall({ api, socket }: Link, build: BuildCall, hotkey: HotkeySigner): Promise<string> {
  const { blake2AsU8a, hexToU8a, u8aToHex } = await polkadotCrypto();
  const { address } = hotkey;
  const [nonce, blockHash] = await Promise.all([
    socket.request<number>('system_accountNextIndex', [address]),
    socket.request<string>('chain_getFinalizedHead'),
  ]);
  const header = await socket.request<{ number: string }>('chain_getHeader', [blockHash]);
  const call = build(api.tx);
  const payload = api.createType('SignerPayload', {
    address,
    blockHash,
    blockNumber: header.number,
    era: api.createType('ExtrinsicEra', { current: Number(header.number), period: ERA_BLOCKS }),
    genesisHash: api.genesisHash,
    method: call.method,
    nonce,
    runtimeVersion: api.runtimeVersion,
    signedExtensions: api.registry.signedExtensions,
    tip: 0,
    version: api.extrinsicVersion,
  });
  const bytes = hexToU8a(payload.toRaw().data);
  const signed = bytes.length > LONGEST_SIGNED_BYTES ? blake2AsU8a(bytes, 256) : bytes;
  const transaction = payload.toPayload();
  const signature = u8aToHex(toMultiSignature(await hotkey.sign(signed, transaction), address));
  return call.addSignature(address, signature, transaction).toHex();
}

/**
 * Sends a signed transaction and waits until it is in a block, whose hash is returned.
 * @throws FlockOffError `chain-rejected` when the node does not take it or drops it.
 */
export async function sendAndWatch({ api, socket }: Link, call: string, transaction: string): Promise<string> {
  const watch = {
    method: 'author_submitAndWatchExtrinsic',
    unsubscribe: 'author_unwatchExtrinsic',
    params: [transaction],
  };
  try {
    return await socket.firstNotice(watch, (status: string | Record<string, unknown>) => {
      const [name, value] = typeof status === 'string' ? [status] : Object.entries(status)[0]!;
      if (GIVEN_UP.includes(name)) throw droppedRejection(call, name);
      return name === 'inBlock' || name === 'finalized' ? String(value) : undefined;
    });
  } catch (error) {
    throw error instanceof RpcError ? poolRejection(call, error, api.runtimeVersion.specVersion.toNumber()) : error;
  }
}

/**
 * What became of a transaction in the block that holds it.
 * @throws FlockOffError `chain-rejected` when the runtime refused it, with the error's name from the metadata.
 */
export async function readOutcome(
  link: Link,
  call: string,
  transaction: string,
  blockHash: string,
): Promise<Inclusion> {
  const { block } = await link.socket.request<{ block: { header: { number: string }; extrinsics: string[] } }>(
    'chain_getBlock',
    [blockHash],
  );
  const index = block.extrinsics.indexOf(transaction);
  const records = toItems(await new Snapshot(link, blockHash).get('system.events')) as unknown as EventRecord[];
  const failure = records.find(
    ({ phase, event }) =>
      phase.isApplyExtrinsic &&
      phase.asApplyExtrinsic.eq(index) &&
      event.section === 'system' &&
      event.method === 'ExtrinsicFailed',
  );
  if (failure) throw dispatchRejection(call, nameOf(link.api, failure.event.data[0]!));
  return { block: Number(block.header.number), blockHash };
}

interface EventRecord {
  phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: ChainValue };
  event: { section: string; method: string; data: DispatchError[] };
}

interface DispatchError {
  type: string;
  isModule: boolean;
  asModule: Parameters<ApiPromise['registry']['findMetaError']>[0];
  inner?: { type?: string };
}

function nameOf(api: ApiPromise, error: DispatchError): { section: string; name: string } {
  if (error.isModule) return api.registry.findMetaError(error.asModule);
  return { section: 'system', name: [error.type, error.inner?.type].filter(Boolean).join('.') };
}
