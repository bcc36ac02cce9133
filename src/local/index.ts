export type { DrandBeacon } from '../chain/timelock/drand.ts';
export { Competition } from '../schema/competition.ts';
export type { Clock, SleepParameters } from '../shared/clock.ts';
export type { Logger } from '../shared/logger.ts';
export {
  type Hyperparameters,
  LocalChain,
  type LocalChainParameters,
  type LocalNeuron,
  type LocalSubnetParameters,
  type Profile,
  type RegisterParameters,
  type SetHyperparameterParameters,
} from './chain/local-chain.ts';
export type { ChainFault, ChainFaults, InjectedChainFault } from './chain/node/faults.ts';
export { type DevWallet, type WriteDevWalletParameters, writeDevWallet } from './dev-wallet.ts';
export type { LocalHubUser } from './hub/access.ts';
export type { HubFault, HubFaults, InjectedFault } from './hub/faults.ts';
export type { HubContents } from './hub/hub-request.ts';
export { LocalHub, type LocalHubParameters, type RateLimits } from './hub/local-hub.ts';
export type { FileChange, PullRequest, Repository, RepositoryCommit, RepositoryFile } from './hub/repository.ts';
export { LOCAL_COMPETITION } from './local-competition.ts';
export { type SampleDatasetName, type SampleDatasetsParameters, sampleDatasets } from './sample-datasets.ts';
export { TINY_BASE, TINY_EVAL_DATA } from './tiny-base.ts';
