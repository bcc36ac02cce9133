import type { ApiPromise } from '@polkadot/api';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { requiredItem } from '../../shared/required.ts';
import { type ChainValue, placed } from '../codec/chain-value.ts';
import { shown, UnusableAnswerError } from './answers.ts';

const SHOWN_TYPE_CHARACTERS = 80;

type Decorated = NonNullable<NonNullable<ApiPromise['query'][string]>[string]>;

/** A storage item as this runtime's metadata describes it: under which keys it stands, and what its bytes are. */
export class StorageEntry {
  /** As "pallet.item" in polkadot.js spelling. */
  readonly name: string;
  readonly #api: ApiPromise;
  readonly #decorated: Decorated;

  private constructor(name: string, api: ApiPromise, decorated: Decorated) {
    this.name = name;
    this.#api = api;
    this.#decorated = decorated;
  }

  /** `null` where the runtime has no item of that name. */
  static find(api: ApiPromise, name: string): StorageEntry | null {
    const [pallet = '', item = ''] = name.split('.');
    const decorated = api.query[pallet]?.[item] as Decorated | undefined;
    return decorated ? new StorageEntry(name, api, decorated) : null;
  }

  /** How many keys it stands under; none for a plain value. */
  get keyCount(): number {
    const { type } = this.#decorated.creator.meta;
    return type.isPlain ? 0 : type.asMap.hashers.length;
  }

  /** Whether it stands under keys like these. */
  takes(keys: unknown[]): boolean {
    if (keys.length !== this.keyCount) return false;
    try {
      return Boolean(this.key(keys));
    } catch {
      return false;
    }
  }

  /** @throws FlockOffError `chain-rejected` for another number of keys than the runtime has; `bad-argument` for one that is none. */
  key(keys: unknown[]): string {
    if (keys.length !== this.keyCount) throw this.#otherKeys(keys.length);
    return this.#encode(keys, () => this.#decorated.key(...keys));
  }

  /** What all keys begin with that have these in front. @throws FlockOffError as {@link key}. */
  keyPrefix(firstKeys: unknown[]): string {
    if (firstKeys.length >= this.keyCount) throw this.#otherKeys(firstKeys.length + 1);
    return this.#encode(firstKeys, () => this.#decorated.keyPrefix(...firstKeys));
  }

  /** The keys in a whole key, `0x` hex. */
  keysOf(key: string): ChainValue[] {
    const { meta, section, method } = this.#decorated.creator;
    try {
      const decoded = this.#api.createType('StorageKey', key) as ReturnType<typeof storageKey>;
      decoded.setMeta(meta, section, method);
      return decoded.args;
    } catch {
      throw new UnusableAnswerError(`${shown(key)} is no key of ${this.name}`);
    }
  }

  /**
   * A value from its bytes, `0x` hex; `null` gives the runtime's default, or an empty Option.
   * @throws UnusableAnswerError for bytes that are not of its type, or too few.
   */
  decode(hex: string | null): ChainValue {
    const { registry } = this.#api;
    const { type, modifier, fallback } = this.#decorated.creator.meta;
    const inner = registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value);
    const bytes = hex === null ? null : Buffer.from(hex.slice(2), 'hex');
    try {
      const value = bytes && registry.createTypeUnsafe(inner, [bytes]);
      // What @polkadot reads past the end is zeros.
      if (value && value.encodedLength > bytes.length) throw new Error('too few bytes');
      if (modifier.isOptional) return placed(registry.createTypeUnsafe(`Option<${inner}>`, [value]), this.name);
      return placed(value ?? registry.createTypeUnsafe(inner, [fallback.toU8a(true)]), this.name);
    } catch {
      throw new UnusableAnswerError(`${this.name} holds ${shown(hex)}, which is no ${this.#shownType(inner)}`);
    }
  }

  #encode(keys: unknown[], encode: () => string): string {
    try {
      // @polkadot makes zeros of these.
      if (!keys.some(isNothing)) return encode();
    } catch {}
    const types = this.#keyTypes();
    const place = Math.max(
      0,
      types.findIndex((type, i) => isNothing(keys[i]) || !this.#isOf(type, keys[i])),
    );
    const type = requiredItem(types, place);
    throw new FlockOffError({
      code: 'bad-argument',
      what: `${shown(keys[place])} is no ${this.#shownType(type)}, which is what ${this.name} has for key ${place + 1}`,
      fix: 'check the netuid, and the hotkey (an ss58 address)',
      facts: { name: `${this.name}, key ${place + 1}` },
    });
  }

  #keyTypes(): string[] {
    const { key } = this.#decorated.creator.meta.type.asMap;
    const { registry } = this.#api;
    const types = this.keyCount === 1 ? [key] : registry.lookup.getSiType(key).def.asTuple;
    return types.map((one) => registry.createLookupType(one));
  }

  #isOf(type: string, key: unknown): boolean {
    try {
      this.#api.registry.createTypeUnsafe(type, [key]);
      return true;
    } catch {
      return false;
    }
  }

  #shownType(type: string): string {
    const raw = this.#api.registry.createTypeUnsafe(type, []).toRawType();
    return raw.length > SHOWN_TYPE_CHARACTERS ? `${raw.slice(0, SHOWN_TYPE_CHARACTERS)}...` : raw;
  }

  #otherKeys(expected: number): FlockOffError {
    const seen = this.keyCount;
    return new FlockOffError({
      code: 'chain-rejected',
      what: `this runtime keeps ${this.name} under ${seen === 1 ? '1 key' : `${seen} keys`}, expected ${expected}`,
      fix: 'update flock-off: the runtime has changed',
      facts: {
        item: this.name,
        keys: seen,
        expectedKeys: expected,
        specVersion: this.#api.runtimeVersion.specVersion.toNumber(),
      },
    });
  }
}

function isNothing(key: unknown): boolean {
  return key === undefined || key === null || key === '';
}

declare function storageKey(): ChainValue & {
  args: ChainValue[];
  setMeta(meta: unknown, section: string, method: string): unknown;
};
