import type { ApiPromise } from '@polkadot/api';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { type ChainValue, toNumber } from '../codec/chain-value.ts';
import {
  ask,
  HashAnswer,
  HeaderAnswer,
  HexAnswer,
  KeysAnswer,
  StorageAnswer,
  shown,
  UnusableAnswerError,
} from './answers.ts';
import type { HeadClock } from './head-clock.ts';
import { type JsonRpcSocket, RpcError } from './json-rpc-socket.ts';
import { prepareReads, type StorageRead, type StorageReads, type StorageValues } from './named-reads.ts';
import { isMissingFunction } from './runtime-function.ts';
import { StorageEntry } from './storage-entry.ts';

export { type ChainValue, toItems, toNullable, toNumber } from '../codec/chain-value.ts';
export { readsFor, type StorageRead, type StorageReads, type StorageValues } from './named-reads.ts';

/** What is read through: the wire, and the description of what is on it. */
export interface Node {
  socket: JsonRpcSocket;
  api: ApiPromise;
  /** Compares the timestamp of the best block with this machine's clock. Default: no check. */
  headClock?: HeadClock;
}

/** An entry of a map. Its value is decoded when it is asked for, so that one that cannot be is no harm to the others. */
export interface MapEntry {
  keys: ChainValue[];
  /** The value as it is stored, `0x` hex. */
  hex: string;
  value(): ChainValue;
}

const PAGE_KEYS = 1000;
/** Most entries that are read of a map: a subnet has up to 2500 uids, and maps may keep entries of hotkeys that left. */
const MOST_ENTRIES = 200_000;
/** The time a block says it was made at, in Unix milliseconds. */
const TIME = 'timestamp.now';

/**
 * The chain's storage as of one block, so that everything read from it belongs together. Items are named by the
 * runtime's metadata; `has` tells what this runtime has.
 */
export interface Snapshot {
  /** Hash of the chain's first block, `0x` hex: which network it is. */
  readonly genesisHash: string;
  /** The hash of the block. Where nothing was read yet it is asked for, and everything read from then on is of that block. */
  blockHash(): Promise<string>;
  /** The same chain as of another block; `null` where the node knows none of that number. */
  at(block: number): Promise<Snapshot | null>;
  /** Number of the last block that cannot be taken back. */
  finalBlock(): Promise<number>;
  /** Whether the runtime has a storage item, whatever its keys are. */
  has(item: string): boolean;
  /** Whether the runtime has a storage item that stands under keys like these. */
  canRead(read: StorageRead): boolean;
  /** A read that this runtime may not have: `null` where there is no such item under keys like these. */
  optional(read: StorageRead): StorageRead | null;
  /**
   * How to read what some runtimes keep for each subnet and others once for all: with the netuid where the metadata of
   * this one has a key for it, else with none.
   */
  forSubnet(item: string, netuid: number): StorageRead;
  /** Whether the runtime has a call. */
  hasCall(name: string): boolean;
  /** A constant of the runtime, `null` when it has none of that name. */
  constant(name: string): ChainValue | null;
  /** Names of the variants of an enum, by the path that the metadata gives the type; none when the runtime has no such type. */
  variants(path: string): string[];
  /**
   * Reads any number of items in one round trip, each under the name it is asked for by. An absent value is the runtime's
   * default, or an empty Option.
   * @example const { tempo } = await snapshot.read({ tempo: ['subtensorModule.tempo', netuid] });
   */
  read<Reads extends StorageReads>(reads: Reads): Promise<StorageValues<Reads>>;
  /** Reads one item. */
  get(item: string, ...keys: unknown[]): Promise<ChainValue>;
  /** Reads one item of a map, undecoded; `hex` is `null` where there is no entry. */
  readEntry(item: string, ...keys: unknown[]): Promise<Omit<MapEntry, 'keys' | 'hex'> & { hex: string | null }>;
  /**
   * Every entry of a map under the given first keys. Two round trips for each thousand; three, at times, where the
   * block was not known yet and another one comes in between.
   */
  readMap(item: string, ...firstKeys: unknown[]): Promise<MapEntry[]>;
  /**
   * Calls a function of the runtime, such as "NeuronInfoRuntimeApi_get_neurons_lite"; `null` where it has none of that
   * name, or one with another result, or the node lets nobody call it. Types are @polkadot's, since metadata of version 14
   * says nothing of these functions. A list may also come as runtimes before spec 233 hand it out: as bytes.
   */
  call(name: string, args: [type: string, value: unknown][], result: string): Promise<ChainValue | null>;
}

/** Reads a node's storage, asking for the block at the first read. */
export class NodeSnapshot implements Snapshot {
  readonly #link: Node;
  /** Of the block; `null` until the first read, which is at the best block and says which one that was. */
  #blockHash: Promise<string> | null;
  #isHashKnown: boolean;
  /** Whether the time of the block is still to be compared with this machine's: what is read first brings it along. */
  #isTimeDue: boolean;

  /** `blockHash`: default that of the best block at the first read, which then has to be of today. */
  constructor(link: Node, blockHash?: string) {
    this.#link = link;
    this.#isTimeDue = blockHash === undefined && link.headClock !== undefined;
    this.#blockHash = blockHash === undefined ? null : Promise.resolve(blockHash);
    this.#isHashKnown = blockHash !== undefined;
  }

  blockHash(): Promise<string> {
    return this.#blockHash ?? this.#pinTo(ask(this.#link.socket, 'chain_getBlockHash', [], HashAnswer));
  }

  async at(block: number): Promise<NodeSnapshot | null> {
    const hash = await ask(this.#link.socket, 'chain_getBlockHash', [block], HashAnswer.nullable());
    return hash === null ? null : new NodeSnapshot(this.#link, hash);
  }

  async finalBlock(): Promise<number> {
    const hash = await ask(this.#link.socket, 'chain_getFinalizedHead', [], HashAnswer);
    return (await ask(this.#link.socket, 'chain_getHeader', [hash], HeaderAnswer)).number;
  }

  get genesisHash(): string {
    return this.#link.api.genesisHash.toHex();
  }

  has(item: string): boolean {
    return this.#find(item) !== null;
  }

  canRead([item, ...keys]: StorageRead): boolean {
    return this.#find(item)?.takes(keys) ?? false;
  }

  optional(read: StorageRead): StorageRead | null {
    return this.canRead(read) ? read : null;
  }

  forSubnet(item: string, netuid: number): StorageRead {
    return this.canRead([item]) ? [item] : [item, netuid];
  }

  hasCall(name: string): boolean {
    const [pallet, call] = split(name);
    return this.#link.api.tx[pallet]?.[call] !== undefined;
  }

  constant(name: string): ChainValue | null {
    const [pallet, item] = split(name);
    return (this.#link.api.consts[pallet]?.[item] as ChainValue | undefined) ?? null;
  }

  variants(path: string): string[] {
    const types = this.#link.api.registry.metadata.lookup.types;
    const found = types.find(({ type }) => type.path.join('::') === path);
    return found?.type.def.isVariant ? found.type.def.asVariant.variants.map(({ name }) => name.toString()) : [];
  }

  async read<Reads extends StorageReads>(reads: Reads): Promise<StorageValues<Reads>> {
    const keys: string[] = [];
    let values = new Map<string, string | null>();
    const decode = prepareReads(reads, ([item, ...args]) => {
      const entry = this.#entry(item);
      const key = entry.key(args);
      keys.push(key);
      return () => entry.decode(values.get(key) ?? null);
    });
    values = await this.#valuesOf(keys);
    return decode();
  }

  async get(item: string, ...keys: unknown[]): Promise<ChainValue> {
    return (await this.read({ value: [item, ...keys] })).value;
  }

  async readEntry(item: string, ...keys: unknown[]): Promise<Omit<MapEntry, 'keys' | 'hex'> & { hex: string | null }> {
    const entry = this.#entry(item);
    const key = entry.key(keys);
    const hex = (await this.#valuesOf([key])).get(key) ?? null;
    return { hex, value: () => entry.decode(hex) };
  }

  async readMap(item: string, ...firstKeys: unknown[]): Promise<MapEntry[]> {
    const entry = this.#entry(item);
    const prefix = entry.keyPrefix(firstKeys);
    let likely = this.#isHashKnown ? [] : await this.#keysOfBestBlock(prefix);
    const values = new Map<string, string>();
    for (let last: string | undefined; ; ) {
      const [page, known] = await Promise.all([this.#keysAfter(last, prefix), this.#valuesOf(likely)]);
      const unknown = await this.#valuesOf(page.filter((key) => !known.has(key)));
      if (values.size + page.length > MOST_ENTRIES || page.some((key) => values.has(key)))
        throw new UnusableAnswerError(`the entries of ${item} do not end, or come twice`);
      for (const key of page) {
        const hex = known.get(key) ?? unknown.get(key);
        if (!hex) throw new UnusableAnswerError(`${item} has a key without a value`);
        values.set(key, hex);
      }
      if (page.length < PAGE_KEYS) break;
      last = page.at(-1);
      likely = [];
    }
    return [...values].map(([key, hex]) => ({ keys: entry.keysOf(key), hex, value: () => entry.decode(hex) }));
  }

  async call(name: string, args: [type: string, value: unknown][], result: string): Promise<ChainValue | null> {
    const { registry } = this.#link.api;
    const encoded = Buffer.concat(args.map(([type, value]) => this.#argument(name, type, value)));
    const hex = await this.#callRuntime(name, `0x${encoded.toString('hex')}`);
    if (hex === null) return null;
    const bytes = Buffer.from(hex.slice(2), 'hex');
    try {
      const unwrapped = result.startsWith('Vec<') ? this.#unwrapped(bytes) : bytes;
      const value = registry.createTypeUnsafe(result, [unwrapped]);
      return value.encodedLength > unwrapped.length ? null : value;
    } catch {
      return null;
    }
  }

  #argument(name: string, type: string, value: unknown): Uint8Array {
    try {
      if (value !== undefined && value !== null) return this.#link.api.registry.createTypeUnsafe(type, [value]).toU8a();
    } catch {}
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${shown(value)} is no ${type}, which is what ${name} is called with`,
      fix: 'check the netuid',
      facts: { name },
    });
  }

  async #callRuntime(name: string, args: string): Promise<string | null> {
    const params = [name, args, await this.blockHash()];
    const answer = ask(this.#link.socket, 'state_call', params, HexAnswer).catch(async (error: unknown) => {
      if (error instanceof RpcError && (await isMissingFunction(this.#link.api, name, error))) return null;
      throw error;
    });
    // Asks for the time of the block alone, where nothing was read from it yet.
    const [hex] = await Promise.all([answer, this.#valuesOf([])]);
    return hex;
  }

  /**
   * A list of values of more than one byte each, out of the `Vec<u8>` it may be in: there the number in front is that of
   * all bytes behind it, which the number of values never is.
   */
  #unwrapped(bytes: Uint8Array): Uint8Array {
    const count = this.#link.api.registry.createType('Compact<u32>', bytes);
    const values = bytes.subarray(count.encodedLength);
    return values.length > 0 && toNumber(count) === values.length ? values : bytes;
  }

  /** Keys of the best block, asked for together with its hash: another block may come in between, so they are a guess. */
  async #keysOfBestBlock(prefix: string): Promise<string[]> {
    return (await Promise.all([this.#keyPage(prefix, []), this.blockHash()]))[0];
  }

  async #keysAfter(last: string | undefined, prefix: string): Promise<string[]> {
    return this.#keyPage(prefix, [last ?? null, await this.blockHash()]);
  }

  async #keyPage(prefix: string, at: unknown[]): Promise<string[]> {
    const keys = await ask(this.#link.socket, 'state_getKeysPaged', [prefix, PAGE_KEYS, ...at], KeysAnswer);
    if (keys.length <= PAGE_KEYS && keys.every((key) => key.startsWith(prefix))) return keys;
    throw new UnusableAnswerError('it answered state_getKeysPaged with other keys than were asked for');
  }

  #pinTo(blockHash: Promise<string>): Promise<string> {
    this.#blockHash = blockHash;
    // Who reads meets the failure of the request itself.
    blockHash.then(
      () => {
        this.#isHashKnown = true;
      },
      () => {},
    );
    return blockHash;
  }

  async #valuesOf(keys: string[]): Promise<Map<string, string | null>> {
    const time = this.#isTimeDue ? this.#find(TIME) : null;
    this.#isTimeDue = false;
    const asked = time ? [...keys, time.key([])] : keys;
    if (asked.length === 0) return new Map();
    const at = this.#blockHash ? [asked, await this.#blockHash] : [asked];
    const sets = ask(this.#link.socket, 'state_queryStorageAt', at, StorageAnswer);
    if (!this.#blockHash) this.#pinTo(sets.then(([set]) => set.block));
    const values = new Map((await sets)[0].changes);
    if (!asked.every((key) => values.has(key)))
      throw new UnusableAnswerError('its answer to state_queryStorageAt leaves out what was asked for');
    if (time) this.#link.headClock?.require(toNumber(time.decode(values.get(time.key([])) ?? null)));
    return values;
  }

  #find(name: string): StorageEntry | null {
    return StorageEntry.find(this.#link.api, name);
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

function split(name: string): [pallet: string, item: string] {
  const [pallet = '', item = ''] = name.split('.');
  return [pallet, item];
}
