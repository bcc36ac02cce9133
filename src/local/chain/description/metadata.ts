import type { Pallet, StorageItem } from './pallet.ts';
import type { Polkadot } from './polkadot.ts';
import { type Profile, present } from './profile.ts';
import { type ApiDescription, RUNTIME_APIS } from './runtime-apis.ts';
import { runtimeTypes, signedExtensions } from './runtime-types.ts';
import { ScaleWriter } from './scale-writer.ts';
import { type EnumVariant, TypeTable } from './type-table.ts';

const EXTRINSIC_VERSION = 4;

/** The versions of its metadata that a runtime hands out. */
export const METADATA_VERSIONS: Record<Profile, number[]> = {
  legacy: [14, 15],
  current: [14, 15, 16],
  latest: [14, 15, 16],
};

export interface EncodedMetadata {
  /**
   * SCALE of a version of the metadata, with the magic number in front: 14 is what `state_getMetadata` answers. `null` for
   * a version that the runtime does not hand out. Each is encoded when it is first asked for, which takes a moment.
   */
  encoded: (version: number) => Uint8Array | null;
  /** The runtime APIs of the profile. */
  apis: ApiDescription[];
  /** Id of a type in the metadata's registry. */
  typeId: (type: string) => number;
  /** Writes values of the metadata's types. */
  writer: ScaleWriter;
}

/** Metadata of a runtime made of these pallets. */
export function encodeMetadata(polkadot: Polkadot, profile: Profile, pallets: Pallet[]): EncodedMetadata {
  const table = new TypeTable({ ...runtimeTypes(profile), ...outerTypes(pallets) });
  const writer = new ScaleWriter(polkadot, table);
  const described = pallets.map((pallet) => describePallet(table, writer, pallet));
  const extensions = signedExtensions(profile).map(({ name, type, additionalSigned }) => ({
    identifier: name,
    type: table.id(type),
    additionalSigned: table.id(additionalSigned),
  }));
  const extrinsic = { type: table.id('UncheckedExtrinsic'), version: EXTRINSIC_VERSION, signedExtensions: extensions };
  const apis = apisOf(profile);
  const describedApis = apis.map(({ name, version, methods }) => ({
    name,
    methods: Object.entries(methods).map(([method, { inputs, output }]) => ({
      name: method,
      inputs: Object.entries(inputs).map(([input, type]) => ({ name: input, type: table.id(type) })),
      output: table.id(isOpaque(profile, name) ? 'Vec<u8>' : output),
      docs: [],
    })),
    docs: [],
    version,
  }));
  const outerEnums = {
    callType: table.id('RuntimeCall'),
    eventType: table.id('RuntimeEvent'),
    errorType: table.id('RuntimeError'),
  };
  const parts = {
    addressType: table.id('MultiAddress'),
    callType: outerEnums.callType,
    signatureType: table.id('MultiSignature'),
    extraType: table.id('Extra'),
  };
  const runtime = table.id('Runtime');

  const encoders: Record<number, () => [type: string, value: unknown]> = {
    14: () => [
      '(Vec<PortableTypeV14>, Vec<PalletMetadataV14>, ExtrinsicMetadataV14, SiLookupTypeId)',
      [table.types, described, extrinsic, runtime],
    ],
    15: () => [
      '(Vec<PortableTypeV14>, Vec<PalletMetadataV15>, ExtrinsicMetadataV15, SiLookupTypeId, Vec<RuntimeApiMetadataV15>, OuterEnums15, CustomMetadata15)',
      [table.types, described, { ...extrinsic, ...parts }, runtime, describedApis, outerEnums, {}],
    ],
    16: () => [
      '(Vec<PortableTypeV14>, Vec<PalletMetadataV16>, ExtrinsicMetadataV16, Vec<RuntimeApiMetadataV16>, OuterEnums15, CustomMetadata15)',
      [
        table.types,
        described,
        {
          ...parts,
          versions: [EXTRINSIC_VERSION],
          transactionExtensionsByVersion: new Map([[EXTRINSIC_VERSION, extensions.map((_, i) => i)]]),
          transactionExtensions: extensions.map((one) => ({ ...one, implicit: one.additionalSigned })),
        },
        describedApis,
        outerEnums,
        {},
      ],
    ],
  };
  const { TypeRegistry, stringToU8a, u8aConcat } = polkadot;
  const registry = new TypeRegistry();
  const known = new Map<number, Uint8Array>();
  const encode = (version: number): Uint8Array => {
    const [type, value] = encoders[version]!();
    const body = registry.createTypeUnsafe(type, [value]).toU8a();
    return u8aConcat(stringToU8a('meta'), Uint8Array.of(version), body);
  };
  return {
    encoded: (version) => {
      if (!METADATA_VERSIONS[profile].includes(version)) return null;
      if (!known.has(version)) known.set(version, encode(version));
      return known.get(version)!;
    },
    apis,
    typeId: (type) => table.id(type),
    writer,
  };
}

/** The APIs of a profile with their methods. */
function apisOf(profile: Profile): ApiDescription[] {
  return present(RUNTIME_APIS, profile).map((api) => {
    const methods = Object.entries(api.methods).filter(([, method]) => present([method], profile).length > 0);
    return { ...api, methods: Object.fromEntries(methods) };
  });
}

/** Whether an API's answers are of type `Vec<u8>`, with SCALE of the real type in it: so did Subtensor's own until spec 232. */
export function isOpaque(profile: Profile, api: string): boolean {
  return profile === 'legacy' && api.endsWith('InfoRuntimeApi');
}

/** The enums of each pallet's calls, events and errors, and those over all pallets. */
function outerTypes(pallets: Pallet[]) {
  const kinds = [
    ['Call', 'calls'],
    ['Event', 'events'],
    ['Error', 'errors'],
  ] as const;
  const own = pallets.flatMap((pallet) =>
    kinds
      .filter(([, of]) => pallet[of].length > 0)
      .map(([kind, of]) => [
        `${pallet.name}::${kind}`,
        {
          path: `${pathOf(pallet.name)}::pallet::${kind}`,
          // Python's client tells an error without a description as an unknown one.
          enum: kind === 'Error' ? pallet.errors.map((error) => ({ docs: inWords(error.name), ...error })) : pallet[of],
        },
      ]),
  );
  const outer = kinds.map(([kind, of]) => {
    const variants: EnumVariant[] = pallets
      .filter((pallet) => pallet[of].length > 0)
      .map(({ name, index }) => ({ name, index, fields: [`${name}::${kind}`] }));
    return [`Runtime${kind}`, { path: `node_subtensor_runtime::Runtime${kind}`, enum: variants }];
  });
  return Object.fromEntries([...own, ...outer]);
}

/** "NotEnoughStake" -> "Not enough stake." */
function inWords(name: string): string {
  const words = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words}.`;
}

const NOT_DEPRECATED = { deprecationInfo: 'NotDeprecated' };
const NO_VARIANT_DEPRECATED = { deprecationInfo: new Map() };

/** For every version of metadata at once: each takes the fields it knows. */
function describePallet(table: TypeTable, writer: ScaleWriter, pallet: Pallet) {
  const { name, index, calls, events, errors, storage, constants } = pallet;
  const enumOf = (kind: string, variants: EnumVariant[]) =>
    variants.length > 0 ? { type: table.id(`${name}::${kind}`), ...NO_VARIANT_DEPRECATED } : null;
  const items = storage.map((item) => storageEntry(table, writer, item));
  return {
    name,
    storage: items.length > 0 ? { prefix: name, items } : null,
    calls: enumOf('Call', calls),
    events: enumOf('Event', events),
    constants: constants.map(({ name, type, value }) => ({
      name,
      type: table.id(type),
      value: hex(writer.write(type, value)),
      docs: [],
      ...NOT_DEPRECATED,
    })),
    errors: enumOf('Error', errors),
    associatedTypes: [],
    viewFunctions: [],
    index,
    docs: [],
    ...NOT_DEPRECATED,
  };
}

function storageEntry(table: TypeTable, writer: ScaleWriter, { name, value, keys, fallback }: StorageItem) {
  const type = keys
    ? {
        Map: {
          hashers: keys.map(([, hasher]) => hasher),
          key: table.id(keys.length === 1 ? keys[0]![0] : `(${keys.map(([key]) => key).join(',')})`),
          value: table.id(value),
        },
      }
    : { Plain: table.id(value) };
  return {
    name,
    modifier: fallback === undefined ? 'Optional' : 'Default',
    type,
    fallback:
      typeof fallback === 'string' ? fallback : hex(fallback === undefined ? [0] : writer.write(value, fallback)),
    docs: [],
    ...NOT_DEPRECATED,
  };
}

function hex(bytes: Uint8Array | number[]): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** `SubtensorModule` lives in `pallet_subtensor`, `Commitments` in `pallet_commitments`, `System` in `frame_system`. */
function pathOf(pallet: string): string {
  if (pallet === 'System') return 'frame_system';
  if (pallet === 'AdminUtils') return 'pallet_admin_utils';
  return `pallet_${pallet.replace(/Module$/, '').toLowerCase()}`;
}
