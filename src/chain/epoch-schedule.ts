/**
 * First block of the epoch after the one that `block` lies in, on runtimes with modulo epochs: the index of block b is
 * floor((b + netuid + 1) / (tempo + 1)). Infinity when tempo is 0 (the subnet never runs an epoch).
 */
export function nextModuloEpochBlock({
  block,
  netuid,
  tempo,
}: {
  block: number;
  netuid: number;
  tempo: number;
}): number {
  if (tempo === 0) return Number.POSITIVE_INFINITY;
  return block + tempo - ((block + netuid + 1) % (tempo + 1)) + 1;
}

/** The same on runtimes that store the schedule: LastEpochBlock + tempo, or PendingEpochAt when that is set and sooner. */
export function nextStatefulEpochBlock(state: {
  lastEpochBlock: number;
  tempo: number;
  pendingEpochAt: number;
}): number {
  if (state.tempo === 0) return Number.POSITIVE_INFINITY;
  const regular = state.lastEpochBlock + state.tempo;
  return state.pendingEpochAt > 0 ? Math.min(regular, state.pendingEpochAt) : regular;
}
