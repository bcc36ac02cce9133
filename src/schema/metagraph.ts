/** One registered neuron of a subnet. Shares (consensus, incentive, validator trust) are in 0..1 (chain u16 / 65535). */
export interface Neuron {
  uid: number;
  /** ss58 address (format 42). */
  hotkey: string;
  coldkey: string;
  active: boolean;
  validatorPermit: boolean;
  consensus: number;
  incentive: number;
  validatorTrust: number;
  /** Block of the last weights set (or of the registration). */
  lastUpdateBlock: number;
  registrationBlock: number;
}

/** Subnet hyperparameters a validator or miner acts on, as read from chain storage. */
export interface SubnetHyperparameters {
  /** Blocks of a subnet epoch, less one on runtimes with modulo epochs. */
  tempo: number;
  /** Blocks that must pass between two weight calls. */
  weightsRateLimitBlocks: number;
  weightsVersionKey: number;
  minAllowedWeights: number;
  commitRevealEnabled: boolean;
  /** Epochs between a weight commit and its reveal. */
  revealPeriodEpochs: number;
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
  /** UTF-8 text of the first field; `null` when it is no text (a hash, time-locked data, invalid UTF-8). */
  text: string | null;
  block: number;
}
