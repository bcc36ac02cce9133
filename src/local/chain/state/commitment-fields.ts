/** A field of a commitment as plain value: its kind in camel case, and hex, `null`, or what a time-locked field holds. */
export type CommitmentField = Record<string, string | null | TimeLock>;

export interface TimeLock {
  /** Ciphertext, `0x` hex. */
  encrypted: string;
  revealRound: number;
}

/** The time lock of a field, `null` for one without. */
export function lockOf({ timelockEncrypted }: CommitmentField): TimeLock | null {
  return typeof timelockEncrypted === 'object' ? timelockEncrypted : null;
}

/** The round that a commitment is locked until, if one of its fields is. */
export function lockedRound(fields: CommitmentField[]): number | undefined {
  return fields.map(lockOf).find((lock) => lock !== null)?.revealRound;
}

/** Raw and encrypted fields count their bytes, hashes 32, empty ones and flags none. */
export function byteLength(field: CommitmentField): number {
  const [value] = Object.values(field);
  const hex = typeof value === 'object' ? value?.encrypted : value;
  return hex ? (hex.length - 2) / 2 : 0;
}
