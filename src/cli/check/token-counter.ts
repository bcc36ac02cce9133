import { BYTES_PER_TOKEN, TOKENS_AROUND_A_TURN, textOf } from '../../dataset/text-count.ts';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import type { DatasetRow } from '../../schema/dataset-row.ts';
import { hubCacheFolder } from '../../trainer/model/hub-cache-folder.ts';
import { findTokenizer } from '../../trainer/model/kept-tokenizer.ts';
import { countTargets, tokenizeRow } from '../../trainer/tokens/chat.ts';
import { loadTokenizer } from '../../trainer/tokens/tokenizer.ts';

/** Tokens of rows, exactly or about. */
export interface TokenCounter {
  /** Whether it counts as a validator with this base model does. */
  exact: boolean;
  /** How it counts: one clause. */
  how: string;
  /** `tokens` of a longer row is one more than `contextTokens`; `learned` of those within. An estimate takes some for learned. */
  count(row: DatasetRow, contextTokens: number): { tokens: number; learned: boolean };
}

export interface OpenTokenCounterParameters {
  /** Folder or hub id; default: an estimate where the default model's tokenizer is not on this disk. */
  baseModel?: string;
  env: NodeJS.ProcessEnv;
}

export const DEFAULT_BASE_MODEL = 'Qwen/Qwen2.5-1.5B-Instruct';

/**
 * Counts with the tokenizer of a base model on this disk; asks nobody for one.
 * @throws FlockOffError `bad-argument` when a model is named that is not here; `bad-model`, `backend-unavailable` or `disk`
 *   when its tokenizer cannot be used.
 */
export async function openTokenCounter({ baseModel, env }: OpenTokenCounterParameters): Promise<TokenCounter> {
  const model = baseModel ?? DEFAULT_BASE_MODEL;
  const hubCacheDir = hubCacheFolder(env);
  const folder = await findTokenizer({ model, hubCacheDir });
  if (folder !== null) return exactCounter(folder);
  if (baseModel === undefined)
    return estimate(`there is no tokenizer of ${model} in ${hubCacheDir}; --base_model names another`);
  throw new FlockOffError({
    code: 'bad-argument',
    what: `there is no folder ${model}, and no such model in ${hubCacheDir}`,
    fix: 'pass the folder of the base model; nothing is downloaded here',
    facts: { name: '--base_model', value: model },
  });
}

async function exactCounter(folder: string): Promise<TokenCounter> {
  const tokenizer = await loadTokenizer({ folder });
  return {
    exact: true,
    how: `counted with the tokenizer in ${folder}`,
    count(row, contextTokens) {
      const { inputIds, labels } = tokenizeRow(row, tokenizer, contextTokens + 1);
      const within = { inputIds, labels: Array.prototype.slice.call(labels, 0, contextTokens) };
      return { tokens: inputIds.length, learned: countTargets(within) > 0 };
    },
  };
}

function estimate(why: string): TokenCounter {
  return {
    exact: false,
    how:
      `estimated from the bytes: ${BYTES_PER_TOKEN} bytes of UTF-8 a token and ${TOKENS_AROUND_A_TURN} tokens more a turn ` +
      `(measured with Qwen's: English 4.3 bytes, Chinese 4.5, code 3.5), as ${why}`,
    count: (row, contextTokens) => ({
      tokens: Math.min(contextTokens + 1, textOf(row).likelyTokens),
      learned: true,
    }),
  };
}
