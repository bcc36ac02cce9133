import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FlockOffError } from '../errors/flock-off-error.ts';
import { TOKENIZER_FILES } from './model-files.ts';

/** Text to token ids; no special tokens are added. */
export interface TextTokenizer {
  encode(text: string): number[];
}

export interface LoadTokenizerParameters {
  /** Folder with tokenizer.json and tokenizer_config.json. */
  folder: string;
}

/**
 * Reads a tokenizer from a folder, without the network.
 * @throws FlockOffError `bad-model` when a file is missing or unreadable, `backend-unavailable` without the peer dependency.
 */
export async function loadTokenizer({ folder }: LoadTokenizerParameters): Promise<TextTokenizer> {
  for (const file of TOKENIZER_FILES) {
    await access(join(folder, file)).catch((cause) => {
      throw new FlockOffError({
        code: 'bad-model',
        what: `the model folder ${folder} has no ${file}`,
        fix: 'copy the tokenizer files of the base model into it',
        facts: { folder, file },
        cause,
      });
    });
  }
  const { AutoTokenizer } = await importTransformers();
  try {
    const tokenizer = await AutoTokenizer.from_pretrained(resolve(folder), { local_files_only: true });
    return { encode: (text) => tokenizer.encode(text, { add_special_tokens: false }) };
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-model',
      what: `the tokenizer in ${folder} cannot be read`,
      fix: 'copy tokenizer.json and tokenizer_config.json of the base model again',
      facts: { folder },
      cause,
    });
  }
}

async function importTransformers(): Promise<typeof import('@huggingface/transformers')> {
  try {
    return await import('@huggingface/transformers');
  } catch (cause) {
    throw new FlockOffError({
      code: 'backend-unavailable',
      what: 'the tokenizer package @huggingface/transformers cannot be loaded',
      fix: 'run "npm install @huggingface/transformers"',
      cause,
    });
  }
}
