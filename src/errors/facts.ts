/** The codes of {@link FlockOffError}, each with the values behind its sentence, for programs. Never secrets. */
export interface FlockOffErrorFacts {
  aborted: Record<never, never>;
  'backend-unavailable': {
    /** What was tried, each with the reason why it failed. */
    tried?: string[];
  };
  'bad-argument': {
    /** What is wrong: a parameter, a setting, or an item of the chain. */
    name?: string;
    /** What it was. */
    value?: unknown;
    /** The limit, in the same unit; of lists, their length. */
    most?: number;
    netuid?: number;
  };
  'bad-competition': {
    /** What was asked for, `org/name@sha`, or the folder of one that is being founded. */
    competition: string;
    /** What is wrong with it. */
    problem:
      | 'missing'
      | 'too-large'
      | 'unreadable'
      | 'id'
      | 'signature'
      | 'owner'
      | 'evaluation'
      | 'base-model'
      | 'not-yet';
    /** The first block in which it counts, where the chain has not come to it yet. */
    firstBlock?: number;
  };
  'bad-model': {
    /** The model as the caller named it. */
    model?: string;
    /** The folder or file that is no model's. */
    path?: string;
    /** What is wrong with it, as the message has it. */
    reason?: string;
    /** HTTP status of the Hub. */
    status?: number;
  };
  /** Of a refusal: `section` and `name`, and what the call was about. Of a runtime that is not as expected: `item`. */
  'chain-rejected': {
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
    /** The first block in which the call is allowed. */
    firstBlock?: number;
    /** The last block that may include the transaction. */
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
  };
  'chain-unreachable': {
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
  };
  'checker-failed': {
    /** The last line that the checking process wrote. */
    line?: string;
    /** The deadline, where that was it. */
    timeoutMs?: number;
  };
  disk: {
    /** The file or folder. */
    path: string;
    /** Space that is needed. */
    bytes?: number;
    /** Free space. */
    freeBytes?: number;
    /** Lines that are no rows, of a dataset that was whole before. */
    problemCount?: number;
  };
  'drand-unreachable': {
    round: number;
    /** What each server did, a clause. */
    servers: { url: string; why: string }[];
  };
  'hub-denied': {
    /** HTTP status. */
    status: number;
    /** The Hub's `X-Error-Code`, such as `RepoNotFound`. */
    errorCode?: string;
    /** The Hub's words. */
    message?: string;
    /** The base model that was asked for. */
    model?: string;
  };
  'hub-unreachable': {
    /** The path of what was asked for, without its query. */
    url: string;
  };
  'out-of-memory': {
    neededBytes: number;
    memoryBytes: number;
    /** Tokens of the longest row. */
    length: number;
  };
  'policy-failed': {
    /** Its name. */
    policy: string;
    /** The decision it was asked for: `draw`, `score`, `weigh` or `explain`. */
    decision: string;
  };
  'port-in-use': {
    port: number;
  };
  'queue-refused': {
    /** What is wrong with the queue, or with a worker for it. */
    reason: 'access' | 'competition' | 'eviction' | 'key' | 'machine' | 'persistence' | 'version';
    /** The setting of Redis, and what it is. */
    setting?: string;
    value?: string;
  };
  'queue-unreachable': {
    /** Its address, without secrets. */
    url: string;
  };
  'state-damaged': {
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
  };
  'state-locked': {
    /** The folder of the state. */
    path: string;
  };
  timeout: {
    /** The endpoint that did not answer, without secrets. */
    url?: string;
    /** The deadline. */
    timeoutMs?: number;
    /** The call whose outcome is unknown, such as `subtensorModule.set_weights`. */
    call?: string;
    /** The nonce it was signed with. */
    nonce?: number;
    /** The last block that may include it; `null` for an immortal transaction. */
    lastBlock?: number | null;
  };
  'token-missing': Record<never, never>;
  'trainer-failed': {
    /** The backend. */
    backend?: { name: string; packageVersion: string; libraryVersion: string | null; cuda: boolean };
    /** The last lines that the training process wrote. */
    lines?: string[];
    /** The step that failed, from 1 on, of `steps`. */
    step?: number;
    steps?: number;
  };
  unregistered: {
    /** ss58 address. */
    hotkey: string;
    netuid: number;
  };
  wallet: {
    /** The wallet's file, where it is one. */
    file?: string;
    /** ss58 address of a signer. */
    address?: string;
  };
  'wallet-password': {
    /** The key's file. */
    file?: string;
    /** The environment variable that holds no password. */
    variable?: string;
  };
  'wrong-subnet': {
    netuid: number;
    /** `0x` hex: the network that answered. */
    seenGenesisHash: string;
    /** `null` where the runtime does not tell. */
    seenRegistrationBlock: number | null;
    /** What was meant, as far as it was said. */
    expectedGenesisHash?: string;
    expectedRegistrationBlock?: number | null;
  };
}
