import type { Plain } from '../codec.ts';
import type { CommitmentLimit } from '../commitment-limit.ts';
import type { Storage } from '../storage.ts';

/** What a call may use while it runs. A call checks everything before it writes anything. */
export interface CallContext {
  storage: Storage;
  /** The block being made. */
  block: number;
  /** The account that signed, as ss58 address. */
  signer: string;
  /** Its public key, 32 bytes. */
  publicKey: Uint8Array;
  commitmentLimit: CommitmentLimit;
  /** Records "Pallet.Event"; the events of a refused call are dropped. */
  emit(event: string, ...values: Plain[]): void;
  /** blake2b-256 of SCALE-encoded values, `0x` hex. */
  hash(values: [type: string, value: Plain][]): string;
}

/** A refused call, by "Pallet.Error" of the metadata. */
export class DispatchFailure extends Error {}

export function ensure(holds: boolean, error: string): void {
  if (!holds) throw new DispatchFailure(error);
}
