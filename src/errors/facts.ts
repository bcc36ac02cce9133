/** The values behind the sentence of each error code, for programs. Never secrets. A code with facts of its own is here. */
export interface FactsOf {
  aborted: NoFacts;
  'backend-unavailable': BackendUnavailableFacts;
  'bad-argument': BadArgumentFacts;
  'bad-model': BadModelFacts;
  'chain-rejected': ChainRejectedFacts;
  'chain-unreachable': ChainUnreachableFacts;
  disk: DiskFacts;
  'hub-denied': HubDeniedFacts;
  'hub-unreachable': HubUnreachableFacts;
  'out-of-memory': OutOfMemoryFacts;
  'port-in-use': PortInUseFacts;
  'state-damaged': StateDamagedFacts;
  'state-locked': StateLockedFacts;
  timeout: TimeoutFacts;
  'token-missing': NoFacts;
  'trainer-failed': TrainerFailedFacts;
  unregistered: UnregisteredFacts;
  wallet: WalletFacts;
  'wallet-password': WalletPasswordFacts;
}

/** Of a code that says everything. */
export type NoFacts = Record<never, never>;

export interface BackendUnavailableFacts {
  /** What was tried, each with the reason why it failed. */
  tried?: string[];
}

export interface BadArgumentFacts {
  /** What is wrong: a parameter, a setting, or an item of the chain. */
  name?: string;
  /** What it was. */
  value?: unknown;
  /** The most that would have done, in the same unit; of lists, their length. */
  most?: number;
  netuid?: number;
}

export interface BadModelFacts {
  /** The model as the caller named it. */
  model?: string;
  /** The folder or file that is no model's. */
  path?: string;
  /** What is wrong with it, as the message has it. */
  reason?: string;
  /** HTTP status of the Hub. */
  status?: number;
}

/** Of a refusal: `section` and `name`, and what the call was about. Of a runtime that is not as expected: `item`. */
export interface ChainRejectedFacts {
  /** Such as `subtensorModule.set_weights`. */
  call?: string;
  /** The pallet, or `transactionPool` for what the node's pool says. */
  section?: string;
  /** The error as the metadata names it, Substrate's for a pool, or `rpc-<code>`. */
  name?: string;
  /** JSON-RPC's code of a pool's refusal. */
  rpcCode?: number;
  /** The number of a `Custom error`. */
  custom?: number;
  /** Another transaction of the same account came first: signing again helps. */
  usedNonce?: boolean;
  hotkey?: string;
  netuid?: number;
  uid?: number;
  /** The block of the refusal, or of the signature. */
  block?: number;
  /** The first block that takes the call. */
  firstBlock?: number;
  /** The last block that may hold the transaction. */
  lastBlock?: number;
  eraBlocks?: number;
  /** `Infinity` where the subnet runs no epochs. */
  nextEpochBlock?: number;
  /** Decimal, in rao. */
  stakeRao?: string;
  /** Decimal, in rao. */
  leastStakeRao?: string;
  bytes?: number;
  /** `null` where the chain has no such bound. */
  maxBytes?: number | null;
  /** The storage item or runtime function, as `pallet.item`. */
  item?: string;
  /** Keys of an entry that the runtime has. */
  keys?: number;
  expectedKeys?: number;
  /** The type that was expected in storage. */
  expectedType?: string;
  seenType?: string;
  specVersion?: number;
}

export interface ChainUnreachableFacts {
  /** The endpoint, without secrets. */
  url?: string;
  /** The endpoints, where all of several failed. */
  urls?: string[];
  /** HTTP status of the handshake. */
  status?: number;
  /** The code of the node's JSON-RPC error. */
  rpcCode?: number;
  /** Genesis hashes, of an endpoint of another chain. */
  expectedGenesisHash?: string;
  seenGenesisHash?: string;
  /** Unix time of the node's best block. */
  chainTimeMs?: number;
  /** Unix time of this machine. */
  nowMs?: number;
  maxClockDifferenceMs?: number;
  /** The block that was lost. */
  blockHash?: string;
}

export interface DiskFacts {
  /** The file or folder. */
  path: string;
  /** Room that is needed. */
  bytes?: number;
  /** Room that is there. */
  freeBytes?: number;
  /** Lines that are no rows, of a dataset that was whole before. */
  problemCount?: number;
}

export interface HubDeniedFacts {
  /** HTTP status. */
  status: number;
  /** The Hub's `X-Error-Code`, such as `RepoNotFound`. */
  errorCode?: string;
  /** The Hub's words. */
  message?: string;
  /** The base model that was asked for. */
  model?: string;
}

export interface HubUnreachableFacts {
  /** The path of what was asked for, without its query. */
  url: string;
}

export interface OutOfMemoryFacts {
  neededBytes: number;
  memoryBytes: number;
  /** Tokens of the longest row. */
  length: number;
}

export interface PortInUseFacts {
  port: number;
}

export interface StateDamagedFacts {
  /** The folder of the state. */
  path: string;
  /** What is wrong with it; not of a single value that cannot be read. */
  damage?: string;
  /** The entry that cannot be read. */
  key?: string;
  /** What a repair, tried on a copy, would give back; `null` for nothing. See `StateRepair`. */
  repair?: {
    entries: number;
    entriesBefore: number | null;
    writesLost: number | null;
    whole: boolean;
    message: string;
  } | null;
}

export interface StateLockedFacts {
  /** The folder of the state. */
  path: string;
}

export interface TimeoutFacts {
  /** The endpoint that did not answer, without secrets. */
  url?: string;
  /** The deadline. */
  timeoutMs?: number;
  /** The call whose fate is not known, such as `subtensorModule.set_weights`. */
  call?: string;
  /** The nonce it was signed with. */
  nonce?: number;
  /** The last block that may hold it; `null` where it stays valid for ever. */
  lastBlock?: number | null;
}

export interface TrainerFailedFacts {
  /** What computed. */
  backend?: { name: string; packageVersion: string; libraryVersion: string | null; cuda: boolean };
  /** The last lines that the training process wrote. */
  lines?: string[];
  /** The step that failed, from 1 on, of `steps`. */
  step?: number;
  steps?: number;
}

export interface UnregisteredFacts {
  /** ss58 address. */
  hotkey: string;
  netuid: number;
}

export interface WalletFacts {
  /** The wallet's file, where it is one. */
  file?: string;
  /** ss58 address of a signer. */
  address?: string;
}

export interface WalletPasswordFacts {
  /** The key's file. */
  file?: string;
  /** The environment variable that holds no password. */
  variable?: string;
}
