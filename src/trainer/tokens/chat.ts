import type { DatasetRow } from '../../schema/dataset-row.ts';
import { requiredItem } from '../../shared/required.ts';
import { stripAsPython } from '../../shared/strip-as-python.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Label of a token that is read but not learned (PyTorch's `ignore_index`). */
export const IGNORED_LABEL = -100;

/** One row as the model sees it: token ids and, for each, itself as the label or {@link IGNORED_LABEL}. */
export interface TokenRow {
  inputIds: ArrayLike<number>;
  labels: ArrayLike<number>;
}

/**
 * A chat in Qwen's ChatML, with labels on the assistant's words only, cut on the right to `contextTokens`.
 * Segments are tokenized one by one; special-token text inside a content becomes the special token.
 * A last user turn without an answer is left out, and so is a missing system prompt. What lies behind the cut is not
 * tokenized, and the result is in typed arrays: 20,000 rows of 256 tokens are 41 MB.
 */
export function tokenizeRow(row: DatasetRow, tokenizer: TextTokenizer, contextTokens: number): TokenRow {
  const inputIds: number[] = [];
  const labels: number[] = [];
  for (const { text, learned } of chatSegments(row)) {
    if (inputIds.length === contextTokens) break;
    for (const id of tokenizer.encode(text, contextTokens - inputIds.length)) {
      inputIds.push(id);
      labels.push(learned ? id : IGNORED_LABEL);
    }
  }
  return { inputIds: Int32Array.from(inputIds), labels: Int32Array.from(labels) };
}

interface Segment {
  text: string;
  learned: boolean;
}

function* chatSegments({ system, conversations }: DatasetRow): Generator<Segment> {
  if (system !== null && system !== undefined) {
    yield { text: `<|im_start|>system\n${stripAsPython(system)}<|im_end|>\n`, learned: false };
  }
  for (let i = 0; i + 1 < conversations.length; i += 2) {
    const [user, assistant] = [requiredItem(conversations, i), requiredItem(conversations, i + 1)];
    yield {
      text: `<|im_start|>user\n${stripAsPython(user.content)}<|im_end|>\n<|im_start|>assistant\n`,
      learned: false,
    };
    yield { text: `${stripAsPython(assistant.content)}<|im_end|>\n`, learned: true };
  }
}

/** How many tokens of a row have a loss. The first token is never predicted. */
export function countTargets({ labels }: TokenRow): number {
  let targets = 0;
  for (let position = 1; position < labels.length; position++) if (labels[position] !== IGNORED_LABEL) targets++;
  return targets;
}
