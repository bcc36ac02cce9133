import type { LocalBeacon } from '../state/beacon.ts';
import type { Plain } from '../state/codec.ts';
import type { Storage } from '../state/storage.ts';

/** What pallets may use while a block is executed. */
export interface PalletContext {
  storage: Storage;
  /** The block being made. */
  block: number;
  /** Signs the pulses, and decrypts with them. */
  beacon: LocalBeacon;
  /** Records "Pallet.Event". */
  emit(event: string, ...values: Plain[]): void;
  /** blake2b-256 of `0x` hex, as `0x` hex. */
  hash(hex: string): string;
  /** SCALE of values of basic types, one after the other, as `0x` hex. */
  encode(values: [type: string, value: Plain][]): string;
  /** A value of a basic type; `null` when the bytes do not begin with one. */
  decode<T>(type: string, hex: string): T | null;
}

/** What a call may use. It checks everything before it writes anything; the events of a failed call are dropped. */
export interface CallContext extends PalletContext {
  /** The account that signed, as ss58 address. */
  signer: string;
  /** Whether the call is root's, which whoever holds the sudo key makes. */
  isRoot?: boolean;
}

/** A failed call, by "Pallet.Error" of the metadata, or an error that is no pallet's such as `BadOrigin`. */
export class DispatchFailure extends Error {}

export function ensure(holds: boolean, error: string): void {
  if (!holds) throw new DispatchFailure(error);
}
