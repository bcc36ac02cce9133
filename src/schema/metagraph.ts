/**
 * One registered neuron of a subnet. Shares (consensus, incentive, dividends, validator trust) are in 0..1 (chain u16 /
 * 65535); amounts are in alpha or TAO, not in smallest units of 1e-9.
 */
export interface Neuron {
  uid: number;
  /** ss58 address (format 42). */
  hotkey: string;
  coldkey: string;
  active: boolean;
  validatorPermit: boolean;
  consensus: number;
  incentive: number;
  dividends: number;
  validatorTrust: number;
  /** Alpha that the last epoch gave it. */
  emissionAlpha: number;
  /** Alpha staked to the hotkey on this subnet; `null` on runtimes before there was alpha (spec 218). */
  stakeAlpha: number | null;
  /**
   * What the chain weighs it by for permits and for the least stake to set weights: alpha, part of the TAO behind it, and
   * what parents and children pass on (`S` in Python's metagraph). `null` on runtimes that do not tell (before spec 261).
   */
  stakeWeight: number | null;
  /** Block of the last weights set (or of the registration). */
  lastUpdateBlock: number;
  registrationBlock: number;
}

/** Subnet hyperparameters, as read from chain storage; `null` is what this runtime does not have. */
export interface SubnetHyperparameters {
  /** Blocks of a subnet epoch, less one on runtimes with modulo epochs. */
  tempo: number;
  /** Blocks that must pass between two weight calls. */
  weightsRateLimitBlocks: number;
  weightsVersionKey: number;
  minAllowedWeights: number;
  /** Largest share one weight may have, in 0..1. Runtimes with stored epochs take any. */
  maxWeightShare: number | null;
  commitRevealEnabled: boolean;
  /** Epochs between a weight commit and its reveal. */
  revealPeriodEpochs: number;
  /** Blocks after its registration in which nobody takes a neuron's uid. */
  immunityPeriodBlocks: number | null;
  maxAllowedUids: number | null;
  /** Validator permits at most. */
  maxAllowedValidators: number | null;
  /** Blocks without an update after which a neuron is no longer active. */
  activityCutoffBlocks: number | null;
  registrationAllowed: boolean | null;
  /** Price of a registration now, and its bounds. */
  burnTao: number | null;
  minBurnTao: number | null;
  maxBurnTao: number | null;
  /** Mechanisms (sub-subnets). */
  mechanisms: number | null;
}

/** The state of one subnet at one block. `neurons` is sorted by uid. */
export interface Metagraph {
  netuid: number;
  block: number;
  neurons: Neuron[];
  hyperparameters: SubnetHyperparameters;
  /** First block of the subnet's next epoch. */
  nextEpochBlock: number;
}

/** What a hotkey has written to the Commitments pallet, as text, with the block it was written in. */
export interface Commitment {
  hotkey: string;
  /** UTF-8 text of the first field; `null` when it is no text: then `kind` says what it is, or it is invalid UTF-8. */
  text: string | null;
  /**
   * `Raw`, `BigRaw`, `None` (empty), `Sha256`, `BlakeTwo256`, `Keccak256`, `ShaThree256`, `TimelockEncrypted`,
   * `ResetBondsFlag`, or another name of the runtime's `Data`; `undecodable` when its bytes are none of its types.
   */
  kind: string;
  block: number;
}
