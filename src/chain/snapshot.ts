import type { ApiPromise } from '@polkadot/api';
import { FlockOffError } from '../errors/flock-off-error.ts';
import type { JsonRpcSocket } from './json-rpc-socket.ts';

/** A decoded value of any type of the runtime. */
export type ChainValue = ReturnType<ApiPromise['createType']>;
/** A storage item, as "pallet.item" in polkadot.js spelling, and its keys. */
export type StorageRead = [item: string, ...keys: unknown[]];

/** What is read through: the wire, and the description of what is on it. */
export interface Node {
  socket: JsonRpcSocket;
  api: ApiPromise;
}

type StorageEntry = NonNullable<NonNullable<ApiPromise['query'][string]>[string]>;
interface StorageChanges {
  changes: [key: string, value: string | null][];
}

const PAGE_KEYS = 1000;

/**
 * The chain's storage as of one block, so that everything read from it belongs together. Items are named by the
 * runtime's metadata; `has` tells what this runtime has.
 */
export class Snapshot {
  readonly blockHash: string;
  readonly #link: Node;

  constructor(link: Node, blockHash: string) {
    this.#link = link;
    this.blockHash = blockHash;
  }

  /** The best block. */
  static async latest(link: Node): Promise<Snapshot> {
    return new Snapshot(link, await link.socket.request<string>('chain_getBlockHash'));
  }

  /** Whether the runtime has a storage item. */
  has(item: string): boolean {
    return this.#find(item) !== undefined;
  }

  /** A constant of the runtime, `null` when it has none of that name. */
  constant(name: string): ChainValue | null {
    const [pallet, item] = split(name);
    return (this.#link.api.consts[pallet]?.[item] as ChainValue | undefined) ?? null;
  }

  /** Reads any number of items in one round trip. An absent value is the runtime's default, or an empty Option. */
  async read(reads: StorageRead[]): Promise<ChainValue[]> {
    const entries = reads.map(([item]) => this.#entry(item));
    const keys = reads.map(([, ...args], i) => entries[i]!.key(...args));
    const values = await this.#valuesOf(keys);
    return entries.map((entry, i) => this.#decode(entry, values.get(keys[i]!) ?? null));
  }

  /** Reads one item. */
  async get(item: string, ...keys: unknown[]): Promise<ChainValue> {
    return (await this.read([[item, ...keys]]))[0]!;
  }

  /** Every entry of a map under the given first keys: two round trips for each thousand. */
  async readMap(item: string, ...firstKeys: unknown[]): Promise<{ keys: ChainValue[]; value: ChainValue }[]> {
    const { api, socket } = this.#link;
    const entry = this.#entry(item);
    const prefix = entry.keyPrefix(...firstKeys);
    const entries: { keys: ChainValue[]; value: ChainValue }[] = [];
    for (let last: string | undefined; ; ) {
      const page: string[] = await socket.request('state_getKeysPaged', [
        prefix,
        PAGE_KEYS,
        last ?? null,
        this.blockHash,
      ]);
      const values = page.length > 0 ? await this.#valuesOf(page) : new Map<string, string | null>();
      for (const key of page) {
        const decoded = api.createType('StorageKey', key) as ReturnType<typeof storageKey>;
        decoded.setMeta(entry.creator.meta, entry.creator.section, entry.creator.method);
        entries.push({ keys: decoded.args, value: this.#decode(entry, values.get(key) ?? null) });
      }
      if (page.length < PAGE_KEYS) return entries;
      last = page.at(-1);
    }
  }

  async #valuesOf(keys: string[]): Promise<Map<string, string | null>> {
    const [set] = await this.#link.socket.request<StorageChanges[]>('state_queryStorageAt', [keys, this.blockHash]);
    return new Map(set?.changes);
  }

  #decode({ creator }: StorageEntry, hex: string | null): ChainValue {
    const { registry } = this.#link.api;
    const { type, modifier, fallback } = creator.meta;
    const inner = registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value);
    const bytes = hex === null ? null : Buffer.from(hex.slice(2), 'hex');
    return modifier.isOptional
      ? registry.createTypeUnsafe(`Option<${inner}>`, [bytes && registry.createTypeUnsafe(inner, [bytes])])
      : registry.createTypeUnsafe(inner, [bytes ?? fallback.toU8a(true)]);
  }

  #find(name: string): StorageEntry | undefined {
    const [pallet, item] = split(name);
    return this.#link.api.query[pallet]?.[item] as StorageEntry | undefined;
  }

  #entry(name: string): StorageEntry {
    const entry = this.#find(name);
    if (entry) return entry;
    throw new FlockOffError({
      code: 'chain-rejected',
      what: `this runtime has no storage item ${name}`,
      fix: 'check that the endpoint is a Subtensor node; if it is, update flock-off',
      facts: { item: name, specVersion: this.#link.api.runtimeVersion.specVersion.toNumber() },
    });
  }
}

/** A value as a number; exact up to 2^53. */
export function toNumber(value: ChainValue): number {
  return Number(value.toString());
}

/** The items of a vector. */
export function toItems(value: ChainValue): ChainValue[] {
  return [...(value as unknown as Iterable<ChainValue>)];
}

/** The value inside an Option, `null` when it is none. */
export function toNullable(value: ChainValue): ChainValue | null {
  const option = value as unknown as { isSome: boolean; unwrap(): ChainValue };
  return option.isSome ? option.unwrap() : null;
}

function split(name: string): [pallet: string, item: string] {
  const [pallet = '', item = ''] = name.split('.');
  return [pallet, item];
}

declare function storageKey(): ChainValue & {
  args: ChainValue[];
  setMeta(meta: unknown, section: string, method: string): unknown;
};
