import { BLOCK_HASH_COUNT } from '../description/frame.ts';
import type { Polkadot } from '../description/polkadot.ts';
import { TRANSACTION_VERSION } from '../description/runtime.ts';
import { isWithinBounds } from './bounds.ts';
import type { RuntimeCodec } from './codec.ts';

/** A call of the runtime. */
export interface Call {
  /** "pallet.call" in polkadot.js spelling. */
  call: string;
  /** Arguments by name in camel case, as plain values; those that are calls themselves as {@link Call}. */
  args: Record<string, unknown>;
}

/** A transaction whose signature has been checked. */
export interface Transaction extends Call {
  /** As it was sent, `0x` hex. */
  hex: string;
  /** blake2b-256 of it, `0x` hex. */
  hash: string;
  /** ss58 address. */
  signer: string;
  publicKey: Uint8Array;
  nonce: number;
  /** In smallest units; it has no effect here. */
  tip: number | string;
  /** Last block that may hold it; Infinity when it is immortal. */
  lastBlock: number;
}

/** What @polkadot decodes a call to. */
interface DecodedCall {
  section: string;
  method: string;
  args: unknown[];
  meta: { args: { name: { toString(): string } }[] };
}

function isCall(value: unknown): value is DecodedCall {
  return typeof value === 'object' && value !== null && 'callIndex' in value && 'section' in value;
}

/** Calls may hold others to any depth; deeper than this the runtime does not decode them. */
const MAX_CALL_DEPTH = 8;

function toCall(polkadot: Polkadot, codec: RuntimeCodec, decoded: DecodedCall, depth = 0): Call {
  if (depth > MAX_CALL_DEPTH) throw trap();
  const plain = (arg: unknown): unknown => {
    if (isCall(arg)) return toCall(polkadot, codec, arg, depth + 1);
    if (Array.isArray(arg) && arg.some(isCall)) return arg.map(plain);
    return (arg as { toJSON(): unknown }).toJSON();
  };
  const call = `${decoded.section}.${decoded.method}`;
  const names = decoded.meta.args.map(({ name }) => polkadot.stringCamelCase(name.toString()));
  const args = Object.fromEntries(decoded.args.map((arg, i) => [names[i], plain(arg)]));
  if (!isWithinBounds(codec, call, args)) throw trap();
  return { call, args };
}

/** Why a node rejects a transaction: JSON-RPC code and Substrate's words. */
export class PoolRejection extends Error {
  readonly code: number;
  readonly data: string;

  constructor(code: number, message: string, data: string) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export function invalid(why: string): PoolRejection {
  return new PoolRejection(1010, 'Invalid Transaction', why);
}

/** Longer payloads are signed as their hash. */
const LONGEST_SIGNED_BYTES = 256;

// Where the parts of a signed transaction lie, after its length: version, kind of address, account, kind of signature, signature.
const SIGNED_V4 = 0x84;
const ACCOUNT_ID = 0;
const ACCOUNT_AT = 2;
const SCHEME_AT = 34;
const SIGNATURE_AT = 35;
const EXTENSIONS_AT = 99;
const ED25519 = 0;
const SR25519 = 1;

export interface DecodeTransactionParameters {
  polkadot: Polkadot;
  codec: RuntimeCodec;
  /** `0x` hex. */
  hex: string;
  /** The block being made. */
  block: number;
  blockHash: (block: number) => string | undefined;
}

/**
 * Decodes a signed transaction and checks its signature over call, era, nonce, tip, versions, genesis and era block.
 * @throws PoolRejection 1010 for a bad signature or an era that began too long ago, 1011 when the runtime cannot read it.
 */
export function decodeTransaction(parameters: DecodeTransactionParameters): Transaction {
  const { polkadot, codec, hex, block, blockHash } = parameters;
  const { blake2AsHex, blake2AsU8a, compactFromU8a, encodeAddress, hexToU8a, u8aConcat } = polkadot;
  const { method, era, nonce, tip } = read(codec, hex);
  const { call, args } = toCall(polkadot, codec, method as DecodedCall);
  const bytes = hexToU8a(hex);
  const body = bytes.subarray(compactFromU8a(bytes)[0]);
  if (body[0] !== SIGNED_V4) throw invalid('Transaction call is not expected');
  if (body[1] !== ACCOUNT_ID) {
    const why = 'Could not lookup information required to validate the transaction';
    throw new PoolRejection(1011, 'Unknown Transaction Validity', why);
  }
  const publicKey = body.slice(ACCOUNT_AT, SCHEME_AT);

  const birth = era.isMortalEra ? era.asMortalEra.birth(block) : 0;
  const eraHash = era.isMortalEra && block - birth > BLOCK_HASH_COUNT ? undefined : blockHash(birth);
  if (eraHash === undefined) throw invalid('Transaction has an ancient birth block');

  const METADATA_HASH_OFF = Uint8Array.of(0);
  const payload = u8aConcat(
    method.toU8a(),
    body.subarray(EXTENSIONS_AT, body.length - method.encodedLength),
    codec.encode('u32', codec.specVersion),
    codec.encode('u32', TRANSACTION_VERSION),
    hexToU8a(blockHash(0)),
    hexToU8a(eraHash),
    METADATA_HASH_OFF,
  );
  const signed = payload.length > LONGEST_SIGNED_BYTES ? blake2AsU8a(payload, 256) : payload;
  const signature = body.subarray(SIGNATURE_AT, EXTENSIONS_AT);
  if (!verify(polkadot, body[SCHEME_AT]!, { signed, signature, publicKey })) {
    throw invalid('Transaction has a bad signature');
  }
  return {
    hex,
    hash: blake2AsHex(hex, 256),
    signer: encodeAddress(publicKey, 42),
    publicKey,
    nonce: nonce.toNumber(),
    tip: tip.toJSON() as number | string,
    lastBlock: era.isMortalEra ? era.asMortalEra.death(block) - 1 : Number.POSITIVE_INFINITY,
    call,
    args,
  };
}

/** Bytes that are not exactly one transaction of this runtime make it trap, which is all a node reports. */
function read({ registry }: RuntimeCodec, hex: string) {
  try {
    const extrinsic = registry.createType('Extrinsic', hex);
    if (extrinsic.toHex() !== hex.toLowerCase()) throw new Error('other bytes than were read');
    return extrinsic;
  } catch {
    throw trap();
  }
}

function trap(): PoolRejection {
  return new PoolRejection(1011, 'Error', 'wasm `unreachable` instruction executed');
}

function verify(
  { ed25519Verify, sr25519Verify }: Polkadot,
  scheme: number,
  { signed, signature, publicKey }: { signed: Uint8Array; signature: Uint8Array; publicKey: Uint8Array },
): boolean {
  try {
    if (scheme === SR25519) return sr25519Verify(signed, signature, publicKey);
    return scheme === ED25519 && ed25519Verify(signed, signature, publicKey);
  } catch {
    return false; // A public key that is no point of the curve.
  }
}
