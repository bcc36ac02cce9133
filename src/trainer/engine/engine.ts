import type { MersenneTwister } from '../../shared/random.ts';
import type { Qwen2Config } from '../model/config.ts';
import type { LoraAdapter } from '../model/lora-adapter.ts';
import type { NamedTensor } from '../model/weights.ts';
import type { TokenBatch } from '../tokens/batches.ts';

/** The interface between the training loop and the backend that runs the model. Tensors never cross it. */
export interface LoraEngine {
  readonly config: Qwen2Config;
  /** Tokens that are best computed at once. It hangs on the kind of device alone, never on what memory is free. */
  readonly callTokens: number;
  /** @throws FlockOffError `out-of-memory` when rows of `length` tokens cannot be trained on and evaluated with adapters of this rank. */
  requireMemory(rank: number, length: number): void;
  startTraining(options: StartTrainingParameters): LoraTraining;
  startEvaluation(adapter: LoraAdapter | null): LoraEvaluation;
  startGradients(adapter: LoraAdapter): LoraGradients;
  dispose(): void;
}

/** The state of a run between two optimizer steps. */
export interface TrainingState {
  adapter: LoraAdapter;
  /** AdamW's moments, under the names of the adapter's tensors. */
  firstMoments: Map<string, NamedTensor>;
  secondMoments: Map<string, NamedTensor>;
  /** Optimizer steps taken. */
  steps: number;
  /** Loss scale of float16; 1 elsewhere. */
  gradientScale?: number;
}

export interface AdamWParameters {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: scales the parameter by 1 - learningRate * weightDecay. */
  weightDecay: number;
}

export interface StartTrainingParameters {
  /** Where training starts; it is copied, not changed. */
  adapter: LoraAdapter;
  /** Resumes from here instead: `adapter` is the one in it. */
  resume?: TrainingState;
  optimizer: AdamWParameters;
  /** Draws the dropout masks. */
  random: MersenneTwister;
}

/** One training run. */
export interface LoraTraining {
  /** Whether rows of a batch had to be computed apart, for want of memory: sums had another order then. */
  readonly divided: boolean;
  /** Adds the gradient of (sum of the batch's token losses * `lossScale`). Returns that loss, which may be NaN. */
  accumulate(batch: TokenBatch, lossScale: number): Promise<number>;
  /** L2 norm of the accumulated gradient, which may be infinite or NaN. */
  gradNorm(): Promise<number>;
  /** One optimizer step with the accumulated gradient times `gradientFactor`; then the gradient is zero again. */
  step(learningRate: number, gradientFactor: number): void;
  /** The adapter as it is now. */
  adapter(): Promise<LoraAdapter>;
  /** What a later run can resume from. Only right after {@link step}: an accumulated gradient is not in it. */
  state(): Promise<TrainingState>;
  dispose(): void;
}

/** A forward pass without dropout. */
export interface LoraEvaluation {
  /** Negative log-likelihood in nats of each target of the batch, in order. */
  tokenLosses(batch: TokenBatch): Promise<Float32Array>;
  dispose(): void;
}

/** Gradients of an adapter that stays as it is, without dropout. They do not leave the device. */
export interface LoraGradients {
  /** Adds the gradient of (sum of the batch's token losses * `lossScale`). */
  add(batch: TokenBatch, lossScale: number): Promise<void>;
  /** Keeps the sum, to be multiplied with others; then it is zero again. */
  keep(): Promise<void>;
  /** Scalar product of the sum with the one that was kept, which may be NaN; then it is zero again. */
  product(): Promise<number>;
  dispose(): void;
}

/** For the linear layer at `path`: 0 where an input is dropped, 1 / (1 - p) where it is kept; `null` keeps all. */
export type DropoutMask = (path: string, shape: [number, number]) => Float32Array | null;
