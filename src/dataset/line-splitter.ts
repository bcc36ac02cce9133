export interface Line {
  /** Counted from 1. */
  number: number;
  /** Without the newline; `null` when the line is longer than allowed (it is skipped, never buffered). */
  bytes: Uint8Array | null;
}

export interface LineSplitterParameters {
  maxLineBytes: number;
  /** Further lines are only counted. Default: none. */
  maxLines?: number;
}

const NEWLINE = 0x0a;

/** Cuts bytes that come in pieces into lines, at newlines only. A newline at the very end starts no further line. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  readonly #maxLines: number;
  /** The line that is not complete yet. */
  #parts: Uint8Array[] = [];
  #length = 0;
  #complete = 0;

  constructor({ maxLineBytes, maxLines = Number.POSITIVE_INFINITY }: LineSplitterParameters) {
    this.#maxLineBytes = maxLineBytes;
    this.#maxLines = maxLines;
  }

  /** Lines so far, the one that is not complete yet included. */
  get lines(): number {
    return this.#complete + (this.#length > 0 ? 1 : 0);
  }

  /** The lines that end in this piece. They share its memory. */
  *push(chunk: Uint8Array): Generator<Line> {
    let start = 0;
    while (this.#complete < this.#maxLines) {
      const end = chunk.indexOf(NEWLINE, start);
      this.#take(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end < 0) return;
      yield this.#line();
      start = end + 1;
    }
    this.#count(chunk, start);
  }

  /** The last line, where no newline ends it. */
  *end(): Generator<Line> {
    if (this.#length > 0 && this.#complete < this.#maxLines) yield this.#line();
  }

  #take(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxLineBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #line(): Line {
    const bytes = this.#length > this.#maxLineBytes ? null : joined(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return { number: ++this.#complete, bytes };
  }

  /** Byte by byte: there may be a newline in each. */
  #count(chunk: Uint8Array, from: number): void {
    let newlines = 0;
    for (let at = from; at < chunk.length; at++) if (chunk[at] === NEWLINE) newlines++;
    this.#complete += newlines;
    if (chunk.length > from) this.#length = chunk[chunk.length - 1] === NEWLINE ? 0 : 1;
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
