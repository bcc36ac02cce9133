// Training and evaluating LoRA adapters.

export type { FlockOffErrorFacts } from '../errors/facts.ts';
export {
  FlockOffError,
  type FlockOffErrorCode,
  type FlockOffErrorOf,
  type FlockOffErrorParameters,
  isCode,
} from '../errors/flock-off-error.ts';
export { LoraRecipe } from '../schema/competition.ts';
export type { DatasetRow } from '../schema/dataset-row.ts';
export { type Checked, Verdict, VerdictReason } from '../schema/verdict.ts';
export type { Clock, SleepParameters } from '../shared/clock.ts';
export type { Logger } from '../shared/logger.ts';
export type { ProxyOption } from '../shared/proxy.ts';
export type { MatrixType } from '../trainer/engine/graph/graph.ts';
export type { Checkpointing } from '../trainer/engine/graph/memory.ts';
export {
  type AdapterSnapshot,
  type BackendInfo,
  type BackendName,
  type EvaluateParameters,
  type EvaluationProgress,
  type EvaluationResult,
  type InfluenceParameters,
  type InfluenceProgress,
  type LoraAdapter,
  LoraTrainer,
  type LoraTrainerParameters,
  type MatmulType,
  type Precision,
  type Trainer,
  type TrainParameters,
  type TrainProgress,
  type TrainResult,
  type WeightStorage,
} from '../trainer/lora-trainer.ts';
export type { BaseModelSource } from '../trainer/model/base-model.ts';
export { hubCacheFolder } from '../trainer/model/hub-cache-folder.ts';
export { loadLoraAdapter, type SaveLoraAdapterParameters, saveLoraAdapter } from '../trainer/model/lora-adapter.ts';
export type { NamedTensor } from '../trainer/model/weights.ts';
export type { EngineParameters, TrainerFacts } from '../trainer/process/trainer-parameters.ts';
