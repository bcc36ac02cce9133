export interface Line {
  /** Counted from 1. */
  number: number;
  /** Without the newline; `null` when the line is longer than allowed (it is skipped, never buffered). */
  bytes: Uint8Array | null;
}

const NEWLINE = 0x0a;

/** Cuts bytes that come in pieces into lines, at newlines only. A newline at the very end starts no further line. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** The line that is not complete yet. */
  #parts: Uint8Array[] = [];
  #length = 0;
  #number = 1;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that end in this piece. They share its memory. */
  *push(chunk: Uint8Array): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk.subarray(start, end));
      yield this.#line();
      start = end + 1;
    }
    this.#take(chunk.subarray(start));
  }

  /** The last line, where no newline ends it. */
  *end(): Generator<Line> {
    if (this.#length > 0) yield this.#line();
  }

  #take(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxLineBytes) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #line(): Line {
    const bytes = this.#length > this.#maxLineBytes ? null : joined(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return { number: this.#number++, bytes };
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
