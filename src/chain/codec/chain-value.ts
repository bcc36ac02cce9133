import { FlockOffError, isCode } from '../../errors/flock-off-error.ts';

/** A decoded value of any type of the runtime. What `@polkadot` decodes has more, and this shape. */
export interface ChainValue {
  /** True for what a type has by default: zero, nothing, an empty list. */
  readonly isEmpty: boolean;
  /** Bytes it takes in SCALE. */
  readonly encodedLength: number;
  eq(other?: unknown): boolean;
  toHex(): `0x${string}`;
  /** For people: numbers with commas, text where bytes are text. */
  toHuman(): unknown;
  toJSON(): unknown;
  /** JavaScript's own numbers, strings, lists and objects. */
  toPrimitive(): unknown;
  /** The type's name in the runtime's words, such as `u16`. */
  toRawType(): string;
  toString(): string;
  /** In SCALE; `isBare`: bytes and lists without their length in front. */
  toU8a(isBare?: boolean): Uint8Array;
}

/** Where values were read, by value: for messages. */
const places = new WeakMap<object, string>();

/** Remembers which storage item a value is of. */
export function placed(value: ChainValue, item: string): ChainValue {
  places.set(value, item);
  return value;
}

/** A value as a number; exact up to 2^53. */
export function toNumber(value: ChainValue | null | undefined): number {
  return Number(toBigInt(value));
}

/** A value as a whole number. */
export function toBigInt(value: ChainValue | null | undefined): bigint {
  const number = value as { toBigInt?(): bigint } | undefined;
  if (typeof number?.toBigInt === 'function') return number.toBigInt();
  throw otherType(value, 'a number');
}

export function toBoolean(value: ChainValue | null | undefined): boolean {
  const { isTrue } = (value ?? {}) as { isTrue?: boolean };
  if (typeof isTrue === 'boolean') return isTrue;
  throw otherType(value, 'true or false');
}

/** The items of a list or a tuple, or the fields of a struct in their order. */
export function toItems(value: ChainValue | null | undefined): ChainValue[] {
  if (value instanceof Map) return [...value.values()];
  if (Array.isArray(value) || value instanceof Set) return [...value];
  throw otherType(value, 'a list');
}

/** The parts of a tuple, in its order under names of ours: the runtime gives them none. */
export function toTuple<Name extends string>(
  value: ChainValue | null | undefined,
  names: readonly Name[],
): Record<Name, ChainValue> {
  const parts = toItems(value);
  if (parts.length !== names.length) throw otherType(value, `a tuple of ${names.join(', ')}`);
  return named(parts, names);
}

/** The keys of an entry of a map, under names of ours as well. */
export function toKeys<Name extends string>(keys: ChainValue[], names: readonly Name[]): Record<Name, ChainValue> {
  if (keys.length === names.length) return named(keys, names);
  throw new FlockOffError({
    code: 'chain-rejected',
    what: `this runtime has ${keys.length} keys for an entry, expected ${names.join(', ')}`,
    fix: 'update flock-off: the runtime has changed',
    facts: { keys: keys.length, expectedKeys: names.length },
  });
}

function named<Name extends string>(values: ChainValue[], names: readonly Name[]): Record<Name, ChainValue> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, ChainValue>;
}

/** The value inside an Option, `null` when it is none. What is no Option is there. */
export function toNullable(value: ChainValue | null | undefined): ChainValue | null {
  if (!value) throw otherType(value, 'a value');
  const option = value as ChainValue & { isSome?: boolean; unwrap(): ChainValue };
  if (option.isSome === undefined) return value;
  return option.isSome ? option.unwrap() : null;
}

/** A field of a struct. */
export function toField(value: ChainValue | null | undefined, name: string): ChainValue {
  const field = (value as unknown as Record<string, ChainValue> | null | undefined)?.[name];
  if (field !== undefined) return field;
  throw otherType(value, `something with a field ${name}`);
}

/** What `read` makes of values, `null` where they are of another type than it expects. */
export function ifOfType<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isCode(error, 'chain-rejected') && error.facts.expectedType !== undefined) return null;
    throw error;
  }
}

function otherType(value: ChainValue | null | undefined, expected: string): FlockOffError {
  const seen = value ? String(value.toRawType()).slice(0, 80) : 'nothing';
  const item = value && places.get(value);
  return new FlockOffError({
    code: 'chain-rejected',
    what: `this runtime has ${seen} ${item ? `in ${item}` : 'in its storage'}, expected ${expected}`,
    fix: 'update flock-off: the runtime has changed',
    facts: { item: item || undefined, expectedType: expected, seenType: seen },
  });
}
