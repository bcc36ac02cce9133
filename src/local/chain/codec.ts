import { encodeMetadata } from './metadata.ts';
import type { Polkadot } from './polkadot.ts';
import type { Pallet, StorageItem } from './runtime.ts';

/** Values on their way in and out of SCALE: whole numbers, booleans, `0x` hex, ss58 addresses, lists and objects of these. */
export type Plain = unknown;

/** Encodes and decodes what the runtime stores and says, by the same metadata its clients use. */
export class RuntimeCodec {
  readonly metadata: Uint8Array;
  readonly registry: InstanceType<Polkadot['TypeRegistry']>;
  readonly pallets: Pallet[];
  readonly #typeId: (type: string) => number;
  readonly #polkadot: Polkadot;
  readonly #keys: ReturnType<Polkadot['expandMetadata']>['query'];
  readonly #calls: ReturnType<Polkadot['expandMetadata']>['tx'];

  constructor(polkadot: Polkadot, pallets: Pallet[]) {
    const { bytes, typeId } = encodeMetadata(polkadot, pallets);
    this.metadata = bytes;
    this.pallets = pallets;
    this.registry = new polkadot.TypeRegistry();
    this.#typeId = typeId;
    this.#polkadot = polkadot;
    const metadata = new polkadot.Metadata(this.registry, bytes);
    const noEffect = { extrinsic: {}, payload: {} };
    const silent = { SubtensorSignedExtension: noEffect, CommitmentsSignedExtension: noEffect };
    this.registry.setMetadata(metadata, undefined, silent);
    this.registry.setChainProperties(this.registry.createType('ChainProperties', { ss58Format: 42 }) as never);
    const { query, tx } = polkadot.expandMetadata(this.registry, metadata);
    this.#keys = query;
    this.#calls = tx;
  }

  encode(type: string, value: Plain): Uint8Array {
    return this.#create(type, value).toU8a();
  }

  decode<T = Plain>(type: string, bytes: Uint8Array): T {
    return this.#create(type, bytes).toJSON() as T;
  }

  /** A storage item by "Pallet.Item". */
  item(name: string): StorageItem {
    const [pallet, item] = name.split('.');
    const found = this.pallets.find((one) => one.name === pallet)?.storage?.find((one) => one.name === item);
    if (!found) throw new Error(`the runtime has no storage item ${name}`);
    return found;
  }

  /** Key of a storage item as `0x` hex. */
  key(name: string, keys: Plain[]): string {
    const { stringCamelCase } = this.#polkadot;
    const [pallet = '', item = ''] = name.split('.').map((part) => stringCamelCase(part));
    return this.registry.createType('StorageKey', [this.#keys[pallet]![item]!, keys]).toHex();
  }

  /** A pallet's event as the runtime records it. */
  event(name: string, values: Plain[]): Uint8Array {
    const [palletName, eventName] = name.split('.');
    const pallet = this.pallets.find((one) => one.name === palletName)!;
    const index = pallet.events!.findIndex((one) => one.name === eventName);
    const types = Object.values(pallet.events![index]!.fields ?? []) as string[];
    const fields = types.map((type, i) => this.encode(type, values[i]));
    return this.#polkadot.u8aConcat(Uint8Array.of(pallet.index, index), ...fields);
  }

  /** An unsigned transaction as `0x` hex. Pallet and call in polkadot.js spelling. */
  inherent(pallet: string, call: string, args: Plain[]): string {
    return this.registry.createType('Extrinsic', this.#calls[pallet]![call]!(...args), { version: 4 }).toHex();
  }

  /** A pallet's error as a dispatch error of the runtime. */
  dispatchError(name: string): Plain {
    const [palletName, errorName] = name.split('.');
    const pallet = this.pallets.find((one) => one.name === palletName)!;
    return { Module: { index: pallet.index, error: Uint8Array.of(pallet.errors!.indexOf(errorName!), 0, 0, 0) } };
  }

  #create(type: string, value: Plain) {
    return this.registry.createTypeUnsafe(this.registry.createLookupType(this.#typeId(type)), [value]);
  }
}
