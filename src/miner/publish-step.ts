import type { FlockOffError } from '../errors/flock-off-error.ts';
import type { Visibility } from '../hub/dataset-store.ts';

/** What publishing has done, or waits for. */
export type PublishStep =
  /** The file keeps the rules; `warnings` say in whole sentences what may surprise its miner all the same. */
  | { kind: 'checked'; rows: number; bytes: number; warnings: string[] }
  /** What is there, and that the token may do what is to be done. Nothing was sent so far. */
  | { kind: 'looked'; repo: string; visibility: Visibility | 'missing' }
  /** A warning: the repository is public, so the data can be read, and committed by others, before its own pointer is. */
  | { kind: 'exposed'; repo: string }
  | { kind: 'waiting'; untilBlock: number; blocksLeft: number }
  | { kind: 'uploaded'; repo: string; commit: string }
  | { kind: 'committed'; pointer: string; block: number }
  /** Making the data public failed in passing, and is tried again: validators wait for it until a block. */
  | { kind: 'hidden'; repo: string; untilBlock: number; error: FlockOffError; delayMs: number }
  /** Everybody can read the data, as seen in a block; `isLate` where validators no longer date it by its pointer. */
  | { kind: 'public'; repo: string; block: number; untilBlock: number; isLate: boolean };
