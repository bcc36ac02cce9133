/**
 * A weight commit that does not count yet. Plain JSON; where it was committed by its hash it holds the salt, without which
 * it cannot be revealed.
 */
export interface PendingReveal {
  /** blake2b-256 of what was committed (the hash itself, or the ciphertext): `0x` and 64 hex digits. */
  id: string;
  netuid: number;
  /** The subnet's mechanism; absent for mechanism 0. */
  mechanism?: number;
  /** ss58 address of the committing hotkey. */
  hotkey: string;
  uids: number[];
  /** u16, in the order of `uids`. */
  values: number[];
  /** u16; empty where the chain reveals by itself. */
  salt: number[];
  versionKey: number;
  /** Block at which it was stored, before the commit was sent. */
  storedAtBlock: number;
  /**
   * Blocks that may hold its reveal, once the commit is on the chain: until the first nothing has to be asked. Absent where
   * the chain has to tell.
   */
  window?: { fromBlock: number; untilBlock: number };
  /** Only where the weights are locked until a round of the drand beacon, and the chain reveals by itself. */
  timelock?: {
    round: number;
    /** The subnet's epoch, and the hotkey's uid, at `storedAtBlock`. */
    epoch: number;
    uid: number;
    /** Whether the commit was seen on the chain. */
    landed: boolean;
    /** Whether the weights that stood while it waited were these already: then nothing shows that it was opened. */
    unchanged?: boolean;
  };
}

/** A commit that the chain reveals by itself. */
export type TimelockedReveal = PendingReveal & { timelock: NonNullable<PendingReveal['timelock']> };

export function isTimelocked(reveal: PendingReveal): reveal is TimelockedReveal {
  return Boolean(reveal.timelock);
}

/** Where pending reveals outlive the process. */
export interface PendingRevealStore {
  list(): Promise<PendingReveal[]>;
  /** Resolves once the reveal would survive a crash. */
  put(reveal: PendingReveal): Promise<void>;
  delete(id: string): Promise<void>;
}
