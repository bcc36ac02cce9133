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
export function bytePairEncoder(model: BytePairModel): (word: string) => number[] {
  const { byteIds, ranks, mergedIds } = readModel(model);
  return (word) => {
    // A token lies at the place of its first byte; the places of its others hold none.
    const ids = Int32Array.from(new TextEncoder().encode(word), (byte) => at(byteIds, byte));
    const next = ids.map((_, place) => (place + 1 < ids.length ? place + 1 : NONE));
    const previous = ids.map((_, place) => place - 1);
    const queue = new Queue(3 * ids.length);
    const rankAt = (place: number) => {
      const right = ids[place] === NONE ? NONE : at(next, place);
      return right === NONE ? undefined : ranks.get(at(ids, place) * PLACES + at(ids, right));
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
      const right = at(next, place);
      ids[place] = at(mergedIds, rank);
      ids[right] = NONE;
      const after = at(next, right);
      next[place] = after;
      if (after !== NONE) previous[after] = place;
      propose(at(previous, place));
      propose(place);
    }
    return Array.from(ids.filter((id) => id !== NONE));
  };
}

/** A function of its own: what closes over a vocabulary of 150,000 strings keeps it. */
function readModel({ vocab, merges }: BytePairModel) {
  const byteIds = Int32Array.from(byteCharacters(), (character) => vocab[character] ?? NONE);
  const mergedIds = new Int32Array(merges.length);
  /** By the ids of both sides. */
  const ranks = new Map<number, number>();
  merges.forEach((merge, rank) => {
    const [left, right] = (typeof merge === 'string' ? merge.split(' ', 2) : merge) as [string, string];
    const [leftId, rightId, mergedId] = [vocab[left], vocab[right], vocab[left + right]];
    if (leftId === undefined || rightId === undefined || mergedId === undefined) return;
    ranks.set(leftId * PLACES + rightId, rank);
    mergedIds[rank] = mergedId;
  });
  return { byteIds, ranks, mergedIds };
}

/** Whether any text can be encoded. */
export function holdsEveryByte({ vocab }: Pick<BytePairModel, 'vocab'>): boolean {
  return byteCharacters().every((character) => Object.hasOwn(vocab, character));
}

/** What lies at a place; beyond the ends of a word, nothing. */
function at(places: Int32Array, place: number): number {
  return places[place] ?? NONE;
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

  /** Infinity where there is none. */
  #at(index: number): number {
    return this.#items[index] ?? Number.POSITIVE_INFINITY;
  }

  push(item: number): void {
    const items = this.#items;
    let at = this.size++;
    for (let parent = (at - 1) >> 1; at > 0 && this.#at(parent) > item; parent = (at - 1) >> 1) {
      items[at] = this.#at(parent);
      at = parent;
    }
    items[at] = item;
  }

  pop(): number {
    const items = this.#items;
    const least = this.#at(0);
    const item = this.#at(--this.size);
    let at = 0;
    for (let child = 1; child < this.size; child = 2 * at + 1) {
      if (child + 1 < this.size && this.#at(child + 1) < this.#at(child)) child++;
      if (this.#at(child) >= item) break;
      items[at] = this.#at(child);
      at = child;
    }
    items[at] = item;
    return least;
  }
}
