import { only, type Profile, present } from './profile.ts';
import type { EnumVariant, TypeDefinition } from './type-table.ts';

const RAW_LENGTHS = Array.from({ length: 129 }, (_, length) => length);

/** What a field of a commitment may be. */
const COMMITMENT_DATA = [
  { name: 'None' },
  ...RAW_LENGTHS.map((length) => ({ name: `Raw${length}`, fields: [`[u8; ${length}]`], index: length + 1 })),
  ...['BlakeTwo256', 'Sha256', 'Keccak256', 'ShaThree256'].map((name, i) => ({
    name,
    fields: ['[u8; 32]'],
    index: 130 + i,
  })),
  ...only('current', [
    { name: 'TimelockEncrypted', fields: { encrypted: 'Vec<u8>', reveal_round: 'u64' }, index: 134 },
    { name: 'ResetBondsFlag', index: 135 },
    { name: 'BigRaw', fields: ['Vec<u8>'], index: 136 },
  ]),
];

/** Types of the runtime's calls, storage and events, with the paths by which clients recognise them. */
export function runtimeTypes(profile: Profile): Record<string, TypeDefinition> {
  return {
    ...TYPES,
    CommitmentData: { path: 'pallet_commitments::types::Data', enum: present<EnumVariant>(COMMITMENT_DATA, profile) },
  };
}

const TYPES: Record<string, TypeDefinition> = {
  AccountId: { path: 'sp_core::crypto::AccountId32', struct: ['[u8; 32]'] },
  H256: { path: 'primitive_types::H256', struct: ['[u8; 32]'] },
  MultiAddress: {
    path: 'sp_runtime::multiaddress::MultiAddress',
    params: { AccountId: 'AccountId', AccountIndex: '()' },
    enum: [
      { name: 'Id', fields: ['AccountId'] },
      { name: 'Index', fields: ['Compact<()>'] },
      { name: 'Raw', fields: ['Vec<u8>'] },
      { name: 'Address32', fields: ['[u8; 32]'] },
      { name: 'Address20', fields: ['[u8; 20]'] },
    ],
  },
  MultiSignature: {
    path: 'sp_runtime::MultiSignature',
    enum: [
      { name: 'Ed25519', fields: ['[u8; 64]'] },
      { name: 'Sr25519', fields: ['[u8; 64]'] },
      { name: 'Ecdsa', fields: ['[u8; 65]'] },
    ],
  },
  Era: {
    path: 'sp_runtime::generic::era::Era',
    enum: Array.from({ length: 256 }, (_, i) =>
      i === 0 ? { name: 'Immortal' } : { name: `Mortal${i}`, fields: ['u8'] },
    ),
  },
  Weight: { path: 'sp_weights::weight_v2::Weight', struct: { ref_time: 'Compact<u64>', proof_size: 'Compact<u64>' } },
  DispatchClass: {
    path: 'frame_support::dispatch::DispatchClass',
    enum: [{ name: 'Normal' }, { name: 'Operational' }, { name: 'Mandatory' }],
  },
  EpochConsensus: { path: 'pallet_subtensor::pallet::EpochConsensus', enum: [{ name: 'Yuma' }, { name: 'Null' }] },
  Pays: { path: 'frame_support::dispatch::Pays', enum: [{ name: 'Yes' }, { name: 'No' }] },
  DispatchInfo: {
    path: 'frame_support::dispatch::DispatchInfo',
    struct: { weight: 'Weight', class: 'DispatchClass', pays_fee: 'Pays' },
  },
  ModuleError: { path: 'sp_runtime::ModuleError', struct: { index: 'u8', error: '[u8; 4]' } },
  DispatchError: {
    path: 'sp_runtime::DispatchError',
    enum: [
      { name: 'Other' },
      { name: 'CannotLookup' },
      { name: 'BadOrigin' },
      { name: 'Module', fields: ['ModuleError'] },
    ],
  },
  Phase: {
    path: 'frame_system::Phase',
    enum: [{ name: 'ApplyExtrinsic', fields: ['u32'] }, { name: 'Finalization' }, { name: 'Initialization' }],
  },
  EventRecord: {
    path: 'frame_system::EventRecord',
    params: { E: 'RuntimeEvent', T: 'H256' },
    struct: { phase: 'Phase', event: 'RuntimeEvent', topics: 'Vec<H256>' },
  },
  AccountData: {
    path: 'pallet_balances::types::AccountData',
    struct: { free: 'u64', reserved: 'u64', frozen: 'u64', flags: 'u128' },
  },
  AccountInfo: {
    path: 'frame_system::AccountInfo',
    struct: { nonce: 'u32', consumers: 'u32', providers: 'u32', sufficients: 'u32', data: 'AccountData' },
  },
  CommitmentInfo: { path: 'pallet_commitments::types::CommitmentInfo', struct: { fields: 'Vec<CommitmentData>' } },
  Registration: {
    path: 'pallet_commitments::types::Registration',
    struct: { deposit: 'u64', block: 'u32', info: 'CommitmentInfo' },
  },
  UsageTracker: {
    path: 'pallet_commitments::types::UsageTracker',
    struct: { last_epoch: 'u64', used_space: 'u64' },
  },
  SubnetIdentity: {
    path: 'pallet_subtensor::pallet::SubnetIdentity',
    struct: { subnet_name: 'Vec<u8>', github_repo: 'Vec<u8>', subnet_contact: 'Vec<u8>' },
  },
  SubnetIdentityV3: {
    path: 'pallet_subtensor::pallet::SubnetIdentityV3',
    struct: {
      subnet_name: 'Vec<u8>',
      github_repo: 'Vec<u8>',
      subnet_contact: 'Vec<u8>',
      subnet_url: 'Vec<u8>',
      discord: 'Vec<u8>',
      description: 'Vec<u8>',
      logo_url: 'Vec<u8>',
      additional: 'Vec<u8>',
    },
  },
  TimelockedIndex: { path: 'BTreeSet', struct: ['Vec<(u16, AccountId)>'], params: { T: '(u16, AccountId)' } },
  Pulse: { path: 'pallet_drand::types::Pulse', struct: { round: 'u64', randomness: 'Vec<u8>', signature: 'Vec<u8>' } },
  BeaconConfiguration: {
    path: 'pallet_drand::types::BeaconConfiguration',
    struct: {
      public_key: 'Vec<u8>',
      period: 'u32',
      genesis_time: 'u32',
      hash: 'Vec<u8>',
      group_hash: 'Vec<u8>',
      scheme_id: 'Vec<u8>',
      metadata: 'BeaconMetadata',
    },
  },
  BeaconMetadata: { path: 'pallet_drand::types::Metadata', struct: { beacon_id: 'Vec<u8>' } },
  AxonInfo: {
    path: 'pallet_subtensor::pallet::AxonInfo',
    struct: {
      block: 'u64',
      version: 'u32',
      ip: 'u128',
      port: 'u16',
      ip_type: 'u8',
      protocol: 'u8',
      placeholder1: 'u8',
      placeholder2: 'u8',
    },
  },
  CheckMetadataHashMode: {
    path: 'frame_metadata_hash_extension::Mode',
    enum: [{ name: 'Disabled' }, { name: 'Enabled' }],
  },
  CheckMetadataHash: {
    path: 'frame_metadata_hash_extension::CheckMetadataHash',
    struct: { mode: 'CheckMetadataHashMode' },
  },
  ChargeTransactionPayment: {
    path: 'pallet_transaction_payment::ChargeTransactionPayment',
    struct: ['Compact<u64>'],
  },
  CheckNonce: { path: 'frame_system::extensions::check_nonce::CheckNonce', struct: ['Compact<u32>'] },
  CheckMortality: { path: 'frame_system::extensions::check_mortality::CheckMortality', struct: ['Era'] },
  Runtime: { path: 'node_subtensor_runtime::Runtime', struct: [] },
  Extra: {
    path: 'node_subtensor_runtime::Extra',
    struct: ['CheckMortality', 'CheckNonce', 'ChargeTransactionPayment', 'CheckMetadataHash'],
  },
  UncheckedExtrinsic: {
    path: 'sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic',
    params: { Address: 'MultiAddress', Call: 'RuntimeCall', Signature: 'MultiSignature', Extra: 'Extra' },
    struct: ['Vec<u8>'],
  },
};

/** A signed extension: what it adds to the transaction, and what to the signed payload. */
export interface SignedExtension {
  name: string;
  type: string;
  additionalSigned: string;
}

function extension(name: string, type = '()', additionalSigned = '()'): SignedExtension {
  return { name, type, additionalSigned };
}

/** Signed extensions in their order. */
export function signedExtensions(profile: Profile): SignedExtension[] {
  return present(
    [
      extension('CheckNonZeroSender'),
      extension('CheckSpecVersion', '()', 'u32'),
      extension('CheckTxVersion', '()', 'u32'),
      extension('CheckGenesis', '()', 'H256'),
      extension('CheckMortality', 'CheckMortality', 'H256'),
      extension('CheckNonce', 'CheckNonce'),
      extension('CheckWeight'),
      extension('ChargeTransactionPayment', 'ChargeTransactionPayment'),
      ...only(
        'legacy',
        ['SubtensorSignedExtension', 'CommitmentsSignedExtension'].map((name) => extension(name)),
      ),
      ...only(
        'current',
        ['SudoTransactionExtension', 'CheckShieldedTxValidity', 'SubtensorTransactionExtension', 'DrandPriority'].map(
          (name) => extension(name),
        ),
      ),
      extension('CheckMetadataHash', 'CheckMetadataHash', 'Option<[u8; 32]>'),
    ],
    profile,
  );
}
