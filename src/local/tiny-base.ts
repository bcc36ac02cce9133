import { fileURLToPath } from 'node:url';

/**
 * Folder of the tiny Qwen2 base model that comes with the package, absolute: 3 layers, 1024 tokens, made by
 * `src/local/tiny-base/make.ts`. Pass it as `model` to `LoraTrainer.open`.
 */
// Two levels up is the package's root both from src/local/tiny-base.ts and from dist/local/index.js.
export const TINY_BASE = fileURLToPath(new URL('../../src/local/tiny-base/', import.meta.url));

/** Folder of the evaluation set (`data.jsonl`) made for the tiny base model, absolute. It says nothing about another model. */
export const TINY_EVAL_DATA = fileURLToPath(new URL('../../eval_data/', import.meta.url));
