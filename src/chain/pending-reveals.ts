/** A weight commit whose reveal is still owed. Plain JSON; it holds the salt, without which it cannot be revealed. */
export interface PendingReveal {
  /** The commit's hash: `0x` and 64 hex digits. */
  id: string;
  netuid: number;
  /** ss58 address of the committing hotkey. */
  hotkey: string;
  uids: number[];
  /** u16, in the order of `uids`. */
  values: number[];
  /** u16. */
  salt: number[];
  versionKey: number;
  /** Block at which it was stored, before the commit was sent. */
  storedAtBlock: number;
}

/** Where pending reveals outlive the process. */
export interface PendingRevealStore {
  list(): Promise<PendingReveal[]>;
  /** Resolves once the reveal would survive a crash. */
  put(reveal: PendingReveal): Promise<void>;
  delete(id: string): Promise<void>;
}
