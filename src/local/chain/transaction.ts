import type { RuntimeCodec } from './codec.ts';
import type { Polkadot } from './polkadot.ts';
import { SPEC_VERSION, TRANSACTION_VERSION } from './runtime.ts';

/** A transaction whose signature has been checked. */
export interface Transaction {
  /** As it was sent, `0x` hex. */
  hex: string;
  /** blake2b-256 of it, `0x` hex. */
  hash: string;
  /** ss58 address. */
  signer: string;
  publicKey: Uint8Array;
  nonce: number;
  /** "pallet.call" in polkadot.js spelling. */
  call: string;
  args: unknown[];
}

/** Why a node does not take a transaction: JSON-RPC code and the words of Substrate. */
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

export interface DecodeTransactionParameters {
  polkadot: Polkadot;
  codec: RuntimeCodec;
  hex: string;
  /** The block being made. */
  block: number;
  blockHash: (block: number) => string | undefined;
}

/**
 * Decodes a signed transaction and checks its signature over call, era, nonce, tip, versions, genesis and era block.
 * @throws PoolRejection 1010 for a bad signature, 1011 when the runtime cannot read it.
 */
export function decodeTransaction({
  polkadot,
  codec,
  hex,
  block,
  blockHash,
}: DecodeTransactionParameters): Transaction {
  const { blake2AsHex, blake2AsU8a, compactToU8a, encodeAddress, hexToU8a, signatureVerify, u8aConcat, u8aToHex } =
    polkadot;
  const { registry } = codec;
  let extrinsic: ReturnType<typeof read>;
  try {
    extrinsic = read();
  } catch {
    throw new PoolRejection(1011, 'Error', 'wasm `unreachable` instruction executed');
  }
  const { method, era, nonce, tip, signature } = extrinsic;
  if (!extrinsic.isSigned) throw invalid('Transaction call is not expected');
  const publicKey = extrinsic.signer.toU8a().slice(-32);

  const eraBlock = era.isMortalEra ? era.asMortalEra.birth(block) : 0;
  const genesis = blockHash(0)!;
  const u32 = (value: number) => codec.encode('u32', value);
  const METADATA_HASH_OFF = Uint8Array.of(0);
  const payload = u8aConcat(
    method.toU8a(),
    ...[era.toU8a(), nonce.toU8a(), compactToU8a(tip.toBigInt()), METADATA_HASH_OFF],
    ...[
      u32(SPEC_VERSION),
      u32(TRANSACTION_VERSION),
      hexToU8a(genesis),
      hexToU8a(blockHash(eraBlock) ?? genesis),
      METADATA_HASH_OFF,
    ],
  );
  const signed = payload.length > 256 ? blake2AsU8a(payload, 256) : payload;
  // The bare signature, without the byte that names its scheme.
  const { isValid } = signatureVerify(signed, signature.toU8a().slice(-64), publicKey);
  if (!isValid) throw invalid('Transaction has a bad signature');

  return {
    hex,
    hash: blake2AsHex(hex, 256),
    signer: encodeAddress(publicKey, 42),
    publicKey,
    nonce: nonce.toNumber(),
    call: `${method.section}.${method.method}`,
    args: method.args.map((arg, i) =>
      method.meta.args[i]!.type.toString() === 'Bytes' ? u8aToHex(arg.toU8a(true)) : arg.toJSON(),
    ),
  };

  function read() {
    return registry.createType('Extrinsic', hexToU8a(hex));
  }
}
