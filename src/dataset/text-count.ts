import type { Competition } from '../schema/competition.ts';
import type { DatasetRow } from '../schema/dataset-row.ts';

/** What a turn takes besides its words in Qwen's ChatML: `<|im_start|>`, the role, a newline, `<|im_end|>`, a newline. */
export const TOKENS_AROUND_A_TURN = 5;
/** UTF-8 bytes of a token in most languages: English has 4.3, Chinese 4.5, code 3.5. */
export const BYTES_PER_TOKEN = 4;

/** How much text the rows of a file have. */
export class TextCount {
  readonly #contextTokens: number;
  codePoints = 0;
  #tokens = 0;

  constructor(contextTokens: number) {
    this.#contextTokens = contextTokens;
  }

  add(row: DatasetRow): void {
    const { codePoints, likelyTokens } = textOf(row);
    this.codePoints += codePoints;
    this.#tokens += Math.min(this.#contextTokens, likelyTokens);
  }

  facts({ maxTokens, recipe }: Competition): { codePoints: number; likelyTokens: number; warnings: string[] } {
    const likelyTokens = this.#tokens;
    const warnings =
      likelyTokens > maxTokens
        ? [
            `the rows have about ${likelyTokens} tokens, each cut to ${recipe.contextTokens}, and validators refuse more than ${maxTokens} (too-many-tokens); shorten or leave out rows`,
          ]
        : [];
    return { codePoints: this.codePoints, likelyTokens, warnings };
  }
}

/** Code points of a row, and tokens as they are estimated without a tokenizer, not cut. */
export function textOf({ system, conversations }: DatasetRow): { codePoints: number; likelyTokens: number } {
  let [codePoints, bytes] = [0, 0];
  const take = (text: string) => {
    const seen = measure(text);
    codePoints += seen.codePoints;
    bytes += seen.bytes;
  };
  if (system) take(system);
  for (const { content } of conversations) take(content);
  const around = TOKENS_AROUND_A_TURN * (conversations.length + (system ? 1 : 0));
  return { codePoints, likelyTokens: Math.ceil(bytes / BYTES_PER_TOKEN) + around };
}

/** Code points, and bytes in UTF-8. */
function measure(text: string): { codePoints: number; bytes: number } {
  let pairs = 0;
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // Four bytes for two units.
    if (isHigh(unit) && isLow(text.charCodeAt(at + 1))) {
      pairs++;
      at++;
    }
  }
  return { codePoints: text.length - pairs, bytes };
}

const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number) => unit >= 0xdc00 && unit < 0xe000;
