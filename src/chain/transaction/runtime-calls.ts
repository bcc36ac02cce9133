import type { SignerPayloadJSON } from '../wallet/signer-payload.ts';

/** A call with its values, as `api.tx` of @polkadot/api makes it. */
export interface RuntimeCall {
  /** The call itself, without a signature. */
  readonly method: { toHex(): `0x${string}` };
  addSignature(address: string, signature: `0x${string}`, payload: SignerPayloadJSON): RuntimeCall;
  toHex(): `0x${string}`;
}

/** The calls of a runtime by pallet and name in polkadot.js spelling: `tx.subtensorModule!.setWeights!(...)`. */
export interface RuntimeCalls {
  // biome-ignore lint/suspicious/noExplicitAny: the runtime's description says what a call takes, and checks it.
  readonly [pallet: string]: { readonly [call: string]: (...values: any[]) => RuntimeCall };
}
