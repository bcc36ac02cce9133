import { join, sep } from 'node:path';
import { PACKAGE_FOLDER } from '../shared/own-package.ts';

/**
 * Folder of the tiny Qwen2 base model that comes with the package, absolute: 3 layers, 1024 tokens, made by
 * `src/local/tiny-base/make.ts`. Pass it as `model` to `LoraTrainer.open`.
 */
export const TINY_BASE = join(PACKAGE_FOLDER, 'src', 'local', 'tiny-base', sep);

/** Folder of the evaluation set (`data.jsonl`) made for the tiny base model, absolute. It says nothing about another model. */
export const TINY_EVAL_DATA = join(PACKAGE_FOLDER, 'eval_data', sep);
