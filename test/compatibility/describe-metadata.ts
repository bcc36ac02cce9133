import { TypeRegistry } from '@polkadot/types';
import { Metadata } from '@polkadot/types/metadata';

/**
 * A runtime's metadata (version 14, 15 or 16) as text, one line a part: "storage System.Account" -> its hashers, key and
 * value. Lines of two runtimes are equal where a client that composes and decodes by metadata sees the same.
 */
export function describeMetadata(bytes: Uint8Array): Map<string, string> {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, bytes);
  const quiet = true;
  registry.setMetadata(metadata, undefined, undefined, quiet);
  const { lookup, pallets, extrinsic, apis } = metadata.asLatest;
  const lines = new Map<string, string>();
  const types = new Set<string>();

  /** A type by its path and parameters; what a named one is made of becomes a line of its own. */
  const nameOf = (id: number): string => {
    const { path, params, def } = lookup.getSiType(id);
    const parts = path.map(String);
    if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
    if (def.isCompact) return `Compact<${nameOf(def.asCompact.type.toNumber())}>`;
    if (def.isSequence) return `Vec<${nameOf(def.asSequence.type.toNumber())}>`;
    if (def.isArray) return `[${nameOf(def.asArray.type.toNumber())}; ${def.asArray.len}]`;
    if (def.isTuple) return `(${def.asTuple.map((one) => nameOf(one.toNumber())).join(', ')})`;
    if (parts.length === 0) return '()';
    const given = params
      .filter(({ type }) => type.isSome)
      .map(({ type }) => type.unwrap().toNumber())
      // Parameters that hold the whole runtime say nothing of the type.
      .filter((one) => !/Runtime(Call|Event|Origin)?$|::Extra$/.test(lookup.getSiType(one).path.join('::')));
    const own = parts.join('::');
    const name = GENERIC.has(parts.at(-1)!) ? `${parts.at(-1)}<${given.map(nameOf).join(', ')}>` : own;
    if (!GENERIC.has(parts.at(-1)!) && !types.has(own) && !/::(Call|Event|Error)$|Runtime/.test(own)) {
      types.add(own);
      lines.set(`type ${own}`, definitionOf(id));
    }
    return name;
  };
  const fieldsOf = (fields: { name: { toString(): string }; type: { toNumber(): number } }[]): string =>
    fields.map(({ name, type }) => `${name.toString() && `${name}: `}${nameOf(type.toNumber())}`).join(', ');
  const definitionOf = (id: number): string => {
    const { def } = lookup.getSiType(id);
    if (def.isComposite) return `{ ${fieldsOf(def.asComposite.fields as never)} }`;
    if (!def.isVariant) return nameOf(id);
    const { variants } = def.asVariant;
    return variants.map((one) => `${one.index} ${one.name}(${fieldsOf(one.fields as never)})`).join(' | ');
  };
  const variantsOf = (id: number, kind: string, pallet: string) => {
    for (const { name, index, fields } of lookup.getSiType(id).def.asVariant.variants)
      lines.set(`${kind} ${pallet}.${name}`, `${index} (${fieldsOf(fields as never)})`);
  };

  for (const { name, index, storage, calls, events, errors, constants } of pallets) {
    lines.set(`pallet ${name}`, String(index));
    for (const item of storage.isSome ? storage.unwrap().items : []) {
      const { type, modifier } = item;
      const kept = type.isPlain
        ? nameOf(type.asPlain.toNumber())
        : `${type.asMap.hashers.map(String).join(', ')} of ${nameOf(type.asMap.key.toNumber())} -> ${nameOf(type.asMap.value.toNumber())}`;
      lines.set(`storage ${name}.${item.name}`, `${kept}, ${modifier}`);
    }
    if (calls.isSome) variantsOf(calls.unwrap().type.toNumber(), 'call', String(name));
    if (events.isSome) variantsOf(events.unwrap().type.toNumber(), 'event', String(name));
    if (errors.isSome) variantsOf(errors.unwrap().type.toNumber(), 'error', String(name));
    for (const constant of constants)
      lines.set(`constant ${name}.${constant.name}`, `${nameOf(constant.type.toNumber())} = ${constant.value.toHex()}`);
  }
  for (const [i, { identifier, type }] of extrinsic.transactionExtensions.entries())
    lines.set(`extension ${identifier}`, `${i} ${nameOf(type.toNumber())}`);
  for (const api of apis)
    for (const { name, inputs, output } of api.methods)
      lines.set(`api ${api.name}.${name}`, `(${fieldsOf(inputs as never)}) -> ${nameOf(output.toNumber())}`);
  return lines;
}

/** Containers that are known by their last name wherever they come from. */
const GENERIC = new Set(['Option', 'BoundedVec', 'WeakBoundedVec', 'BTreeSet', 'BTreeMap', 'Result']);
