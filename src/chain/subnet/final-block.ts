import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { Snapshot } from '../node/snapshot.ts';

export interface WaitForFinalBlockParameters {
  chain: {
    waitForBlock(parameters: { block: number; signal?: AbortSignal }): Promise<number>;
    read<T>(parameters: { what: string; use: (snapshot: Snapshot) => Promise<T>; signal?: AbortSignal }): Promise<T>;
  };
  block: number;
  signal?: AbortSignal;
}

export interface FinalBlock {
  /** `0x` hex. */
  hash: string;
  /** Of the chain's first block, `0x` hex. */
  genesisHash: string;
}

/** Blocks above one that is waited for to become final, after which finality counts as stalled: 20 minutes. */
const MOST_BLOCKS_UNTIL_FINAL = 100;

/**
 * Waits until a block cannot be taken back any more, so that everybody sees the same one there.
 * @throws FlockOffError `timeout` when no block arrives for too long, or blocks arrive and do not become final.
 */
export async function waitForFinalBlock({ chain, block, signal }: WaitForFinalBlockParameters): Promise<FinalBlock> {
  for (let best = await chain.waitForBlock({ block, signal }); ; ) {
    const use = (snapshot: Snapshot) => readFinalBlock(snapshot, block);
    const final = await chain.read({ what: `looking whether block ${block} is final`, use, signal });
    if (final !== null) return final;
    if (best > block + MOST_BLOCKS_UNTIL_FINAL)
      throw new FlockOffError({
        code: 'timeout',
        what: `block ${block} is not final though the chain is at block ${best}`,
        fix: 'wait until the chain finalises its blocks again, or use another endpoint',
        transient: true,
      });
    best = await chain.waitForBlock({ block: best + 1, signal });
  }
}

async function readFinalBlock(snapshot: Snapshot, block: number): Promise<FinalBlock | null> {
  if ((await snapshot.finalBlock()) < block) return null;
  // Asked for after the final head is known: up to that the hashes do not change.
  const hash = await (await snapshot.at(block))?.blockHash();
  return hash === undefined ? null : { hash, genesisHash: snapshot.genesisHash };
}
