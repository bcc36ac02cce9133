/** Special tokens of Qwen2.5 that chats need; they follow the learned vocabulary. */
export const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/** Qwen2.5's pre-tokenizer: how a text is split into words before merging. */
const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
// The same for JavaScript before its inline flags.
const WORDS = new RegExp(QWEN_SPLIT.replace(/\(\?i:([^)]*)\)/, '(?:$1)'), 'gu');

/** The printable character that stands for each byte, as in GPT-2. */
const BYTE_CHARACTERS = byteCharacters();

export interface LearnedVocabulary {
  /** Token text (in byte characters) to id: the 256 bytes, then one token a merge. */
  vocab: Record<string, number>;
  merges: [left: string, right: string][];
}

export interface LearnBpeParameters {
  texts: string[];
  /** The most tokens, special ones aside; fewer when no pair is left that occurs twice. */
  size: number;
}

/** Byte-level byte-pair encoding (Sennrich et al., 2016): the most frequent pair is merged, again and again. */
export function learnBpe({ texts, size }: LearnBpeParameters): LearnedVocabulary {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.normalize('NFC').matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => ({
    symbols: [...new TextEncoder().encode(word)].map((byte) => BYTE_CHARACTERS[byte]!),
    count,
  }));
  const tokens = new Set([...BYTE_CHARACTERS].sort());
  const merges: LearnedVocabulary['merges'] = [];
  while (tokens.size < size) {
    const best = mostFrequentPair(words);
    if (!best) break;
    const merged = best.join('');
    merges.push(best);
    tokens.add(merged);
    for (const word of words) word.symbols = mergePair(word.symbols, best, merged);
  }
  return { vocab: Object.fromEntries([...tokens].map((token, id) => [token, id])), merges };
}

function mostFrequentPair(words: { symbols: string[]; count: number }[]): [string, string] | null {
  const pairs = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = `${symbols[i]} ${symbols[i + 1]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  }
  let best: string | null = null;
  let most = 1;
  for (const [pair, count] of pairs) {
    if (count > most || (count === most && best !== null && pair < best)) [best, most] = [pair, count];
  }
  return best === null ? null : (best.split(' ') as [string, string]);
}

function mergePair(symbols: string[], [left, right]: [string, string], merged: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(symbols[i]!);
  }
  return result;
}

function byteCharacters(): string[] {
  const printable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + others++));
}

/** The contents of `tokenizer.json`, with the pipeline of Qwen2.5. */
export function formatTokenizer({ vocab, merges }: LearnedVocabulary): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens(vocab).map(([id, token]) => ({ id, ...token })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN_SPLIT }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}

/** The contents of `tokenizer_config.json`. */
export function formatTokenizerConfig({ vocab }: LearnedVocabulary): Record<string, unknown> {
  return {
    add_bos_token: false,
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(specialTokens(vocab)),
    additional_special_tokens: SPECIAL_TOKENS.slice(1),
    bos_token: null,
    clean_up_tokenization_spaces: false,
    eos_token: '<|im_end|>',
    errors: 'replace',
    model_max_length: 32768,
    pad_token: '<|endoftext|>',
    split_special_tokens: false,
    tokenizer_class: 'Qwen2Tokenizer',
    unk_token: null,
  };
}

function specialTokens(vocab: LearnedVocabulary['vocab']): [id: number, token: Record<string, unknown>][] {
  const first = Object.keys(vocab).length;
  return SPECIAL_TOKENS.map((content, i) => [
    first + i,
    { content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ]);
}
