import { apiTypes } from './api-types.ts';
import { before, type Profile, present, since } from './profile.ts';
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
  ...since('current', [
    { name: 'TimelockEncrypted', fields: { encrypted: 'BoundedVec<u8>', reveal_round: 'u64' }, index: 134 },
    { name: 'ResetBondsFlag', index: 135 },
    { name: 'BigRaw', fields: ['BoundedVec<u8>'], index: 136 },
  ]),
  ...since('latest', [
    { name: 'TimelockRevealFailed', fields: { encrypted: 'BoundedVec<u8>', reveal_round: 'u64' }, index: 137 },
  ]),
];

/** Types of the runtime's calls, storage and events, with the paths by which clients recognise them. */
export function runtimeTypes(profile: Profile): Record<string, TypeDefinition> {
  return {
    ...TYPES,
    ...EXTENSION_TYPES,
    ...apiTypes(profile),
    ...(profile === 'legacy' ? PLAIN_NUMBERS : NEW_TYPES),
    CommitmentData: { path: 'pallet_commitments::types::Data', enum: present<EnumVariant>(COMMITMENT_DATA, profile) },
  };
}

/** Numbers that have a type of their own since mechanisms and dynamic TAO; their bytes stayed the same. */
const NEW_TYPES: Record<string, TypeDefinition> = {
  NetUid: { path: 'subtensor_runtime_common::NetUid', struct: ['u16'] },
  NetUidStorageIndex: { path: 'subtensor_runtime_common::NetUidStorageIndex', struct: ['u16'] },
  MechId: { path: 'subtensor_runtime_common::MechId', struct: ['u8'] },
  TaoBalance: { path: 'subtensor_runtime_common::currency::TaoBalance', struct: ['u64'] },
  AlphaBalance: { path: 'subtensor_runtime_common::currency::AlphaBalance', struct: ['u64'] },
  PerU16: { path: 'sp_arithmetic::per_things::PerU16', struct: ['u16'] },
};
const PLAIN_NUMBERS: Record<string, TypeDefinition> = {
  NetUid: { alias: 'u16' },
  NetUidStorageIndex: { alias: 'u16' },
  MechId: { alias: 'u8' },
  TaoBalance: { alias: 'u64' },
  AlphaBalance: { alias: 'u64' },
  PerU16: { alias: 'u16' },
};

/** Fieldless variants of an enum. */
const variants = (names: string): EnumVariant[] => names.split(' ').map((name) => ({ name }));

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
    path: 'frame_system::DispatchEventInfo',
    struct: { weight: 'Weight', class: 'DispatchClass', pays_fee: 'Pays' },
  },
  ModuleError: { path: 'sp_runtime::ModuleError', struct: { index: 'u8', error: '[u8; 4]' } },
  DispatchError: {
    path: 'sp_runtime::DispatchError',
    enum: [
      ...variants('Other CannotLookup BadOrigin'),
      { name: 'Module', fields: ['ModuleError'] },
      ...variants('ConsumerRemaining NoProviders TooManyConsumers'),
      { name: 'Token', fields: ['TokenError'] },
      { name: 'Arithmetic', fields: ['ArithmeticError'] },
      { name: 'Transactional', fields: ['TransactionalError'] },
      ...variants('Exhausted Corruption Unavailable RootNotAllowed'),
      { name: 'Trie', fields: ['TrieError'] },
    ],
  },
  TokenError: {
    path: 'sp_runtime::TokenError',
    enum: variants(
      'FundsUnavailable OnlyProvider BelowMinimum CannotCreate UnknownAsset Frozen Unsupported CannotCreateHold NotExpendable Blocked',
    ),
  },
  ArithmeticError: { path: 'sp_arithmetic::ArithmeticError', enum: variants('Underflow Overflow DivisionByZero') },
  TransactionalError: { path: 'sp_runtime::TransactionalError', enum: variants('LimitReached NoLayer') },
  TrieError: {
    path: 'sp_runtime::proving_trie::TrieError',
    enum: variants(
      'InvalidStateRoot IncompleteDatabase ValueAtIncompleteKey DecoderError InvalidHash DuplicateKey ExtraneousNode ' +
        'ExtraneousValue ExtraneousHashReference InvalidChildReference ValueMismatch IncompleteProof RootMismatch DecodeError',
    ),
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
    struct: { free: 'TaoBalance', reserved: 'TaoBalance', frozen: 'TaoBalance', flags: 'ExtraFlags' },
  },
  ExtraFlags: { path: 'pallet_balances::types::ExtraFlags', struct: ['u128'] },
  AccountInfo: {
    path: 'frame_system::AccountInfo',
    struct: { nonce: 'u32', consumers: 'u32', providers: 'u32', sufficients: 'u32', data: 'AccountData' },
  },
  CommitmentInfo: {
    path: 'pallet_commitments::types::CommitmentInfo',
    struct: { fields: 'BoundedVec<CommitmentData>' },
  },
  Registration: {
    path: 'pallet_commitments::types::Registration',
    struct: { deposit: 'TaoBalance', block: 'u32', info: 'CommitmentInfo' },
  },
  RevealFailure: {
    path: 'pallet_commitments::types::RevealFailure',
    enum: variants('SignatureDeserialize CiphertextDeserialize Decrypt EmptyPlaintext PulseExpired RoundMismatch'),
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
  Pulse: {
    path: 'pallet_drand::types::Pulse',
    struct: { round: 'u64', randomness: 'BoundedVec<u8>', signature: 'BoundedVec<u8>' },
  },
  BeaconConfiguration: {
    path: 'pallet_drand::types::BeaconConfiguration',
    struct: {
      public_key: 'BoundedVec<u8>',
      period: 'u32',
      genesis_time: 'u32',
      hash: 'BoundedVec<u8>',
      group_hash: 'BoundedVec<u8>',
      scheme_id: 'BoundedVec<u8>',
      metadata: 'BeaconMetadata',
    },
  },
  BeaconMetadata: { path: 'pallet_drand::types::Metadata', struct: { beacon_id: 'BoundedVec<u8>' } },
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
  PrometheusInfo: {
    path: 'pallet_subtensor::pallet::PrometheusInfo',
    struct: { block: 'u64', version: 'u32', ip: 'u128', port: 'u16', ip_type: 'u8' },
  },
  RuntimeVersion: {
    path: 'sp_version::RuntimeVersion',
    struct: {
      spec_name: 'str',
      impl_name: 'str',
      authoring_version: 'u32',
      spec_version: 'u32',
      impl_version: 'u32',
      apis: 'RuntimeVersionApis',
      transaction_version: 'u32',
      system_version: 'u8',
    },
  },
  RuntimeVersionApis: { path: 'Cow', params: { T: 'Vec<([u8; 8], u32)>' }, struct: ['Vec<([u8; 8], u32)>'] },
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
    struct: ['Compact<TaoBalance>'],
  },
  CheckNonce: { path: 'node_subtensor_runtime::check_nonce::CheckNonce', struct: ['Compact<u32>'] },
  CheckMortality: { path: 'node_subtensor_runtime::check_mortality::CheckMortality', struct: ['Era'] },
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

/** Extensions that add nothing to the transaction, and where their types live. */
const EMPTY_EXTENSIONS: Record<string, string> = {
  CheckNonZeroSender: 'frame_system::extensions::check_non_zero_sender',
  CheckSpecVersion: 'frame_system::extensions::check_spec_version',
  CheckTxVersion: 'frame_system::extensions::check_tx_version',
  CheckGenesis: 'frame_system::extensions::check_genesis',
  CheckWeight: 'frame_system::extensions::check_weight',
  SubtensorSignedExtension: 'pallet_subtensor',
  CommitmentsSignedExtension: 'pallet_commitments',
  SudoTransactionExtension: 'node_subtensor_runtime::sudo_wrapper',
  CheckShieldedTxValidity: 'pallet_shield::extension',
  SubtensorTransactionExtension: 'pallet_subtensor::extensions::subtensor',
  DrandPriority: 'pallet_drand::drand_priority',
};
const EXTENSION_TYPES: Record<string, TypeDefinition> = Object.fromEntries(
  Object.entries(EMPTY_EXTENSIONS).map(([name, module]) => [name, { path: `${module}::${name}`, struct: [] }]),
);

/** The type of an extension has its name. */
function extension(name: string, additionalSigned = '()'): SignedExtension {
  return { name, type: name, additionalSigned };
}

/** Signed extensions in their order. */
export function signedExtensions(profile: Profile): SignedExtension[] {
  return present(
    [
      extension('CheckNonZeroSender'),
      extension('CheckSpecVersion', 'u32'),
      extension('CheckTxVersion', 'u32'),
      extension('CheckGenesis', 'H256'),
      extension('CheckMortality', 'H256'),
      extension('CheckNonce'),
      extension('CheckWeight'),
      extension('ChargeTransactionPayment'),
      ...before(
        'current',
        ['SubtensorSignedExtension', 'CommitmentsSignedExtension'].map((name) => extension(name)),
      ),
      ...since(
        'current',
        ['SudoTransactionExtension', 'CheckShieldedTxValidity', 'SubtensorTransactionExtension', 'DrandPriority'].map(
          (name) => extension(name),
        ),
      ),
      extension('CheckMetadataHash', 'Option<[u8; 32]>'),
    ],
    profile,
  );
}
