import type { Plain, RuntimeCodec } from './codec.ts';

interface Version {
  block: number;
  /** `0x` hex; `null` when the entry was removed. */
  value: string | null;
}

/** Blocks whose state can be read. */
export const KEPT_BLOCKS = 2_400;

/** The chain's storage with its recent history: every value with the block that wrote it. */
export class Storage {
  readonly #codec: RuntimeCodec;
  readonly #versions = new Map<string, Version[]>();
  readonly #changed = new Set<string>();
  #block = 0;

  constructor(codec: RuntimeCodec) {
    this.#codec = codec;
  }

  /** The block that writes go to. */
  get block(): number {
    return this.#block;
  }

  /** Keys written in that block. */
  get changed(): string[] {
    return [...this.#changed];
  }

  /** From now on writes go to this block; to go on with one that has been started is fine. */
  startBlock(block: number): void {
    if (block !== this.#block) this.#changed.clear();
    this.#block = block;
  }

  /** Value of "Pallet.Item" under these keys: the runtime's default, or `null` for an optional item, when there is none. */
  get<T = Plain>(item: string, ...keys: Plain[]): T {
    const { value, fallback } = this.#codec.item(item);
    const raw = this.raw(this.#codec.key(item, keys), this.block);
    if (raw !== null) return this.#codec.decode<T>(value, Buffer.from(raw.slice(2), 'hex'));
    if (typeof fallback === 'string') return this.#codec.decode<T>(value, Buffer.from(fallback.slice(2), 'hex'));
    return (fallback ?? null) as T;
  }

  /** Writes a value; the keys stand before it. */
  put(item: string, ...keysAndValue: Plain[]): void {
    const value = keysAndValue.at(-1);
    const bytes = this.#codec.encode(this.#codec.item(item).value, value);
    this.putRaw(this.#codec.key(item, keysAndValue.slice(0, -1)), `0x${Buffer.from(bytes).toString('hex')}`);
  }

  remove(item: string, ...keys: Plain[]): void {
    this.putRaw(this.#codec.key(item, keys), null);
  }

  putRaw(key: string, value: string | null): void {
    this.#changed.add(key);
    const versions = this.#versions.get(key);
    if (!versions) this.#versions.set(key, [{ block: this.block, value }]);
    else if (versions.at(-1)!.block === this.block) versions.at(-1)!.value = value;
    else versions.push({ block: this.block, value });
    // What no block that is kept can see is forgotten, so that a chain may run for days.
    while (versions?.[1] && versions[1].block <= this.block - KEPT_BLOCKS) versions.shift();
  }

  /** Value of a key as of a block, `null` when it had none. */
  raw(key: string, atBlock: number): string | null {
    return this.#versions.get(key)?.findLast(({ block }) => block <= atBlock)?.value ?? null;
  }

  /** Keys with a value as of a block, in order. */
  keys(prefix: string, atBlock: number): string[] {
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix) && this.raw(key, atBlock) !== null).sort();
  }
}
