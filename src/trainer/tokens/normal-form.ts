import { requiredEntry } from '../../shared/required.ts';

/** Shorter runs cost nothing. */
const LONG_RUN = /\p{M}{64,}/gu;
/** Marks of the lowest and of the highest combining class. */
const LOWEST = '\u0334';
const HIGHEST = '\u0345';

/**
 * Unicode's NFC, as `String.normalize` gives it, in linear time. That one moves each combining mark past all before it that
 * belong behind: a megabyte of marks in turn above and below a letter takes it more than a minute.
 */
export function toNfc(text: string): string {
  return text.replace(LONG_RUN, inCanonicalOrder).normalize('NFC');
}

/** Marks sorted by combining class (UAX #15), those of one class as they were; none passes a starter, of class 0. */
function inCanonicalOrder(run: string): string {
  const decomposed = new Map([...new Set(run)].map((mark) => [mark, [...mark.normalize('NFD')]]));
  const kinds = [...new Set([...decomposed.values()].flat())];
  const classes = new Map<string, number>();
  let previous: { mark: string; place: number } | undefined;
  // JavaScript does not tell the class of a mark, but which of two comes first.
  for (const mark of kinds.filter((kind) => !isStarter(kind)).sort((a, b) => (isBefore(a, b) ? -1 : +isBefore(b, a)))) {
    const place: number = previous ? previous.place + +isBefore(previous.mark, mark) : 0;
    classes.set(mark, place);
    previous = { mark, place };
  }
  let ordered = '';
  let byClass: string[] = [];
  for (const written of run) {
    for (const mark of requiredEntry(decomposed, written)) {
      const place = classes.get(mark);
      if (place === undefined) {
        ordered += byClass.join('') + mark;
        byClass = [];
      } else byClass[place] = (byClass[place] ?? '') + mark;
    }
  }
  return ordered + byClass.join('');
}

function isStarter(mark: string): boolean {
  return !isBefore(mark, HIGHEST) && !isBefore(LOWEST, mark);
}

/** Whether `b` in front of `a` is moved behind it: neither is a starter, and the class of `a` is lower. */
function isBefore(a: string, b: string): boolean {
  return (b + a).normalize('NFD') === a + b && a !== b;
}
