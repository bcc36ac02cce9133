const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];

export interface JsonElementsParameters {
  /** Whether they stand in an array, whose opening bracket has been read, or one after another. */
  inArray: boolean;
  /** Most characters of one element. */
  maxChars: number;
}

/**
 * Cuts JSON text that comes in pieces into objects, arrays and strings, whatever stands in them. Holds one at a time, and
 * parses none: a text that is no JSON gives elements that are none.
 */
export class JsonElements {
  readonly #inArray: boolean;
  readonly #maxChars: number;
  #parts: string[] = [];
  #length = 0;
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #ended = false;

  constructor({ inArray, maxChars }: JsonElementsParameters) {
    this.#inArray = inArray;
    this.#maxChars = maxChars;
  }

  /** Why no more can be read, once that is so. */
  problem: string | null = null;

  /** The elements that end in this piece; none after a problem or the end of the array. */
  *push(text: string): Generator<string> {
    let start = this.#isOpen ? 0 : -1;
    for (let at = 0; at < text.length && !this.#ended && this.problem === null; at++) {
      const unit = text.charCodeAt(at);
      if (this.#inString) this.#inText(unit);
      else if (isSpace(unit)) continue;
      else if (start >= 0) this.#within(unit);
      else if (this.#begins(unit)) start = at;
      if (start < 0 || this.#isOpen) continue;
      yield this.#take(text.slice(start, at + 1));
      start = -1;
    }
    if (start < 0) return;
    this.#length += text.length - start;
    this.#parts.push(text.slice(start));
    if (this.#length > this.#maxChars) this.problem = `an element has more than ${this.#maxChars} characters`;
  }

  /** To be called after the last piece. */
  end(): void {
    if (this.problem !== null || this.#ended) return;
    if (this.#isOpen) this.problem = 'the JSON ends within an element: the file is cut off, or a bracket is missing';
    else if (this.#inArray) this.problem = 'the JSON array is not closed: the file is cut off';
  }

  get #isOpen(): boolean {
    return this.#depth > 0 || this.#inString;
  }

  /** Between two elements. @returns whether one begins. */
  #begins(unit: number): boolean {
    if (unit === COMMA) return false;
    if (unit === CLOSE_LIST && this.#inArray) this.#ended = true;
    else if (unit === QUOTE) this.#inString = true;
    else if (unit === OPEN || unit === OPEN_LIST) this.#depth = 1;
    else this.problem = `expected an object, saw "${String.fromCharCode(unit).replace(/[\p{C}"]/u, '\ufffd')}"`;
    return this.#isOpen;
  }

  #within(unit: number): void {
    if (unit === QUOTE) this.#inString = true;
    else if (unit === OPEN || unit === OPEN_LIST) this.#depth++;
    else if (unit === CLOSE || unit === CLOSE_LIST) this.#depth--;
  }

  #inText(unit: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (unit === BACKSLASH) this.#isEscaped = true;
    else if (unit === QUOTE) this.#inString = false;
  }

  #take(last: string): string {
    const element = this.#parts.join('') + last;
    this.#parts = [];
    this.#length = 0;
    return element;
  }
}

const isSpace = (unit: number) => unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
