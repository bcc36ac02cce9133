// The front door: everything of the doors for purposes, and publishing, which needs both hub and chain.

export * from './doors/chain.ts';
export * from './doors/dataset.ts';
export * from './doors/schema.ts';
export * from './doors/trainer.ts';
export * from './doors/validator.ts';
export {
  type PublishDatasetParameters,
  type PublishDatasetReturnType,
  type PublishStep,
  publishDataset,
} from './miner/publish.ts';
