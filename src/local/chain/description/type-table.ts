/**
 * A named type: a struct or an enum, with its generic parameters where a client reads them. Types are written as in Rust:
 * `Vec<(u16, u64)>`.
 */
export type TypeDefinition = { path: string; params?: Record<string, string> } & (
  | { struct: Record<string, string> | string[] }
  | { enum: EnumVariant[] }
);

/** A variant of an enum; its index is its position unless given. */
export interface EnumVariant {
  name: string;
  fields?: Record<string, string> | string[];
  index?: number;
  docs?: string;
}

const PRIMITIVES: Record<string, string> = {
  bool: 'Bool',
  str: 'Str',
  u8: 'U8',
  u16: 'U16',
  u32: 'U32',
  u64: 'U64',
  u128: 'U128',
};

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
  readonly #named: Record<string, TypeDefinition>;

  constructor(named: Record<string, TypeDefinition>) {
    this.#named = named;
  }

  /** Id of a type, such as `u16`, `Vec<u16>`, `Option<Registration>`, `[u8; 32]`, `Compact<u64>` or a named one. */
  id(type: string): number {
    const text = type.replace(/\s+/g, '');
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    // The id is taken before the parts are described: a type may contain itself, and ids of parts come after.
    const id = this.types.length;
    this.#ids.set(text, id);
    const entry: PortableType = { id, type: { path: [], params: [], def: {}, docs: [] } };
    this.types.push(entry);
    Object.assign(entry.type, this.#describe(text));
    return id;
  }

  /** Adds an enum under a name of its own. */
  define(name: string, definition: TypeDefinition): number {
    this.#named[name] = definition;
    return this.id(name);
  }

  #describe(text: string): Partial<PortableType['type']> {
    if (PRIMITIVES[text]) return { def: { Primitive: PRIMITIVES[text] } };
    if (text === '()') return { def: { Tuple: [] } };
    if (text.startsWith('(')) return { def: { Tuple: split(text.slice(1, -1), ',').map((part) => this.id(part)) } };
    const array = /^\[(.+);(\d+)\]$/.exec(text);
    if (array) return { def: { Array: { len: Number(array[2]), type: this.id(array[1]!) } } };
    const generic = /^(Vec|Compact|Option)<(.+)>$/.exec(text);
    if (generic) return this.#generic(generic[1]!, generic[2]!);
    const definition = this.#named[text];
    if (!definition) throw new Error(`unknown type ${text}`);
    const path = definition.path.split('::');
    const params = Object.entries(definition.params ?? {}).map(([name, of]) => ({ name, type: this.id(of) }));
    if ('struct' in definition)
      return { path, params, def: { Composite: { fields: this.#fields(definition.struct) } } };
    const variants = definition.enum.map(({ name, fields = [], index, docs }, i) => ({
      name,
      fields: this.#fields(fields),
      index: index ?? i,
      docs: docs ? [docs] : [],
    }));
    return { path, params, def: { Variant: { variants } } };
  }

  #generic(wrapper: string, inner: string): Partial<PortableType['type']> {
    const type = this.id(inner);
    if (wrapper === 'Vec') return { def: { Sequence: { type } } };
    if (wrapper === 'Compact') return { def: { Compact: { type } } };
    const variants = [
      { name: 'None', fields: [], index: 0, docs: [] },
      { name: 'Some', fields: this.#fields([inner]), index: 1, docs: [] },
    ];
    return { path: ['Option'], params: [{ name: 'T', type }], def: { Variant: { variants } } };
  }

  #fields(fields: Record<string, string> | string[]) {
    const named = Array.isArray(fields) ? fields.map((type) => [null, type] as const) : Object.entries(fields);
    return named.map(([name, type]) => ({ name, type: this.id(type), typeName: type, docs: [] }));
  }
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
