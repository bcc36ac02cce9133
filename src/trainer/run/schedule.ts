export interface LearningRateParameters {
  /** Optimizer step, from 0. */
  step: number;
  /** Optimizer steps of the whole run. */
  steps: number;
  warmupSteps: number;
  peakLearningRate: number;
}

/** Linear warm-up from 0, then linear decay to 0, as transformers' `linear` schedule: the first step has rate 0. */
export function learningRateAt({ step, steps, warmupSteps, peakLearningRate }: LearningRateParameters): number {
  if (step < warmupSteps) return (peakLearningRate * step) / warmupSteps;
  return (peakLearningRate * (steps - step)) / Math.max(1, steps - warmupSteps);
}
