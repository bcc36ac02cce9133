import { printable } from '../../shared/printable.ts';

export { printable };

const WIDTH = 80;
const LABEL_WIDTH = 11;

/** A label and its text, in lines of 80 characters; a word that is longer stands whole. */
export function labelled(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = '';
  const room = Math.max(LABEL_WIDTH, label.length + 1);
  for (const word of text.split(' ')) {
    const width = WIDTH - (lines.length === 0 ? room : LABEL_WIDTH);
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((words, i) => (i === 0 ? label : '').padEnd(i === 0 ? room : LABEL_WIDTH) + words);
}

/** Such as "20,000". For a whole number nothing is loaded: the tables of `toLocaleString` take longer than a page. */
export const number = (value: number) =>
  Number.isSafeInteger(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, ',') : value.toLocaleString('en');
/** Such as "1 row" or "2 rows". */
export const amount = (value: number, noun: string) => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
/** The first of a list of lines, with dots where there are more. */
export const lineList = (lines: number[], all: number) => lines.join(', ') + (all > lines.length ? ', ...' : '');

/** Such as "under 1 %". */
export function share(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  return part > 0 && percent < 1 ? 'under 1 %' : `${number(Math.round(percent))} %`;
}

/** As a shell takes it for one word. */
export const quoted = (path: string) =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${printable(path).replaceAll("'", "'\\''")}'`;
