import type { Polkadot } from './polkadot.ts';
import type { Fields, TypeTable } from './type-table.ts';

/**
 * Writes SCALE by the description's own types. @polkadot makes an object of every part of a value, which for an answer
 * with thousands of neurons takes seconds.
 *
 * Values: whole numbers also as bigint or text, bytes as `0x` hex or Uint8Array, accounts as ss58 address or hex, structs
 * as objects or, in bytes, as they are encoded, enums as the name of a variant or `{ name: value }`.
 */
export class ScaleWriter {
  readonly #polkadot: Pick<Polkadot, 'compactToU8a' | 'decodeAddress'>;
  readonly #types: TypeTable;

  constructor(polkadot: Pick<Polkadot, 'compactToU8a' | 'decodeAddress'>, types: TypeTable) {
    this.#polkadot = polkadot;
    this.#types = types;
  }

  write(type: string, value: unknown): Buffer {
    return Buffer.concat(this.#parts(type, value));
  }

  #parts(type: string, value: unknown): Uint8Array[] {
    const { compactToU8a, decodeAddress } = this.#polkadot;
    const shape = this.#types.shape(type);
    switch (shape.kind) {
      case 'integer':
        return [integer(value as number, shape.bytes)];
      case 'bool':
        return [Uint8Array.of(value ? 1 : 0)];
      case 'str':
        return this.#list('u8', Buffer.from(String(value)));
      case 'compact':
        return [compactToU8a(BigInt(value as number))];
      case 'option': {
        const isSome = value !== null && value !== undefined;
        return isSome ? [Uint8Array.of(1), ...this.#parts(shape.of, value)] : [Uint8Array.of(0)];
      }
      case 'vec':
        return this.#list(shape.of, value);
      case 'array':
        return this.#items(shape.of, value);
      case 'tuple':
        return shape.of.flatMap((part, i) => this.#parts(part, (value as unknown[])[i]));
      case 'struct': {
        if (value instanceof Uint8Array && shape.fields.length > 1) return [value];
        const isAddress = shape.path === ACCOUNT && typeof value === 'string' && !value.startsWith('0x');
        return isAddress ? [decodeAddress(value)] : this.#fields(shape.fields, value);
      }
      case 'enum': {
        const [name, inner] = typeof value === 'string' ? [value, []] : Object.entries(value as object)[0]!;
        const variant = shape.variants.find((one) => one.name === name);
        if (!variant) throw new Error(`${shape.path} has no variant ${name}`);
        return [
          Uint8Array.of(variant.index),
          ...(variant.fields.length > 0 ? this.#fields(variant.fields, inner) : []),
        ];
      }
    }
  }

  /** A single field without a name stands for the whole. */
  #fields(fields: Fields, value: unknown): Uint8Array[] {
    const [first] = fields;
    if (fields.length === 1 && first![0] === null) return this.#parts(first![1], value);
    const values = value as Record<string | number, unknown>;
    return fields.flatMap(([name, type], i) => this.#parts(type, values[name ?? i]));
  }

  #list(of: string, value: unknown): Uint8Array[] {
    const items = bytesOf(value) ?? (value as unknown[]);
    return [this.#polkadot.compactToU8a(items.length), ...this.#items(of, items)];
  }

  #items(of: string, value: unknown): Uint8Array[] {
    const bytes = bytesOf(value);
    if (bytes && of === 'u8') return [bytes];
    return [...(bytes ?? (value as unknown[]))].flatMap((item) => this.#parts(of, item));
  }
}

const ACCOUNT = 'sp_core::crypto::AccountId32';

function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? Buffer.from(value.slice(2), 'hex') : null;
}

function integer(value: number | bigint | string, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  if (typeof value === 'number' && value >= 0 && bytes <= 6) out.writeUIntLE(value, 0, bytes);
  else
    for (let i = 0, rest = BigInt.asUintN(bytes * 8, BigInt(value)); i < bytes; i++, rest >>= 8n)
      out[i] = Number(rest & 0xffn);
  return out;
}
