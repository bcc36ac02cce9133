import type { RowProblem } from './parse-row.ts';

/** Bad lines with the same problem. */
export interface ProblemKind {
  kind: string;
  /** How many lines have it. */
  count: number;
  /** The first of them, up to three. */
  lines: number[];
}

const KINDS_SAID = 3;
const LINES_NAMED = 3;

/** Bad lines by their problem, so that what is wrong with every line is said once. */
export class ProblemKinds {
  readonly #kinds = new Map<string, ProblemKind & { problem: string }>();
  /** Bad lines in all. */
  lines = 0;

  add(line: number, { kind, problem }: RowProblem): void {
    this.lines++;
    const known = this.#kinds.get(kind) ?? { kind, count: 0, lines: [], problem };
    this.#kinds.set(kind, known);
    known.count++;
    if (known.lines.length < LINES_NAMED) known.lines.push(line);
  }

  /** In the order of their first lines. */
  list(): ProblemKind[] {
    return [...this.#kinds.values()].map(({ kind, count, lines }) => ({ kind, count, lines }));
  }

  /** One clause: each kind by its first line, exactly, with the others that have it. */
  toString(): string {
    const kinds = [...this.#kinds.values()];
    const said = kinds.slice(0, KINDS_SAID).map(({ count, lines: [first, ...others], problem }) => {
      if (count === 1) return `line ${first}: ${problem}`;
      const more = count > LINES_NAMED ? ', ...' : '';
      return `line ${first} and ${count - 1} more like it (${others.join(', ')}${more}): ${problem}`;
    });
    return said.join('; ') + (kinds.length > KINDS_SAID ? '; ...' : '');
  }
}
