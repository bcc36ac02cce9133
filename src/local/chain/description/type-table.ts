/**
 * A named type: a struct or an enum, with its generic parameters where a client reads them, or another name of a type.
 * Types are written as in Rust: `Vec<(u16, u64)>`.
 */
export type TypeDefinition =
  | { alias: string }
  | ({ path: string; params?: Record<string, string | null> } & (
      | { struct: Record<string, string> | string[] }
      | { enum: EnumVariant[] }
    ));

/** A variant of an enum; its index is its position unless given. */
export interface EnumVariant {
  name: string;
  fields?: Record<string, string> | string[];
  index?: number;
  docs?: string;
}

/** What a type is made of. */
export type Shape =
  | { kind: 'integer'; bytes: number; signed: boolean }
  | { kind: 'bool' | 'str' }
  | { kind: 'tuple'; of: string[] }
  | { kind: 'array'; of: string; length: number }
  | { kind: 'vec' | 'compact' | 'option'; of: string }
  | { kind: 'struct'; path: string; params: [string, string | null][]; fields: Fields }
  | { kind: 'enum'; path: string; params: [string, string | null][]; variants: Variant[] };

/** Fields with their names, `null` for those of a tuple struct. */
export type Fields = [name: string | null, type: string][];
export type Variant = { name: string; index: number; fields: Fields; docs: string[] };

const INTEGER = /^([ui])(8|16|32|64|128)$/;

interface PortableType {
  id: number;
  type: { path: string[]; params: unknown[]; def: Record<string, unknown>; docs: string[] };
}

/**
 * The type registry of the metadata (scale-info's portable registry): every type once, with its id. A type is
 * added when its id is first asked for.
 */
export class TypeTable {
  readonly types: PortableType[] = [];
  readonly #ids = new Map<string, number>();
  readonly #shapes = new Map<string, Shape>();
  readonly #named: Record<string, TypeDefinition>;

  constructor(named: Record<string, TypeDefinition>) {
    this.#named = { ...named };
  }

  /** Id of a type, such as `u16`, `Vec<u16>`, `Option<Registration>`, `[u8; 32]`, `Compact<u64>` or a named one. */
  id(type: string): number {
    const text = this.#resolve(type);
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    // The id is taken before the parts are described: a type may contain itself, and ids of parts come after.
    const id = this.types.length;
    this.#ids.set(text, id);
    const entry: PortableType = { id, type: { path: [], params: [], def: {}, docs: [] } };
    this.types.push(entry);
    Object.assign(entry.type, this.#describe(this.shape(text)));
    return id;
  }

  /** What a type is made of. */
  shape(type: string): Shape {
    const known = this.#shapes.get(type);
    if (known) return known;
    const shape = this.#parse(this.#resolve(type));
    this.#shapes.set(type, shape);
    return shape;
  }

  /** Without spaces, and by its own name. */
  #resolve(type: string): string {
    const text = type.replace(/\s+/g, '');
    const definition = Object.hasOwn(this.#named, text) ? this.#named[text]! : null;
    return definition && 'alias' in definition ? this.#resolve(definition.alias) : text;
  }

  #parse(text: string): Shape {
    const integer = INTEGER.exec(text);
    if (integer) return { kind: 'integer', bytes: Number(integer[2]) / 8, signed: integer[1] === 'i' };
    if (text === 'bool' || text === 'str') return { kind: text };
    if (text.startsWith('(')) return { kind: 'tuple', of: split(text.slice(1, -1), ',') };
    const array = /^\[(.+);(\d+)\]$/.exec(text);
    if (array) return { kind: 'array', of: array[1]!, length: Number(array[2]) };
    const generic = /^(\w+)<(.+)>$/.exec(text);
    if (generic) return container(generic[1]!, generic[2]!);
    const definition = Object.hasOwn(this.#named, text) ? this.#named[text]! : null;
    if (!definition || 'alias' in definition) throw new Error(`unknown type ${text}`);
    const { path, params: given = {} } = definition;
    const params = Object.entries(given);
    if ('struct' in definition) return { kind: 'struct', path, params, fields: fieldsOf(definition.struct) };
    const variants = definition.enum.map(({ name, fields = [], index, docs }, i) => ({
      name,
      index: index ?? i,
      fields: fieldsOf(fields),
      docs: docs ? [docs] : [],
    }));
    return { kind: 'enum', path, params, variants };
  }

  #describe(shape: Shape): Partial<PortableType['type']> {
    switch (shape.kind) {
      case 'integer':
        return { def: { Primitive: `${shape.signed ? 'I' : 'U'}${shape.bytes * 8}` } };
      case 'bool':
        return { def: { Primitive: 'Bool' } };
      case 'str':
        return { def: { Primitive: 'Str' } };
      case 'tuple':
        return { def: { Tuple: shape.of.map((part) => this.id(part)) } };
      case 'array':
        return { def: { Array: { len: shape.length, type: this.id(shape.of) } } };
      case 'vec':
        return { def: { Sequence: { type: this.id(shape.of) } } };
      case 'compact':
        return { def: { Compact: { type: this.id(shape.of) } } };
      case 'option':
        return this.#describe({
          kind: 'enum',
          path: 'Option',
          params: [['T', shape.of]],
          variants: [
            { name: 'None', index: 0, fields: [], docs: [] },
            { name: 'Some', index: 1, fields: [[null, shape.of]], docs: [] },
          ],
        });
    }
    const path = shape.path.split('::');
    const params = shape.params.map(([name, of]) => ({ name, type: of === null ? null : this.id(of) }));
    if (shape.kind === 'struct') return { path, params, def: { Composite: { fields: this.#fields(shape.fields) } } };
    const variants = shape.variants.map((variant) => ({ ...variant, fields: this.#fields(variant.fields) }));
    return { path, params, def: { Variant: { variants } } };
  }

  #fields(fields: Fields) {
    return fields.map(([name, type]) => ({ name, type: this.id(type), typeName: type, docs: [] }));
  }
}

/** Containers; those of Substrate that a runtime gives a length, or an order, are structs around a list. */
function container(wrapper: string, inner: string): Shape {
  switch (wrapper) {
    case 'Vec':
    case 'Compact':
    case 'Option':
      return { kind: wrapper.toLowerCase() as 'vec' | 'compact' | 'option', of: inner };
    case 'BoundedVec': {
      const path = 'bounded_collections::bounded_vec::BoundedVec';
      return {
        kind: 'struct',
        path,
        params: [
          ['T', inner],
          ['S', null],
        ],
        fields: [[null, `Vec<${inner}>`]],
      };
    }
    case 'BTreeSet':
      return { kind: 'struct', path: 'BTreeSet', params: [['T', inner]], fields: [[null, `Vec<${inner}>`]] };
    case 'Result': {
      const [ok, error] = split(inner, ',') as [string, string];
      const variants = [
        { name: 'Ok', index: 0, fields: [[null, ok]] as Fields, docs: [] },
        { name: 'Err', index: 1, fields: [[null, error]] as Fields, docs: [] },
      ];
      return {
        kind: 'enum',
        path: 'Result',
        params: [
          ['T', ok],
          ['E', error],
        ],
        variants,
      };
    }
  }
  throw new Error(`unknown type ${wrapper}<${inner}>`);
}

function fieldsOf(fields: Record<string, string> | string[]): Fields {
  return Array.isArray(fields) ? fields.map((type) => [null, type]) : Object.entries(fields);
}

/** Splits at a separator outside of every bracket. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if ('(<['.includes(char)) depth++;
    if (')>]'.includes(char)) depth--;
    if (char === separator && depth === 0) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return part ? [...parts, part] : parts;
}
