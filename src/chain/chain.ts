import type { Metagraph } from '../schema/metagraph.ts';
import type { Snapshot } from './node/snapshot.ts';
import type { EpochPosition } from './subnet/epoch-schedule.ts';
import type { Inclusion, SubmitParameters } from './transaction/submit.ts';

export interface SubnetParameters {
  netuid: number;
  signal?: AbortSignal;
}

export interface WaitForBlockParameters {
  block: number;
  signal?: AbortSignal;
}

export interface ReadParameters<T> {
  /** Names the read in errors and logs, such as "reading the tempo". */
  what: string;
  /** What is read. It runs again, with another snapshot, where a connection was lost. */
  use: (snapshot: Snapshot) => Promise<T>;
  signal?: AbortSignal;
}

/** What pointers, weights and a validator need of a chain: {@link Subtensor}, or something of one's own in its place. */
export interface Chain {
  /**
   * Resolves with the current block once it is at least `block`.
   * @throws FlockOffError `timeout` when no block arrives for too long.
   */
  waitForBlock(parameters: WaitForBlockParameters): Promise<number>;
  /** Where a subnet stands in its epochs, at the current block. */
  epoch(parameters: SubnetParameters): Promise<EpochPosition>;
  /** A subnet at the current block. @throws FlockOffError `bad-argument` when there is no such subnet. */
  metagraph(parameters: SubnetParameters): Promise<Metagraph>;
  /** Reads storage at the best block, all of it as of this one. */
  read<T>(parameters: ReadParameters<T>): Promise<T>;
  /**
   * Sends a call, at most once, and waits until it is in a block.
   * @throws FlockOffError `chain-rejected` with the error's name in `facts.name`; `chain-unreachable` or `timeout` when it
   *   is not known whether the call took effect.
   */
  submit(parameters: SubmitParameters): Promise<Inclusion>;
}

/** The part of a {@link Chain} through which a hotkey's commitments and weights are read and sent. */
export type HotkeyChain = Pick<Chain, 'read' | 'submit' | 'waitForBlock'>;

/** The part of a {@link Chain} that tells a validator where its subnet is. */
export type ValidatorChain = Pick<Chain, 'epoch' | 'metagraph' | 'read' | 'waitForBlock'>;
