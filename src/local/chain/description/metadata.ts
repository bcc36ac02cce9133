import type { Pallet, StorageItem } from './pallet.ts';
import type { Polkadot } from './polkadot.ts';
import type { Profile } from './profile.ts';
import { runtimeTypes, signedExtensions } from './runtime-types.ts';
import { TypeTable } from './type-table.ts';

export const METADATA_VERSION = 14;
const EXTRINSIC_VERSION = 4;

export interface EncodedMetadata {
  /** SCALE, with the magic number in front: what `state_getMetadata` answers. */
  bytes: Uint8Array;
  /** Id of a type in the metadata's registry. */
  typeId: (type: string) => number;
}

/** Metadata (version 14) of a runtime made of these pallets. */
export function encodeMetadata(
  { TypeRegistry, u8aConcat, stringToU8a }: Polkadot,
  profile: Profile,
  pallets: Pallet[],
): EncodedMetadata {
  const registry = new TypeRegistry();
  const table = new TypeTable(runtimeTypes(profile));
  defineOuter(table, 'RuntimeCall', 'calls', pallets);
  defineOuter(table, 'RuntimeEvent', 'events', pallets);
  for (const { name, errors } of pallets) {
    if (errors.length > 0) table.define(`${name}::Error`, { path: `${pathOf(name)}::pallet::Error`, enum: errors });
  }

  const described = pallets.map((pallet) => ({
    name: pallet.name,
    storage:
      pallet.storage.length > 0
        ? { prefix: pallet.name, items: pallet.storage.map((item) => storageEntry(table, item)) }
        : null,
    calls: pallet.calls.length > 0 ? { type: table.id(`${pallet.name}::Call`) } : null,
    events: pallet.events.length > 0 ? { type: table.id(`${pallet.name}::Event`) } : null,
    constants: pallet.constants.map(({ name, type, value }) => ({
      name,
      type: table.id(type),
      value: encodePlain(type, value),
      docs: [],
    })),
    errors: pallet.errors.length > 0 ? { type: table.id(`${pallet.name}::Error`) } : null,
    index: pallet.index,
  }));
  const extrinsic = {
    type: table.id('UncheckedExtrinsic'),
    version: EXTRINSIC_VERSION,
    signedExtensions: signedExtensions(profile).map(({ name, type, additionalSigned }) => ({
      identifier: name,
      type: table.id(type),
      additionalSigned: table.id(additionalSigned),
    })),
  };
  const runtime = table.id('Runtime');
  const body = registry.createTypeUnsafe(
    '(Vec<PortableTypeV14>, Vec<PalletMetadataV14>, ExtrinsicMetadataV14, SiLookupTypeId)',
    [[table.types, described, extrinsic, runtime]],
  );
  const bytes = u8aConcat(stringToU8a('meta'), Uint8Array.of(METADATA_VERSION), body.toU8a());
  return { bytes, typeId: (type) => table.id(type) };
}

/** The enum over all pallets' calls or events. */
function defineOuter(
  table: TypeTable,
  name: 'RuntimeCall' | 'RuntimeEvent',
  of: 'calls' | 'events',
  pallets: Pallet[],
): void {
  const kind = of === 'calls' ? 'Call' : 'Event';
  const variants = pallets
    .filter((pallet) => pallet[of].length > 0)
    .map((pallet) => {
      table.define(`${pallet.name}::${kind}`, { path: `${pathOf(pallet.name)}::pallet::${kind}`, enum: pallet[of] });
      return { name: pallet.name, index: pallet.index, fields: [`${pallet.name}::${kind}`] };
    });
  table.define(name, { path: `node_subtensor_runtime::${name}`, enum: variants });
}

function storageEntry(table: TypeTable, { name, value, keys, fallback }: StorageItem) {
  const type = keys
    ? {
        Map: {
          hashers: keys.map(([, hasher]) => hasher),
          key: table.id(keys.length === 1 ? keys[0]![0] : `(${keys.map(([key]) => key).join(',')})`),
          value: table.id(value),
        },
      }
    : { Plain: table.id(value) };
  const optional = fallback === undefined;
  return {
    name,
    modifier: optional ? 'Optional' : 'Default',
    type,
    fallback: optional ? '0x00' : encodePlain(value, fallback),
    docs: [],
  };
}

const INTEGER_BYTES: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8, u128: 16 };

/** SCALE, as hex, of the few kinds of values in a description: whole numbers, booleans, empty lists, hex as it is. */
function encodePlain(type: string, value: unknown): string {
  if (Array.isArray(value)) return '0x00';
  if (typeof value === 'boolean') return value ? '0x01' : '0x00';
  if (typeof value === 'string') return value;
  const bytes = Buffer.alloc(INTEGER_BYTES[type]!);
  bytes.writeUIntLE(value as number, 0, Math.min(bytes.length, 6));
  return `0x${bytes.toString('hex')}`;
}

/** `SubtensorModule` lives in `pallet_subtensor`, `Commitments` in `pallet_commitments`, `System` in `frame_system`. */
function pathOf(pallet: string): string {
  if (pallet === 'System') return 'frame_system';
  return `pallet_${pallet.replace(/Module$/, '').toLowerCase()}`;
}
