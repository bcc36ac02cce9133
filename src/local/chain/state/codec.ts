import { FlockOffError, messageOf } from '../../../errors/flock-off-error.ts';
import { encodeMetadata, isOpaque } from '../description/metadata.ts';
import type { Pallet, RuntimeParameters, StorageItem } from '../description/pallet.ts';
import type { Polkadot } from '../description/polkadot.ts';
import { type Profile, SPEC_VERSIONS } from '../description/profile.ts';
import { runtimePallets } from '../description/runtime.ts';
import type { ApiDescription } from '../description/runtime-apis.ts';
import type { ScaleWriter } from '../description/scale-writer.ts';

/** Values on their way in and out of SCALE: whole numbers, booleans, `0x` hex, ss58 addresses, lists and objects of these. */
export type Plain = unknown;

/** Encodes and decodes storage, events, errors and calls of a runtime by the metadata that its clients read. */
export class RuntimeCodec {
  readonly profile: Profile;
  /** The metadata of a version; `null` where this runtime does not hand it out. */
  readonly metadata: (version: number) => Uint8Array | null;
  readonly apis: ApiDescription[];
  readonly registry: InstanceType<Polkadot['TypeRegistry']>;
  readonly pallets: Pallet[];
  readonly #typeId: (type: string) => number;
  readonly #writer: ScaleWriter;
  readonly #polkadot: Polkadot;
  readonly #items: Map<string, StorageItem>;
  /** Every key is hashed once: storage keeps them all anyway. */
  readonly #knownKeys = new Map<string, string>();
  readonly #keys: ReturnType<Polkadot['expandMetadata']>['query'];
  readonly #calls: ReturnType<Polkadot['expandMetadata']>['tx'];

  constructor(polkadot: Polkadot, parameters: RuntimeParameters) {
    const { profile } = parameters;
    const pallets = runtimePallets(parameters);
    const { encoded, apis, typeId, writer } = encodeMetadata(polkadot, profile, pallets);
    this.profile = profile;
    this.metadata = encoded;
    this.apis = apis;
    this.pallets = pallets;
    this.registry = new polkadot.TypeRegistry();
    this.#typeId = typeId;
    this.#writer = writer;
    this.#polkadot = polkadot;
    this.#items = new Map(
      pallets.flatMap(({ name, storage }) => storage.map((item) => [`${name}.${item.name}`, item])),
    );
    const metadata = new polkadot.Metadata(this.registry, encoded(14)!);
    const withoutWarning = true;
    this.registry.setMetadata(metadata, undefined, undefined, withoutWarning);
    this.registry.setChainProperties(this.registry.createType('ChainProperties', { ss58Format: 42 }) as never);
    const { query, tx } = polkadot.expandMetadata(this.registry, metadata);
    this.#keys = query;
    this.#calls = tx;
  }

  get specVersion(): number {
    return SPEC_VERSIONS[this.profile];
  }

  /** @throws FlockOffError `bad-argument` for a value that is not of the type. */
  encode(type: string, value: Plain): Uint8Array {
    return orBadArgument(`a value is no ${type}`, () => this.#create(type, value).toU8a());
  }

  /** The same for values of the runtime itself, by its own field names, and fast where there are thousands. */
  write(type: string, value: Plain): Uint8Array {
    return this.#writer.write(type, value);
  }

  /** An answer of a runtime API. */
  writeAnswer(api: string, type: string, value: Plain): Uint8Array {
    const bytes = this.#writer.write(type, value);
    return isOpaque(this.profile, api) ? this.#writer.write('Vec<u8>', bytes) : bytes;
  }

  /** Values that stand one after the other. @throws where the bytes are other values, or more. */
  decodeAll(types: string[], bytes: Uint8Array): Plain[] {
    let at = 0;
    const values = types.map((type) => {
      const value = this.#create(type, bytes.subarray(at));
      at += value.encodedLength;
      return value.toJSON();
    });
    if (at !== bytes.length) throw new Error(`${bytes.length} bytes where ${at} were expected`);
    return values;
  }

  decode<T = Plain>(type: string, bytes: Uint8Array): T {
    return this.#create(type, bytes).toJSON() as T;
  }

  /** Whether this runtime has a storage item. */
  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** Id of a runtime API: blake2b-64 of its name. */
  apiId = (name: string): string => this.#polkadot.blake2AsHex(name, 64);

  /** A storage item by "Pallet.Item". */
  item(name: string): StorageItem {
    const found = this.#items.get(name);
    if (!found) throw new Error(`the ${this.profile} runtime has no storage item ${name}`);
    return found;
  }

  /** A constant by "Pallet.Constant". */
  constant(name: string): number {
    const [palletName, constant] = name.split('.');
    return this.#pallet(palletName).constants.find((one) => one.name === constant)!.value;
  }

  /** Key of a storage item as `0x` hex. @throws FlockOffError `bad-argument` for keys that are not its own. */
  key(name: string, keys: Plain[]): string {
    const asked = `${name} ${keys}`;
    const known = this.#knownKeys.get(asked);
    if (known) return known;
    const { stringCamelCase } = this.#polkadot;
    const [pallet = '', item = ''] = name.split('.').map((part) => stringCamelCase(part));
    const key = orBadArgument(`${asked} is no storage key`, () =>
      this.registry.createType('StorageKey', [this.#keys[pallet]![item]!, keys]).toHex(),
    );
    this.#knownKeys.set(asked, key);
    return key;
  }

  /** SCALE's compact form of a whole number. */
  compact(value: number | string): Uint8Array {
    return this.#polkadot.compactToU8a(BigInt(value));
  }

  /** A pallet's event as the runtime records it. */
  event(name: string, values: Plain[]): Uint8Array {
    const [palletName, eventName] = name.split('.');
    const pallet = this.#pallet(palletName);
    const place = pallet.events.findIndex((one) => one.name === eventName);
    const { index = place, fields: described = [] } = pallet.events[place]!;
    const types = Object.values(described) as string[];
    const fields = types.map((type, i) => this.encode(type, values[i]));
    return this.#polkadot.u8aConcat(Uint8Array.of(pallet.index, index), ...fields);
  }

  /** An unsigned transaction as `0x` hex. Pallet and call in polkadot.js spelling. */
  inherent(pallet: string, call: string, args: Plain[]): string {
    return this.registry.createType('Extrinsic', this.#calls[pallet]![call]!(...args), { version: 4 }).toHex();
  }

  /** "Pallet.Error", or one that is no pallet's such as `BadOrigin`, as a dispatch error of the runtime. */
  dispatchError(name: string): Plain {
    const [palletName, errorName] = name.split('.');
    if (!errorName) return { [name]: null };
    const pallet = this.#pallet(palletName);
    const place = pallet.errors.findIndex((one) => one.name === errorName);
    if (place < 0) throw new Error(`the ${this.profile} runtime has no error ${name}`);
    return { Module: { index: pallet.index, error: Uint8Array.of(pallet.errors[place]!.index ?? place, 0, 0, 0) } };
  }

  /** SCALE of values of @polkadot's basic types, one after the other, as `0x` hex. */
  encodeBasic(values: [type: string, value: Plain][]): string {
    const { u8aConcat, u8aToHex } = this.#polkadot;
    return u8aToHex(u8aConcat(...values.map(([type, value]) => this.registry.createTypeUnsafe(type, [value]).toU8a())));
  }

  /** A value of a basic type; `null` when the bytes do not begin with one. */
  decodeBasic<T>(type: string, hex: string): T | null {
    try {
      const value = this.registry.createTypeUnsafe(type, [this.#polkadot.hexToU8a(hex)]);
      // What @polkadot reads past the end of the bytes is not in them.
      return hex.startsWith(value.toHex()) ? (value.toJSON() as T) : null;
    } catch {
      return null;
    }
  }

  #pallet(name: string | undefined): Pallet {
    return this.pallets.find((one) => one.name === name)!;
  }

  #create(type: string, value: Plain) {
    return this.registry.createTypeUnsafe(this.registry.createLookupType(this.#typeId(type)), [value]);
  }
}

/** Runs what @polkadot may throw at for a value that was given to the local chain. */
function orBadArgument<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new FlockOffError({ code: 'bad-argument', what: `${what}: ${messageOf(cause)}`, cause });
  }
}
