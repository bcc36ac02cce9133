import type { Profile } from '../description/profile.ts';
import type { Plain, RuntimeCodec } from './codec.ts';

interface Version {
  block: number;
  /** `0x` hex, or a function that is called when it is first read; `null` when the entry was removed. */
  value: string | (() => string) | null;
}

/** Blocks whose state can be read. */
export const KEPT_BLOCKS = 2_400;

/** The chain's storage with its recent history: every value with the block that wrote it. */
export class Storage {
  #codec: RuntimeCodec;
  readonly #versions = new Map<string, Version[]>();
  readonly #changed = new Set<string>();
  /** Removed entries, oldest first, as long as the state of a kept block has them. */
  readonly #removed: { key: string; block: number }[] = [];
  #block = 0;
  /** What undoes the writes of the transaction that runs. */
  #undo: (() => void)[] | null = null;

  constructor(codec: RuntimeCodec) {
    this.#codec = codec;
  }

  /** The block that writes go to. */
  get block(): number {
    return this.#block;
  }

  /** The runtime that writes go through. */
  get profile(): Profile {
    return this.#codec.profile;
  }

  /** A constant of that runtime, by "Pallet.Constant". */
  constant(name: string): number {
    return this.#codec.constant(name);
  }

  /** From now on another runtime reads and writes. */
  upgrade(codec: RuntimeCodec): void {
    this.#codec = codec;
  }

  /** Keys written in that block. */
  get changed(): string[] {
    return [...this.#changed];
  }

  /** What was written, as text: "key=value"; the key alone for a value that was not computed yet. */
  get changes(): string[] {
    return this.changed.map((key) => {
      const value = this.#versionAt(key, this.block)?.value;
      return `${key}=${typeof value === 'function' ? '' : value}`;
    });
  }

  /** From now on writes go to this block, which may be the one that they go to already. */
  startBlock(block: number): void {
    if (block !== this.#block) this.#changed.clear();
    this.#block = block;
    this.#forgetRemoved();
  }

  /** Forgets what was written in this block and later ones. */
  rollBack(block: number): void {
    for (const [key, versions] of this.#versions) {
      while (versions.length > 0 && versions.at(-1)!.block >= block) versions.pop();
      if (versions.length === 0) this.#versions.delete(key);
    }
    while (this.#removed.length > 0 && this.#removed.at(-1)!.block >= block) this.#removed.pop();
    this.#changed.clear();
    this.#block = block - 1;
  }

  /** Value of "Pallet.Item" under these keys: the runtime's default, or `null` for an optional item, when there is none. */
  get<T = Plain>(item: string, ...keys: Plain[]): T {
    return this.getAt<T>(this.block, item, ...keys);
  }

  /** The same as of a block. */
  getAt<T = Plain>(block: number, item: string, ...keys: Plain[]): T {
    const { value, fallback } = this.#codec.item(item);
    const raw = this.raw(this.#codec.key(item, keys), block);
    if (raw !== null) return this.#codec.decode<T>(value, Buffer.from(raw.slice(2), 'hex'));
    if (typeof fallback === 'string') return this.#codec.decode<T>(value, Buffer.from(fallback.slice(2), 'hex'));
    return (fallback ?? null) as T;
  }

  /** Bytes of the value as of a block, or of the item's default, `0x` hex. */
  bytesAt(block: number, item: string, ...keys: Plain[]): string {
    const raw = this.raw(this.#codec.key(item, keys), block);
    if (raw !== null) return raw;
    const { fallback } = this.#codec.item(item);
    return typeof fallback === 'string' ? fallback : this.#encode(item, fallback);
  }

  /** Writes a value; the keys stand before it. */
  put(item: string, ...keysAndValue: Plain[]): void {
    const key = this.#codec.key(item, keysAndValue.slice(0, -1));
    this.#write(key, this.#encode(item, keysAndValue.at(-1)));
  }

  /** Writes a value that is expensive to compute: it is computed when it is first read. */
  putLazily(item: string, key: Plain, make: () => Plain): void {
    this.#write(this.#codec.key(item, [key]), () => this.#encode(item, make()));
  }

  remove(item: string, ...keys: Plain[]): void {
    this.removeRaw(this.#codec.key(item, keys));
  }

  removeRaw(key: string): void {
    if (!this.#has(key, this.block)) return;
    this.#write(key, null);
    this.#removed.push({ key, block: this.block });
  }

  putRaw(key: string, value: string): void {
    this.#write(key, value);
  }

  /** Runs writes that are all undone where it throws. */
  transaction<T>(run: () => T): T {
    const outer = this.#undo;
    const undo: (() => void)[] = [];
    this.#undo = undo;
    try {
      const result = run();
      outer?.push(...undo);
      return result;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.#undo = outer;
    }
  }

  #encode(item: string, value: Plain): string {
    return `0x${Buffer.from(this.#codec.encode(this.#codec.item(item).value, value)).toString('hex')}`;
  }

  #write(key: string, value: Version['value']): void {
    this.#changed.add(key);
    const versions = this.#versions.get(key);
    if (this.#undo) {
      const last = versions?.at(-1);
      const { block, value: before } = last ?? {};
      this.#undo.push(() => {
        if (last && block === this.#block) last.value = before!;
        else this.#versions.get(key)!.pop();
      });
    }
    if (!versions) this.#versions.set(key, [{ block: this.block, value }]);
    else if (versions.at(-1)!.block === this.block) versions.at(-1)!.value = value;
    else versions.push({ block: this.block, value });
    // Values that no kept block's state has are dropped, so that a chain can run for days.
    while (versions?.[1] && versions[1].block <= this.block - KEPT_BLOCKS) versions.shift();
  }

  /** Value of a key as of a block, `null` when it had none. */
  raw(key: string, atBlock: number): string | null {
    const version = this.#versionAt(key, atBlock);
    if (typeof version?.value === 'function') version.value = version.value();
    return version?.value ?? null;
  }

  /** Keys with a value as of a block, in order. */
  keys(prefix: string, atBlock: number): string[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix) && this.#has(key, atBlock)).sort();
  }

  #has(key: string, atBlock: number): boolean {
    return (this.#versionAt(key, atBlock)?.value ?? null) !== null;
  }

  #versionAt(key: string, atBlock: number): Version | undefined {
    return this.#versions.get(key)?.findLast(({ block }) => block <= atBlock);
  }

  #forgetRemoved(): void {
    while (this.#removed[0] && this.#removed[0].block <= this.block - KEPT_BLOCKS) {
      const { key } = this.#removed.shift()!;
      const versions = this.#versions.get(key);
      if (versions?.length === 1 && versions[0]!.value === null) this.#versions.delete(key);
    }
  }
}
