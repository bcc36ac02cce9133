/** After every time at which anything was shown. */
export const NEVER = 0xffffffff;

/** In place of a time. */
const SEVERAL = NEVER - 1;

/** Rows are numbered so that numbers that differ in the last bits only, a block of them, are of one showing. */
const LAST_BITS = 8;
export const BLOCK = 2 ** LAST_BITS;

/** What {@link RowNumbers} knows. */
export interface NumberedRows {
  /** By block: index of the showing. */
  showings: Uint32Array;
  /** By block: when all its rows were shown, {@link SEVERAL} when at several times. */
  times: Uint32Array;
  /** By block with rows of several times: the time of each. */
  several: Map<number, Uint32Array>;
  /** Per showing: the same number for the same owner. */
  owners: Uint32Array;
  /** Per showing: when its first row was shown. */
  begins: Uint32Array;
}

/** The rows of all showings by one number: whose they are, and when they were shown. */
export class RowNumbers {
  readonly rows: NumberedRows;

  constructor(rows: NumberedRows) {
    this.rows = rows;
  }

  showingOf(number: number): number {
    return this.rows.showings[number >>> LAST_BITS]!;
  }

  ownerOf(number: number): number {
    return this.rows.owners[this.showingOf(number)]!;
  }

  shownAt(number: number): number {
    const block = number >>> LAST_BITS;
    const time = this.rows.times[block]!;
    return time === SEVERAL ? this.rows.several.get(block)![number % BLOCK]! : time;
  }

  /** When the first row of its showing was shown. */
  beginOf(number: number): number {
    return this.rows.begins[this.showingOf(number)]!;
  }

  /** @param times of the rows from the first number of a block on. */
  setTimes(first: number, times: Uint32Array): void {
    for (let row = 0; row < times.length; row += BLOCK)
      this.rows.times[(first + row) >>> LAST_BITS] = timeOfBlock(
        (first + row) >>> LAST_BITS,
        times.subarray(row, row + BLOCK),
        this.rows.several,
      );
  }
}

/** The time of all rows of a block; notes the time of each when there are several. */
export function timeOfBlock(block: number, times: Uint32Array, several: Map<number, Uint32Array>): number {
  several.delete(block);
  if (times.every((at) => at === times[0])) return times[0]!;
  several.set(block, times.slice());
  return SEVERAL;
}
