import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FlockOffError } from '../../errors/flock-off-error.ts';
import { requiredEntry, requiredItem } from '../../shared/required.ts';
import { TOKENIZER_FILES } from '../model/model-files.ts';
import { bytePairEncoder, holdsEveryByte } from './byte-pairs.ts';
import { QWEN_SPLIT, textPieces } from './text-pieces.ts';

/** Text to token ids; no special tokens are added. */
export interface TextTokenizer {
  /** One more than the largest id it gives. */
  vocabSize: number;
  /** The first `maxTokens` tokens of a text; all of them by default. */
  encode(text: string, maxTokens?: number): number[];
}

export interface LoadTokenizerParameters {
  /** Folder with tokenizer.json and tokenizer_config.json. */
  folder: string;
}

interface PackageParameters extends LoadTokenizerParameters {
  /** What tokenizer.json and tokenizer_config.json hold. */
  json: unknown;
  config: unknown;
}

/** The parts of tokenizer.json that this package reads itself. */
const TokenizerJson = z.object({
  added_tokens: z.array(z.looseObject({ id: z.int().nonnegative(), content: z.string() })),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  model: z.looseObject({
    type: z.literal('BPE'),
    // Not copied: there are 150,000 of them.
    vocab: z.custom<Record<string, number>>((value) => typeof value === 'object' && value !== null),
    merges: z.custom<(string | string[])[]>((value) => Array.isArray(value)),
  }),
});
type TokenizerJson = z.infer<typeof TokenizerJson>;

const never = z.literal(false).optional();
/** The pipeline that {@link textPieces} and {@link bytePairEncoder} know. */
const QwenPipeline = z.object({
  added_tokens: z.array(z.object({ normalized: z.literal(false), lstrip: never, rstrip: never, single_word: never })),
  normalizer: z.object({ type: z.literal('NFC') }),
  pre_tokenizer: z.object({
    type: z.literal('Sequence'),
    pretokenizers: z.tuple([
      z.object({
        type: z.literal('Split'),
        pattern: z.object({ Regex: z.literal(QWEN_SPLIT) }),
        behavior: z.literal('Isolated'),
        invert: z.literal(false),
      }),
      z.object({ type: z.literal('ByteLevel'), add_prefix_space: z.literal(false), use_regex: z.literal(false) }),
    ]),
  }),
  model: z.object({
    dropout: z.null().optional(),
    byte_fallback: never,
    ignore_merges: never,
    continuing_subword_prefix: z.literal('').nullish(),
    end_of_word_suffix: z.literal('').nullish(),
  }),
});

const CHATML_TOKENS = ['<|im_start|>', '<|im_end|>'];

/**
 * Reads a tokenizer from a folder, without the network. The peer dependency is loaded for pipelines other than Qwen's only.
 * @throws FlockOffError `bad-model` when a file is missing or unreadable, or ChatML's tokens are not in it;
 * `backend-unavailable` without the peer dependency, where it is needed.
 */
export async function loadTokenizer({ folder }: LoadTokenizerParameters): Promise<TextTokenizer> {
  const [tokenizerFile, configFile] = TOKENIZER_FILES as [string, string];
  // One after the other: where both are missing, it is always the same that is named.
  const json = await readJson(folder, tokenizerFile);
  const config = await readJson(folder, configFile);
  const parsed = TokenizerJson.safeParse(json);
  if (!parsed.success) {
    const issue = requiredItem(parsed.error.issues, 0);
    throw badTokenizer(folder, `tokenizer.json: ${issue.path.join('.')}: ${issue.message}`, parsed.error);
  }
  const piecesOf = isQwen(parsed.data) ? qwenPieces(parsed.data) : await packagePieces({ folder, json, config });
  const encode = (text: string, maxTokens = Number.POSITIVE_INFINITY) => {
    const ids: number[] = [];
    for (const piece of piecesOf(text)) {
      if (ids.length >= maxTokens) break;
      for (const id of piece) if (ids.length < maxTokens) ids.push(id);
    }
    return ids;
  };
  const strange = CHATML_TOKENS.find((token) => encode(token).length !== 1);
  if (strange) throw badTokenizer(folder, `it has no token ${strange}, which every chat is written with`);
  return { vocabSize: largestId(parsed.data) + 1, encode };
}

/** The ids of a text, part by part. */
type PiecesOf = (text: string) => Iterable<number[]>;

function isQwen(json: TokenizerJson): boolean {
  return QwenPipeline.safeParse(json).success && holdsEveryByte(json.model);
}

/**
 * Word by word: a text says most of its words again and again, and of a long one only the beginning is encoded. The package
 * would take 160 MiB more for Qwen2.5's vocabulary, and 14 s and a gigabyte for a megabyte of one word.
 */
function qwenPieces({ added_tokens, model }: TokenizerJson): PiecesOf {
  const addedIds = new Map(added_tokens.map(({ id, content }) => [content, id]));
  const pieces = textPieces([...addedIds.keys()]);
  const encodeWord = remembering(bytePairEncoder(model));
  return function* (text) {
    for (const piece of pieces(text))
      yield piece.kind === 'added' ? [requiredEntry(addedIds, piece.text)] : encodeWord(piece.text);
  };
}

/** A text whole, by whatever pipeline the tokenizer has. */
async function packagePieces({ folder, json, config }: PackageParameters): Promise<PiecesOf> {
  const { Qwen2Tokenizer } = await importTransformers();
  try {
    const tokenizer = new Qwen2Tokenizer(json, config);
    return (text) => [tokenizer.encode(text, { add_special_tokens: false })];
  } catch (cause) {
    throw badTokenizer(folder, 'it cannot be read', cause);
  }
}

/** Words that are remembered at a time, and the longest of them in characters: about 10 MB. */
const [MOST_WORDS, LONGEST_WORD] = [50_000, 32];

function remembering(encode: (word: string) => number[]): (word: string) => number[] {
  const known = new Map<string, number[]>();
  return (word) => {
    const before = known.get(word);
    if (before) return before;
    const ids = encode(word);
    if (word.length > LONGEST_WORD) return ids;
    if (known.size === MOST_WORDS) known.clear();
    // A part of a text keeps the whole of it in memory.
    known.set(Buffer.from(word, 'utf16le').toString('utf16le'), ids);
    return ids;
  };
}

function largestId({ added_tokens, model }: TokenizerJson): number {
  let largest = 0;
  for (const { id } of added_tokens) largest = Math.max(largest, id);
  for (const id of Object.values(model.vocab)) largest = Math.max(largest, id);
  return largest;
}

async function readJson(folder: string, file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(join(folder, file), 'utf8');
  } catch (cause) {
    throw new FlockOffError({
      code: 'bad-model',
      what: `the model folder ${folder} has no readable ${file}`,
      fix: 'copy the tokenizer files of the base model into it',
      facts: { path: join(folder, file) },
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badTokenizer(folder, `${file} is not JSON`, cause);
  }
}

function badTokenizer(folder: string, reason: string, cause?: unknown): FlockOffError {
  return new FlockOffError({
    code: 'bad-model',
    what: `the tokenizer in ${folder} cannot be used: ${reason}`,
    fix: 'copy tokenizer.json and tokenizer_config.json of the base model again',
    facts: { path: folder, reason },
    cause,
  });
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
