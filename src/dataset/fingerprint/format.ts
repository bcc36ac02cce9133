import { endsOf, packCounts } from './counts.ts';

/** Changes with whatever makes fingerprints of other rows, or other fingerprints of the same rows. */
export const FINGERPRINT_VERSION = 4;

/** Changes with whatever makes another row of the same fingerprints another's. */
export const JUDGING_VERSION = 4;

/** "FOFP". */
const MAGIC = 0x464f4650;
const HEADER_WORDS = 7;

/** Added to the number of numbers in {@link Fingerprint.kindOfPair} of a pair whose answer is compared by itself. */
export const LONG_ANSWER = 128;

/** A fingerprint that has been read. Rows have pairs of turns, pairs have grams, each in the order of the dataset. */
export interface Fingerprint {
  rowCount: number;
  /** Per row: the index after its last pair. */
  pairEnd: Uint32Array;
  /** Two words a pair: question and answer as a whole. */
  pairHashes: Uint32Array;
  /** Per pair: a hash of its question, 0 when that is too short to tell much. */
  questionHashes: Uint32Array;
  /** Per pair: the index after its last word. */
  wordEnd: Uint32Array;
  /** Per pair: symbols of what is compared, 65,535 for more. */
  symbolsOfPair: Uint16Array;
  /**
   * Per pair: how many of its words, the first, are hashes of numbers. With {@link LONG_ANSWER} added, the others are grams
   * of the answer; else the answer is too short to be anybody's by itself, and they are grams of the question that go with
   * this answer only.
   */
  kindOfPair: Uint8Array;
  /** Per pair: which share of its grams is taken ({@link limitOf}). */
  levelOfPair: Uint8Array;
  /** Per pair: the share of its grams, in 255ths, that repeat its question; 0 where the answer is short. */
  echoOfPair: Uint8Array;
  /** Grams have their lowest bit set when many rows of the same dataset have them. */
  words: Uint32Array;
}

/** Powers of two that a gram tells apart, of how small its hash is; the last stands for all that are smaller. */
const SCALES = 8;
/** Bits of a gram behind those that tell its scale; its word has one more. */
const FRACTION_BITS = 28;

/**
 * The gram with a hash of 64 bits, kept as floating-point numbers are: the larger the hash, the larger the gram. Of long rows
 * only grams with small hashes are taken, whose first bits are all 0; so those behind them are kept, and grams that are
 * other ones seldom look the same.
 * @param high the first 32 bits, below 2^32
 * @param low the others, of which the first 3 count
 */
export function gramWith(high: number, low: number): number {
  const scale = Math.min(SCALES - 1, Math.clz32(high));
  // The first bit that is set says no more than the scale, but of the smallest.
  const told = Math.min(SCALES - 1, scale + 1);
  const fraction = ((high << told) | (low >>> (32 - told))) >>> (32 - FRACTION_BITS);
  return (((SCALES - 1 - scale) << (FRACTION_BITS + 1)) | (fraction << 1)) >>> 0;
}

/** Levels of sampling: each takes about 8 % fewer grams, all of them among those of the level before. */
export const LEVELS = 42;
/** By level: grams with a smaller hash are taken, as a share of all. */
const SHARES = Array.from({ length: LEVELS }, (_, level) => Math.round(2 ** (32 - level / 8)) / 2 ** 32);
const LIMITS = SHARES.map((share) => (share === 1 ? 2 ** 32 : gramWith(share * 2 ** 32, 0)));

/** Smaller grams are taken at a level. */
export function limitOf(level: number): number {
  return LIMITS[Math.min(level, LEVELS - 1)] ?? 0;
}

/** Which share of all grams is taken at a level. */
export function shareOf(level: number): number {
  return SHARES[Math.min(level, LEVELS - 1)] ?? 0;
}

/** The bit of a word that says whether many rows of the dataset have the gram. */
export const COMMON = 1;

/** A gram without the bit that says how common it is. */
export function gramOf(word: number): number {
  return (word & ~COMMON) >>> 0;
}

export function isCommon(word: number): boolean {
  return (word & COMMON) !== 0;
}

/** What a common gram weighs: a phrase that many rows of a dataset have says little of any of them. */
export const COMMON_WEIGHT = 0.2;

export function weightOf(word: number): number {
  return isCommon(word) ? COMMON_WEIGHT : 1;
}

/** The bytes that {@link readFingerprint} reads. Little-endian, as every machine this runs on. */
export function writeFingerprint(print: Omit<Fingerprint, 'rowCount'>): Uint8Array {
  const { pairHashes, questionHashes, words } = print;
  const [pairsOfRow, wordsOfPair] = [packCounts(print.pairEnd), packCounts(print.wordEnd)];
  const lengths = [print.pairEnd.length, print.wordEnd.length, words.length];
  const parts = [
    Uint32Array.of(MAGIC, FINGERPRINT_VERSION, ...lengths, pairsOfRow.large.length, wordsOfPair.large.length),
    ...[pairsOfRow.large, wordsOfPair.large, pairHashes, questionHashes, words, print.symbolsOfPair],
    ...[pairsOfRow.bytes, wordsOfPair.bytes, print.kindOfPair, print.levelOfPair, print.echoOfPair],
  ];
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
  }
  return bytes;
}

/** `null` when the bytes are of another version, or damaged: the dataset has to be fingerprinted anew. */
export function readFingerprint(bytes: Uint8Array): Fingerprint | null {
  if (bytes.byteLength < 4 * HEADER_WORDS) return null;
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const [magic, version, ...lengths] = new Uint32Array(buffer, byteOffset, HEADER_WORDS);
  if (magic !== MAGIC || version !== FINGERPRINT_VERSION) return null;
  const [rows = 0, pairs = 0, count = 0, largeOfRows = 0, largeOfPairs = 0] = lengths;
  const length = 4 * (HEADER_WORDS + largeOfRows + largeOfPairs + 3 * pairs + count) + 6 * pairs + rows;
  if (length !== bytes.byteLength) return null;
  let offset = byteOffset + 4 * HEADER_WORDS;
  const takeWords = (count: number) => {
    offset += 4 * count;
    return new Uint32Array(buffer, offset - 4 * count, count);
  };
  const takeBytes = (count: number) => {
    offset += count;
    return new Uint8Array(buffer, offset - count, count);
  };
  const [largeRows, largePairs] = [takeWords(largeOfRows), takeWords(largeOfPairs)];
  const [pairHashes, questionHashes, words] = [takeWords(2 * pairs), takeWords(pairs), takeWords(count)];
  const symbolsOfPair = new Uint16Array(buffer, offset, pairs);
  offset += symbolsOfPair.byteLength;
  const pairEnd = endsOf({ bytes: takeBytes(rows), large: largeRows }, pairs);
  const wordEnd = endsOf({ bytes: takeBytes(pairs), large: largePairs }, count);
  if (!pairEnd || !wordEnd) return null;
  return {
    ...{ rowCount: rows, pairEnd, wordEnd, pairHashes, questionHashes, words, symbolsOfPair },
    ...{ kindOfPair: takeBytes(pairs), levelOfPair: takeBytes(pairs), echoOfPair: takeBytes(pairs) },
  };
}
