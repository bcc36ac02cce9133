// The client of Subtensor: wallets, pointers, weights.

export type {
  Chain,
  HotkeyChain,
  ReadParameters,
  SubnetParameters,
  ValidatorChain,
  WaitForBlockParameters,
} from '../chain/chain.ts';
export {
  ChainMetadataStore,
  type ChainMetadataStoreParameters,
  type RoomParameters,
} from '../chain/commitments/chain-metadata-store.ts';
export type {
  CommitParameters,
  CommitReturnType,
  MetadataStore,
  PointerTextParameters,
  ReadCommitmentParameters,
  ReadPositionsParameters,
  ReadSubnetAtParameters,
  WaitForRoomParameters,
} from '../chain/commitments/metadata-store.ts';
export type { CommitmentWait } from '../chain/commitments/send-commitment.ts';
export {
  type CommitTimelockedParameters,
  type CommitTimelockedReturnType,
  commitTimelocked,
  type ReadRevealedCommitmentsParameters,
  type RevealedCommitment,
  readRevealedCommitments,
} from '../chain/commitments/timelocked.ts';
export type { StorageReads, StorageValues } from '../chain/node/named-reads.ts';
export type { ResolveEndpointsParameters } from '../chain/node/networks.ts';
export type { ChainValue, MapEntry, Snapshot, StorageRead } from '../chain/node/snapshot.ts';
export type { CommitmentRoom } from '../chain/subnet/commitments.ts';
export type { EpochPosition } from '../chain/subnet/epoch-schedule.ts';
export { type RequireSubnetParameters, requireSubnet } from '../chain/subnet/identity.ts';
export type { Subnet, SubnetAt } from '../chain/subnet/subnet.ts';
export { type HotkeyParameters, Subtensor, type SubtensorParameters, type UidParameters } from '../chain/subtensor.ts';
export type { DrandBeacon, DrandChain } from '../chain/timelock/drand.ts';
export { HttpPulseSource, type HttpPulseSourceParameters } from '../chain/timelock/http-pulse-source.ts';
export type { PulseParameters, PulseSource } from '../chain/timelock/pulse-source.ts';
export type { RuntimeCall, RuntimeCalls } from '../chain/transaction/runtime-calls.ts';
export type { BuildCall } from '../chain/transaction/sign.ts';
export type { SubmitParameters } from '../chain/transaction/submit.ts';
export type { Certainty, Inclusion } from '../chain/transaction/watch.ts';
export {
  type HotkeySigner,
  readColdkeyAddress,
  type SignParameters,
  WalletHotkey,
  type WalletHotkeyParameters,
} from '../chain/wallet/hotkey.ts';
export { decodeWalletPassword, encodeWalletPassword, walletPasswordVariable } from '../chain/wallet/password.ts';
export {
  type BytesSigner,
  type SignBytesParameters,
  signBytes,
  type VerifyBytesParameters,
  verifyBytes,
} from '../chain/wallet/signed-bytes.ts';
export type { SignerPayloadJSON } from '../chain/wallet/signer-payload.ts';
export type { WalletPassword, WalletPasswordQuestion } from '../chain/wallet/unseal.ts';
export { type WalletFiles, type WalletLocation, walletFiles } from '../chain/wallet/wallet-files.ts';
export type { NormalisedWeights, WeightEntry } from '../chain/weights/normalise.ts';
export {
  type PendingReveal,
  type PendingRevealStore,
  type ReadWeightsParameters,
  type RevealReport,
  type SetWeightsParameters,
  type WaitingReveal,
  WeightSetter,
  type WeightSetterParameters,
  type WeightStore,
  type WeightsReceipt,
} from '../chain/weights/weight-setter.ts';
export type { FlockOffErrorFacts } from '../errors/facts.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorOf,
  type FlockOffErrorParameters,
  isCode,
} from '../errors/flock-off-error.ts';
export type { Commitment, Metagraph, Neuron, SubnetHyperparameters } from '../schema/metagraph.ts';
export { isPinned, ModelId, type PinnedModelId } from '../schema/model-id.ts';
export { type ExpectedSubnet, SubnetIdentity, subnetText } from '../schema/subnet-identity.ts';
export type { Clock, SleepParameters } from '../shared/clock.ts';
export { type Logger, silentLogger } from '../shared/logger.ts';
export { type SecretsOfProcessParameters, secretsOfProcess } from '../shared/process-secrets.ts';
export type { ProxyOption } from '../shared/proxy.ts';
export { Secrets, secretsOfUrl } from '../shared/secrets.ts';
export {
  type OutageWait,
  type WaitUntilAvailableParameters,
  waitUntilAvailable,
} from '../shared/wait-until-available.ts';
