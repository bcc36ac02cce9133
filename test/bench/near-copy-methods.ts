import { gramWith } from '../../src/dataset/fingerprint/format.ts';
import { addGrams } from '../../src/dataset/fingerprint/grams.ts';
import { GrowingList } from '../../src/dataset/fingerprint/growing-list.ts';
import { normalForm } from '../../src/dataset/fingerprint/normal-form.ts';

/** Whether a text is taken for a copy of another, each remembered in about 130 bytes a kilobyte. */
export type Method = (original: string, copy: string) => boolean;

const MOST = 0.5;

function grams(text: string, limit: number, isTaken: (gram: number) => boolean): Set<number> {
  const list = new GrowingList();
  addGrams(list, normalForm(text), limit);
  return new Set([...list.view()].filter(isTaken));
}

function contained(copy: Set<number>, original: Set<number>): boolean {
  let shared = 0;
  for (const gram of copy) if (original.has(gram)) shared++;
  return copy.size > 0 && shared >= MOST * copy.size;
}

const FRACTION = gramWith(2 ** 32 / 25, 0);
const taken = (text: string) => grams(text, FRACTION, (gram) => gram < FRACTION);
const winnowed = (text: string) => grams(text, 0, () => true);

/** 8 bands of 4 hashes of shingles of five words, as text-dedup and datatrove make them. */
function minHashes(text: string): Uint32Array {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const least = new Uint32Array(32).fill(0xffffffff);
  for (let i = 0; i + 5 <= words.length; i++) {
    let hash = 2166136261;
    for (const c of words.slice(i, i + 5).join(' ')) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 16777619);
    for (let k = 0; k < 32; k++) {
      let mixed = Math.imul(hash ^ Math.imul(k + 1, 0x9e3779b1), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      least[k] = Math.min(least[k]!, (mixed ^ (mixed >>> 16)) >>> 0);
    }
  }
  return least;
}

export const METHODS: Record<string, Method> = {
  'winnowing (12 letters, windows of 53)': (original, copy) => contained(winnowed(copy), winnowed(original)),
  'FracMinHash (12 letters, 1 in 25)': (original, copy) => contained(taken(copy), taken(original)),
  'MinHash-LSH (5 words, 8 bands of 4)': (original, copy) => {
    const [a, b] = [minHashes(original), minHashes(copy)];
    return Array.from({ length: 8 }, (_, band) => [0, 1, 2, 3].every((i) => a[4 * band + i] === b[4 * band + i])).some(
      Boolean,
    );
  },
};
