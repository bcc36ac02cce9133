/** The most that is sent between processes in one message: more would block the event loop while it is copied. */
const SLICE_SIZE = 64 * 1024;

/** Items in groups of about 64 Ki in size; a larger item is one by itself. */
export class Slices<T> {
  readonly #sizeOf: (item: T) => number;
  #slices: T[][] = [];
  #size = Number.POSITIVE_INFINITY;

  constructor(sizeOf: (item: T) => number) {
    this.#sizeOf = sizeOf;
  }

  add(item: T): void {
    if (this.#size >= SLICE_SIZE) {
      this.#slices.push([]);
      this.#size = 0;
    }
    this.#slices.at(-1)?.push(item);
    this.#size += this.#sizeOf(item);
  }

  /** What was added since the last call. */
  take(): T[][] {
    const slices = this.#slices;
    this.#slices = [];
    this.#size = Number.POSITIVE_INFINITY;
    return slices;
  }
}
