import type { ApiPromise } from '@polkadot/api';
import { FlockOffError, messageOf } from '../../errors/flock-off-error.ts';
import { polkadotCrypto } from '../codec/polkadot.ts';
import { ask, HashAnswer } from '../node/answers.ts';
import type { Link } from '../node/link.ts';
import type { HotkeySigner } from '../wallet/hotkey.ts';
import { toMultiSignature } from '../wallet/multi-signature.ts';
import type { RuntimeCall, RuntimeCalls } from './runtime-calls.ts';

/** Builds a call from the runtime's description; the values are checked against its types. */
export type BuildCall = (tx: RuntimeCalls) => RuntimeCall;

/** A call of the runtime by its name. @throws Error where it has none: who signs a call says so in full. */
export function callOn(tx: RuntimeCalls, pallet: string, call: string): (...args: unknown[]) => RuntimeCall {
  const found = tx[pallet]?.[call];
  if (found) return found;
  throw new Error(`no call ${pallet}.${call}`);
}

/** Blocks a transaction stays valid by default: after that it can no longer land, and signing it anew is safe. */
export const ERA_BLOCKS = 64;
/** Eras are powers of two between these; the chain forgets the hashes of older blocks. */
const SHORTEST_ERA_BLOCKS = 4;
const LONGEST_ERA_BLOCKS = 2_048;

/** The era begins this far below the best block, where no re-org reaches; less far where it is short. */
const SETTLED_BLOCKS = 8;

/** Payloads longer than this are signed as their hash (Substrate's rule). */
const LONGEST_SIGNED_BYTES = 256;

/** A signed call. The same bytes may be offered as often as one likes: by their nonce they land at most once. */
export interface SignedTransaction {
  /** `0x` hex. */
  hex: string;
  /** ss58 address of the signer. */
  signer: string;
  nonce: number;
  /** It lands in a block above this one, if at all. */
  signedAtBlock: number;
  /** Last block that may hold it; Infinity when it is immortal. */
  lastBlock: number;
  /** The runtime it was signed for; another one takes it for forged. */
  specVersion: number;
}

/** Whether a number of blocks can be an era: 0 (immortal) or a power of two from 4 to 2048. */
export function requireEra(blocks: number): void {
  if (blocks === 0) return;
  const isPower = Number.isInteger(Math.log2(blocks));
  if (isPower && blocks >= SHORTEST_ERA_BLOCKS && blocks <= LONGEST_ERA_BLOCKS) return;
  throw new FlockOffError({
    code: 'bad-argument',
    what: `an era of ${blocks} blocks does not exist: expected a power of two from ${SHORTEST_ERA_BLOCKS} to ${LONGEST_ERA_BLOCKS}, or 0 for a transaction that stays valid for ever`,
    facts: { name: 'eraBlocks', value: blocks },
  });
}

/** The block an era begins with; its hash is signed, so the transaction is valid on that chain only. */
export interface EraStart {
  block: number;
  hash: string;
}

export async function readEraStart({ socket, api, heads }: Link, eraBlocks: number): Promise<EraStart> {
  if (eraBlocks === 0) return { block: heads.block, hash: api.genesisHash.toHex() };
  const block = Math.max(0, heads.block - Math.min(SETTLED_BLOCKS, eraBlocks / 4));
  return { block, hash: await ask(socket, 'chain_getBlockHash', [block], HashAnswer) };
}

export interface SignTransactionParameters {
  /** Name in errors. */
  name: string;
  call: BuildCall;
  hotkey: HotkeySigner;
  nonce: number;
  /** A power of two, or 0 for a transaction that stays valid for ever. */
  eraBlocks: number;
  start: EraStart;
}

/** @throws FlockOffError `chain-rejected` for a call that the runtime does not have; `bad-argument` for values that are not its own. */
function makeCall(api: ApiPromise, name: string, build: BuildCall): RuntimeCall {
  try {
    return build(api.tx);
  } catch (error) {
    if (error instanceof FlockOffError) throw error;
    const [pallet = '', call = ''] = name.split('.');
    const isThere = api.tx[pallet]?.[call] !== undefined;
    if (isThere)
      throw new FlockOffError({
        code: 'bad-argument',
        what: `${name} cannot be called with these values: ${messageOf(error)}`,
        fix: 'check them; if they are right, update flock-off',
        facts: { name },
        cause: error,
      });
    throw new FlockOffError({
      code: 'chain-rejected',
      what: `this runtime has no call ${name}`,
      fix: 'update flock-off, or use another network',
      facts: { call: name, specVersion: api.runtimeVersion.specVersion.toNumber() },
      cause: error,
    });
  }
}

/** Signs a call for a nonce and an era. Nothing is asked of the node. */
export async function signTransaction(
  api: ApiPromise,
  { name, call: build, hotkey, nonce, eraBlocks, start }: SignTransactionParameters,
): Promise<SignedTransaction> {
  const { blake2AsU8a, hexToU8a, u8aToHex } = await polkadotCrypto();
  const { address } = hotkey;
  const call = makeCall(api, name, build);
  const era = eraBlocks === 0 ? '0x00' : { current: start.block, period: eraBlocks };
  const payload = api.createType('SignerPayload', {
    address,
    blockHash: start.hash,
    blockNumber: start.block,
    era: api.createType('ExtrinsicEra', era),
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
  const signature = u8aToHex(toMultiSignature(await hotkey.sign({ payload: signed, transaction }), address));
  return {
    hex: call.addSignature(address, signature, transaction).toHex(),
    signer: address,
    nonce,
    signedAtBlock: start.block,
    lastBlock: eraBlocks === 0 ? Number.POSITIVE_INFINITY : start.block + eraBlocks - 1,
    specVersion: api.runtimeVersion.specVersion.toNumber(),
  };
}
