/** What keeps a hotkey from committing too often: blocks since its last commitment, or bytes in an epoch (spec 257 and later). */
export type CommitmentLimit = { cooldownBlocks: number } | { bytesPerEpoch: number };
