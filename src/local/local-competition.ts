import type { z } from 'zod';
import type { Competition } from '../schema/competition.ts';

/**
 * The competition of the local subnet: FLock OFF's recipe, made small enough for the tiny base model on a few CPU
 * cores. The learning rate is higher than for a real model, since a tiny one has few steps.
 *
 * @example
 * const competition = Competition.parse(LOCAL_COMPETITION);
 */
export const LOCAL_COMPETITION: z.input<typeof Competition> = {
  id: '1',
  /** With blocks of 250 ms, 3 s. */
  blocksPerEpoch: 12,
  /** What is not there is refused at once: a local subnet often runs for one epoch only. */
  readableWithinBlocks: 0,
  recipe: {
    contextTokens: 128,
    epochs: 2,
    batchSize: 4,
    gradientAccumulation: 2,
    learningRate: 5e-3,
    warmupSteps: 2,
  },
};
