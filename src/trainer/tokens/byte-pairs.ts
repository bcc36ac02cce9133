/** The `model` of a tokenizer.json: byte-level byte-pair encoding. */
export interface BytePairModel {
  /** Token, in the characters that stand for its bytes, to id. Holds every byte and every merge. */
  vocab: Record<string, number>;
  /** Pairs of tokens, the first to be merged first: lists of two, or with a space between. */
  merges: (string | string[])[];
}

/** Entries of the queue are rank * this + position: the lowest rank comes first, then the leftmost place. */
const PLACES = 2 ** 32;
const NONE = -1;

/**
 * Byte-pair encoding (Sennrich et al., 2016) of single words, without the splitting that comes before: for a word of n
 * bytes n log n steps and 36 n bytes of memory, whatever it says.
 */
export function bytePairEncoder({ vocab, merges }: BytePairModel): (word: string) => number[] {
  const byteIds = Int32Array.from(byteCharacters(), (character) => vocab[character]!);
  const mergedIds = new Int32Array(merges.length);
  /** By the ids of both sides. */
  const ranks = new Map<number, number>();
  merges.forEach((merge, rank) => {
    const [left, right] = (typeof merge === 'string' ? merge.split(' ', 2) : merge) as [string, string];
    ranks.set(vocab[left]! * PLACES + vocab[right]!, rank);
    mergedIds[rank] = vocab[left + right]!;
  });

  return (word) => {
    // A token lies at the place of its first byte; the places of its others hold none.
    const ids = Int32Array.from(new TextEncoder().encode(word), (byte) => byteIds[byte]!);
    const next = ids.map((_, place) => (place + 1 < ids.length ? place + 1 : NONE));
    const previous = ids.map((_, place) => place - 1);
    const queue = new Queue(3 * ids.length);
    const rankAt = (place: number) => {
      const right = ids[place] === NONE ? NONE : next[place]!;
      return right === NONE ? undefined : ranks.get(ids[place]! * PLACES + ids[right]!);
    };
    const propose = (place: number) => {
      const rank = place === NONE ? undefined : rankAt(place);
      if (rank !== undefined) queue.push(rank * PLACES + place);
    };
    for (let place = 0; place < ids.length; place++) propose(place);
    while (queue.size > 0) {
      const least = queue.pop();
      const [rank, place] = [Math.floor(least / PLACES), least % PLACES];
      if (rankAt(place) !== rank) continue; // one side has been merged with another since
      const right = next[place]!;
      ids[place] = mergedIds[rank]!;
      ids[right] = NONE;
      next[place] = next[right]!;
      if (next[place] !== NONE) previous[next[place]!] = place;
      propose(previous[place]!);
      propose(place);
    }
    return Array.from(ids.filter((id) => id !== NONE));
  };
}

/** The printable character that stands for each byte, as in GPT-2. */
function byteCharacters(): string[] {
  const isPrintable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : 256 + others++));
}

/** A binary heap of numbers, the least on top. */
class Queue {
  readonly #items: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.#items = new Float64Array(capacity);
  }

  push(item: number): void {
    const items = this.#items;
    let at = this.size++;
    for (let parent = (at - 1) >> 1; at > 0 && items[parent]! > item; parent = (at - 1) >> 1) {
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number {
    const items = this.#items;
    const least = items[0]!;
    const item = items[--this.size]!;
    let at = 0;
    for (let child = 1; child < this.size; child = 2 * at + 1) {
      if (child + 1 < this.size && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= item) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
    return least;
  }
}
